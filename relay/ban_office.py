"""How `roost ban` and its like reach the directory: through the node that runs, or else in its store.

A node that runs is told over the control socket of the worker that writes the directory: who may do that is
who may look into the data folder. Where none runs, the row is written here, under the folder's lock.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from actors.ports import system_clock
from relay.control import ask, control_path
from relay.errors import NodeNotAnsweringError, WrongNumberError
from relay.phones import check_phone
from storage import Op, StorageError, accounts, bans, holder_of, open_environment, open_outside
from storage.bans import BanRecord
from storage.errors import FolderUnusableError
from storage.folder import FolderLock
from storage.offline import open_writer

DIRECTORY_WORKER = 0

ORDER_SECONDS = 10.0
"""A commit and the end of some connections."""

USAGE = 2
FAILED = 1


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an order."""

    phone: str
    devices: int
    """How many devices the account of the number has."""


def ban(data: Path, phone: str, reason: str) -> Done:
    """Ban a number.

    Raises:
        WrongNumberError: it cannot be anybody's.
        NodeNotAnsweringError: a node runs there, and does not answer.
        StorageError: the store cannot be read or written.
    """
    number = check_phone(phone)
    record = BanRecord(int(system_clock.now()), reason)
    return _order(data, number, "ban", {"reason": reason}, bans.put_ban(number, record))


def unban(data: Path, phone: str) -> Done:
    """End the ban of a number; harmless if there is none. Raises as `ban`."""
    number = check_phone(phone)
    return _order(data, number, "unban", {}, bans.remove_ban(number))


def all_bans(data: Path) -> list[tuple[str, BanRecord]]:
    """Every ban, by number; whether or not a node runs.

    Raises:
        StorageError: the store cannot be read.
    """
    with open_outside(data) as view, view.directory.read() as reader:
        return list(bans.list_bans(reader))


def reported(work: Callable[[], None]) -> int:
    """Run a command's work to its exit status; what an operator can mend is said in a sentence."""
    try:
        work()
    except WrongNumberError as error:
        return _fail(f"{error.problem.sentence}", USAGE)
    except (StorageError, NodeNotAnsweringError) as error:
        return _fail(str(error), FAILED)
    return 0


def _fail(problem: str, status: int) -> int:
    print(f"error: {problem}", file=sys.stderr)  # noqa: T201
    return status


def _order(data: Path, phone: str, name: str, facts: dict[str, str], op: Op) -> Done:
    """Have it done by the node that runs, or do it."""
    try:
        if holder_of(data) is not None:
            return Done(phone, _told(data, name, facts | {"phone": phone}))
        return Done(phone, _done_offline(data, phone, [op]))
    except OSError as error:
        raise FolderUnusableError(data, error) from error


def _told(data: Path, name: str, facts: dict[str, str]) -> int:
    question = f"{name} {json.dumps(facts)}"
    answer: Any = trio.run(ask, control_path(data, DIRECTORY_WORKER), question, ORDER_SECONDS)
    if not isinstance(answer, dict):
        raise NodeNotAnsweringError(data)
    if "error" in answer:
        raise NodeNotAnsweringError(data, str(answer["error"]))
    return int(answer["devices"])


def _done_offline(data: Path, phone: str, ops: Sequence[Op]) -> int:
    # Looked at from outside first: that creates nothing where no store is.
    with open_outside(data) as view:
        with view.directory.read() as reader:
            user = accounts.find_user_by_phone(reader, phone)
        devices = 0
        if user is not None:
            with view.environment_of(user).read() as reader:
                if accounts.has_number(reader, user, phone):
                    devices = len(accounts.list_devices(reader, user))
    with (
        FolderLock(data),
        open_environment(data, DIRECTORY_WORKER) as environment,
        open_writer(environment) as write,
    ):
        write(ops)
    return devices
