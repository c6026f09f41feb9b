"""Keeps the PINs of the users of one worker: sets them, and lets past who knows one.

An actor because it must do one thing after the other: two guesses must not both read the store before either
is counted, and a hash takes 19 MiB and 50 ms, so one at a time bounds both.
Talks to: the users' mailboxes, which write the rows; the store; a thread for the hash.
Guarantees: a guess is durably counted before it is looked at (pins.py, rule 1).
Restarts as: permanent, with nothing lost: all its state is in the store.
"""

import hmac
import logging
from dataclasses import dataclass

from actors import Actor, ActorRef, MailboxFullError, Overflow
from actors.registry import Via
from protocol import ErrorCode, UserId
from relay import pins
from relay.config import COMMIT_SECONDS
from relay.errors import RefusalError
from relay.mailboxes import Mailboxes
from relay.pin_hash import SALT_BYTES
from relay.worker import Worker
from storage import JournalError
from storage import pins as stored_pins
from storage.pins import NOBODY_WAITS, PinRecord
from supervisors import ChildSpec

log = logging.getLogger("roost.relay")

NAME = "pin_guard"
"""What the registry knows it as."""

ASK_SECONDS = 2 * COMMIT_SECONDS


@dataclass(frozen=True, slots=True)
class Prove:
    """May whoever has proved the number have the account? Asked; answered with a bool or a RefusalError."""

    user: UserId
    pin: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """Set the PIN of a user, or take it away (None). Asked; answered when that is durable."""

    user: UserId
    pin: str | None


@dataclass(frozen=True, slots=True)
class CameBy:
    """A device of the user has logged in while somebody waits for the PIN to be out of the way."""

    user: UserId


class PinGuardHandle:
    """The guard of this worker, for its users. Every refusal is a RefusalError."""

    __slots__ = ("_ref", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._ref: ActorRef | Via = worker.system.via(NAME)

    async def prove(self, user: UserId, pin: str | None) -> bool:
        """Whether the account may be had as it is; False: the PIN is out of the way, and it starts anew.

        Raises:
            RefusalError: `pin-required` (seconds until it starts anew), `pin-wrong` (guesses left),
                `pin-locked` (seconds until there are guesses again), `storage-full`.
            ActorDeadError, CallTimeoutError: the guard has crashed or is slow.
        """
        answer = await self._ask(Prove(user, pin))
        assert isinstance(answer, bool)
        return answer

    async def change(self, user: UserId, pin: str | None) -> None:
        """Set the PIN of a user, or take it away (None).

        Raises:
            RefusalError: `pin-invalid`, `storage-full`.
            ActorDeadError, CallTimeoutError: as `prove`.
        """
        if pin is not None:
            pins.check_form(pin)
        await self._ask(Change(user, pin))

    def came_by(self, user: UserId) -> None:
        """A device of the user has logged in. Costs a look into the store, and nearly never more."""
        record = _load(self._worker, user)
        if record is not None and record.waiting_since != NOBODY_WAITS:
            try:
                self._ref.tell_nowait(CameBy(user))
            except MailboxFullError:
                pass  # it comes by again

    async def _ask(self, message: object) -> object:
        answer = await self._ref.ask(message, timeout=ASK_SECONDS)
        if isinstance(answer, RefusalError):
            raise answer
        return answer


def child_spec(worker: Worker) -> ChildSpec:
    """The guard of a worker."""
    return ChildSpec(id=NAME, start=lambda: PinGuard(worker))


class PinGuard(Actor):
    """The guard."""

    mailbox_limit = 256
    overflow = Overflow.REFUSE

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._mailboxes = Mailboxes(worker)

    async def on_start(self) -> None:
        """Be found by name.

        Raises:
            NameTakenError: there is one already.
        """
        self.system.registry.register(NAME, self.ref)

    async def handle(self, message: object) -> object:
        """One request after the other, each to its end; a refusal is an answer and no crash."""
        try:
            match message:
                case Prove(user, pin):
                    return await self._prove(user, pin)
                case Change(user, None):
                    await self._keep(user, None)
                case Change(user, str(pin)):
                    await self._set(user, pin)
                case CameBy(user):
                    await self._came_by(user)
                case _:
                    self.unexpected(message)
        except RefusalError as refusal:
            return refusal
        except JournalError:
            return RefusalError(ErrorCode.STORAGE_FULL)
        return None

    async def _prove(self, user: UserId, pin: str | None) -> bool:
        record = _load(self._worker, user)
        if record is None:
            return True
        if pin is None:
            return await self._wait(user, record)
        spent = pins.spend_guess(record, self._now())
        await self._keep(user, spent)
        if not hmac.compare_digest(record.digest, await self._hash(pin, record.salt)):
            log.info("pin_wrong", extra={"guesses_left": spent.guesses_left})
            raise RefusalError(ErrorCode.PIN_WRONG, spent.guesses_left)
        await self._keep(user, pins.after_right_guess(spent, self._now()))
        return True

    async def _wait(self, user: UserId, record: PinRecord) -> bool:
        """False when the time is over; otherwise it is told how long it still is.

        Raises:
            RefusalError: `pin-required`.
        """
        waiting = pins.begin_waiting(record, self._now())
        left = pins.seconds_to_reset(waiting, self._now())
        if not left:
            return False
        if waiting != record:
            await self._keep(user, waiting)
        raise RefusalError(ErrorCode.PIN_REQUIRED, left)

    async def _set(self, user: UserId, pin: str) -> None:
        salt = self._worker.entropy(SALT_BYTES)
        await self._keep(user, pins.new_record(salt, await self._hash(pin, salt), self._now()))

    async def _came_by(self, user: UserId) -> None:
        record = _load(self._worker, user)
        if record is not None and record.waiting_since != NOBODY_WAITS:
            await self._keep(user, pins.nobody_waits(record))

    async def _keep(self, user: UserId, record: PinRecord | None) -> None:
        op = stored_pins.remove_pin(user) if record is None else stored_pins.put_pin(user, record)
        await (await self._mailboxes.get(user)).keep([op])

    async def _hash(self, pin: str, salt: bytes) -> bytes:
        return await self._worker.hash_pin(pin, salt, self._worker.secrets.code_secret)

    def _now(self) -> float:
        return self._worker.clock.now()


def _load(worker: Worker, user: UserId) -> PinRecord | None:
    with worker.reader_of(user) as reader:
        return stored_pins.load_pin(reader, user)
