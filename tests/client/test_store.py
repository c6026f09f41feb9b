"""The whole store: what must hold when its process is killed at any moment, again and again."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from client.records import EntryKind, MessageState, ReceivedMessage
from client.store import STORE_FILE_NAME, Store
from protocol.e2e.message import PrekeyMessage, decode
from protocol.ids import MessageNumber
from tests.client.phones import SettableClock, TestPhone, seeded_entropy

Phones = tuple[TestPhone, TestPhone]

ROUNDS = 6


def run_and_kill(task: str, home: Path, argument: str, lines: int) -> list[str]:
    """Start a worker, let it print some lines, kill it while it goes on; all that it printed.

    It is killed while it runs on, so the moment is a different one in each run, inside a transaction often.
    """
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.client.crash_worker", task, str(home), argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with worker:
        assert worker.stdout is not None
        printed = [worker.stdout.readline() for _ in range(1 + lines)]
        worker.kill()
        printed += worker.stdout.readlines()
    assert worker.returncode == -signal.SIGKILL == -9
    # A line that was cut by the kill did not go out whole; whoever would have read it saw nothing.
    return [line.strip() for line in printed[1:] if line.endswith("\n")]


def message_key_id(ciphertext: bytes) -> tuple[bytes, int]:
    """Which message key sealed this: there is one for each ratchet key and number."""
    message = decode(ciphertext)
    inner = message.message if isinstance(message, PrekeyMessage) else message
    return inner.ratchet_key, inner.n


@pytest.mark.slow
def test_no_message_key_is_used_twice_and_nothing_is_lost_when_a_sender_is_killed(friends: Phones) -> None:
    alice, bob = friends
    # A running session, so that the ratchet is past its first chain.
    bob.read(alice, alice.send(bob, "hello"))
    alice.read(bob, bob.send(alice, "hello"))
    alice.store.mark_accepted(bob.user, MessageNumber(1))
    alice.store.close()

    went_out: dict[tuple[bytes, int], str] = {}  # {message key: the line that went out under it}
    moments = random.Random(1)
    for _ in range(ROUNDS):
        for line in run_and_kill("send", alice.home, str(bob.user), moments.randrange(1, 25)):
            ciphertext = bytes.fromhex(line.split()[2])
            assert went_out.setdefault(message_key_id(ciphertext), line) == line

    alice.store = Store.open(alice.home, seeded_entropy(7), SettableClock())
    sends = alice.store.unresolved_sends()
    assert [send.number for send in sends] == list(range(2, len(sends) + 2))
    stored = {f"{send.message_id} {send.number} {send.parts[0].ciphertext.hex()}" for send in sends}
    assert set(went_out.values()) <= stored
    while (queued := alice.store.next_to_encrypt()) is not None:
        sends.append(alice.store.encrypt(queued.message_id))
    received = [bob.receive(alice, send) for send in sends]
    assert all(isinstance(one, ReceivedMessage) for one in received)
    assert len(bob.store.history()) == len(alice.store.history()) == len(sends) + 2


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_a_receiver_is_killed(friends: Phones, tmp_path: Path) -> None:
    alice, bob = friends
    count = 150
    sends = [alice.send(bob, f"text {n}") for n in range(count)]
    deliveries = tmp_path / "deliveries"
    deliveries.write_text(
        "".join(f"{alice.user} 1 {send.number} {send.parts[0].ciphertext.hex()}\n" for send in sends)
    )
    bob.store.close()

    moments = random.Random(2)
    acknowledged = cursor = 0
    while acknowledged < count:
        # Two at least, because the first one is the repetition of what was stored last.
        lines = min(moments.randrange(2, 60), count - max(cursor - 1, 0))
        acknowledged = int(run_and_kill("receive", bob.home, str(deliveries), lines)[-1])
        with Store.open(bob.home, seeded_entropy(8), SettableClock()) as store:
            cursor = store.cursor()
        assert cursor >= acknowledged, "what is acknowledged is stored"

    bob.store = Store.open(bob.home, seeded_entropy(9), SettableClock())
    assert bob.texts() == [f"text {n}" for n in range(count)]
    assert {entry.kind for entry in bob.store.history()} == {EntryKind.TEXT}


def test_a_store_opened_again_goes_on_where_it_was(friends: Phones) -> None:
    alice, bob = friends
    for text in ("one", "two", "three"):
        assert bob.read(alice, alice.send(bob, text)) == text
        alice.reopen()
        bob.reopen()
        assert alice.read(bob, bob.send(alice, text)) == text
    assert alice.texts() == bob.texts() == ["one", "one", "two", "two", "three", "three"]


def test_closing_twice_is_harmless(phones: Phones) -> None:
    alice, _ = phones
    alice.store.close()
    alice.store.close()


def test_a_step_that_fails_half_way_leaves_session_and_number_as_they_were(friends: Phones) -> None:
    alice, bob = friends
    bob.read(alice, alice.send(bob, "one"))
    database = alice.store._database
    database.execute("CREATE TRIGGER full BEFORE INSERT ON parts BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    message_id = alice.store.queue_text(bob.user, "two")
    before = database.value("SELECT record FROM sessions")
    with pytest.raises(Exception, match="disk full"):
        alice.store.encrypt(message_id)
    assert database.value("SELECT record FROM sessions") == before
    assert [send.number for send in alice.store.unresolved_sends()] == [1]
    database.execute("DROP TRIGGER full")
    send = alice.store.encrypt(message_id)
    assert send.number == 2
    assert bob.read(alice, send) == "two"


def test_the_whole_way_of_a_message_in_ticks(friends: Phones) -> None:
    alice, bob = friends
    send = alice.send(bob, "hello")
    seen = []
    for step in (alice.store.mark_accepted, alice.store.mark_delivered, alice.store.mark_read):
        assert step(bob.user, send.number) == [send.message_id]
        entry = alice.store.entry(send.message_id)
        assert entry is not None
        seen.append(entry.state)
    assert seen == [MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.READ]


def test_no_plaintext_is_left_outside_the_store_file(friends: Phones) -> None:
    alice, bob = friends
    alice.send(bob, "a very particular sentence")
    alice.store.close()
    found = [path.name for path in alice.home.iterdir() if b"very particular" in path.read_bytes()]
    assert found == [STORE_FILE_NAME]
