"""In the place of faults/real/client.py: says what a client says, without phones. Its orders' seed says how.

0: says each word at once. 1: ends before it has joined. 2: never settles. 3: does not end with its leash.
4: does nothing but commit, for some seconds. 5: ends by itself once it was told something.
"""

import sys
import time
from pathlib import Path

from client.database import Database
from faults.real.commits import passages
from faults.real.orders import Orders, Word

ANSWERS = {Word.QUIET: Word.SETTLED, Word.SHOW: Word.SHOWN}


def commit(orders: Orders) -> None:
    home = Path(orders.folder) / orders.name
    home.mkdir(exist_ok=True)
    database = Database.open(home, "store")
    with passages(Path(orders.traps)):
        for number in range(1_000):
            with database.transaction(), database.transaction():
                database.execute(f"CREATE TABLE t{number} (x)")
            time.sleep(0.01)


def main() -> int:
    orders = Orders.load(Path(sys.argv[1]))
    if orders.seed == 1:
        print("there is no relay", file=sys.stderr)
        return 1
    print(Word.JOINED.value, flush=True)
    if orders.seed == 4:
        commit(orders)
        return 0
    if orders.seed == 5:
        sys.stdin.readline()
        return 7
    for line in sys.stdin:
        word = Word(line.strip())
        with Path(orders.ledger).open("a") as ledger:
            ledger.write(f"{word.value}\n")
        if word in ANSWERS and not (orders.seed == 2 and word is Word.QUIET):
            print(ANSWERS[word].value, flush=True)
    if orders.seed == 3:
        time.sleep(600)
    return 0


if __name__ == "__main__":
    sys.exit(main())
