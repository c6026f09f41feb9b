"""What the commands that change an account's settings share: opening the store, and waiting for the relay.

What is chosen is in the store before anything else happens. Whoever is the phone of the home brings it to the
relay: this command itself, or the ``roost listen`` or ``roost chat`` that runs there.
"""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import trio

from actors.ports import system_clock, system_entropy
from client.cli.command import DONE, REFUSED, TIME_IS_UP
from client.errors import HomeInUseError, NoAccountError, RelayRefusedError, RequestTimeoutError
from client.phone import Phone, open_phone
from client.store import Store
from protocol.codes import ErrorCode
from protocol.ids import UserId

WAIT_SECONDS = 15.0  # how long a command waits for the relay; what was chosen stays chosen
PATIENCE_SECONDS = 1.0  # for another command that is just leaving the home
WATCH_SECONDS = 0.05  # how often it looks whether the relay has heard


@contextmanager
def open_store(home: Path) -> Iterator[Store]:
    """The store of a home that somebody is registered in. Raises HomeError."""
    if not home.is_dir():
        raise NoAccountError(home)
    with Store.open(home, system_entropy, system_clock) as store:
        if store.account() is None:
            raise NoAccountError(home)
        yield store


@asynccontextmanager
async def open_online(home: Path) -> AsyncIterator[Phone]:
    """Be the phone of a home, with a connection.

    Raises:
        HomeInUseError: another command is the phone of this home.
        RequestTimeoutError: there is no connection within ``WAIT_SECONDS``.
        ClientError: there never will be, or the home cannot be used.
    """
    async with open_phone(home, patience=PATIENCE_SECONDS) as phone:
        with trio.move_on_after(WAIT_SECONDS) as waiting:
            await phone.wait_online()
        if waiting.cancelled_caught:
            raise RequestTimeoutError
        yield phone


async def bring(home: Path, is_brought: Callable[[], bool]) -> bool:
    """Wait until the relay has heard; False if the time was up. Raises ClientError if it never can."""
    with trio.move_on_after(WAIT_SECONDS):
        while not is_brought():
            try:
                async with open_phone(home) as phone:
                    while not is_brought():
                        phone.raise_if_stopped()
                        await trio.sleep(WATCH_SECONDS)
            except HomeInUseError:
                await trio.sleep(WATCH_SECONDS)  # whoever holds the home brings it
    return is_brought()


def outcome(is_brought: bool, refusal: str | None) -> int:
    """The exit status, and for people on standard error what is to be said with it."""
    if refusal is not None:
        sentences = {code.wire_name: code.sentence for code in ErrorCode}
        print(f"error: {refusal}: {sentences.get(refusal, 'The relay refused it.')}", file=sys.stderr)
        return REFUSED
    if not is_brought:
        print(
            "error: time-is-up: it is stored here and goes to the relay with the next connection",
            file=sys.stderr,
        )
        return TIME_IS_UP
    return DONE


async def find(home: Path, store: Store, number: str) -> UserId:
    """Who has this number; asks the relay if this phone has never met them.

    Raises:
        RelayRefusedError: nobody has it, or the relay wants to be asked later.
        HomeInUseError: it has to be asked, and another command holds the home.
        ClientError: there is no connection.
    """
    user = store.user_of(number)
    if user is None:
        async with open_phone(home) as phone:
            with trio.move_on_after(WAIT_SECONDS):
                await phone.wait_online()
            user = await phone.find(number)
    if user is None:
        code = ErrorCode.UNKNOWN_USER
        raise RelayRefusedError(code.wire_name, code.sentence)
    return user
