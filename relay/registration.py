"""Gives people accounts: codes to prove a number, and the device that has proved it.

An actor because it must do one thing after the other: two guesses at one code, or two registrations of one
number, must not both read the store before either has written.
Talks to: the store and the journal; the mailbox of a user who registers anew, which owns that user's rows.
Guarantees: a code is stored as a keyed digest only, is good for 10 minutes and 5 guesses, and a new one can
    be had once a minute; each of these survives a restart, because it is durable before anybody hears of it.
Restarts as: permanent, with nothing lost: all its state is in the store.
Not here: how a code reaches a phone (sms.py).
"""

import logging
from dataclasses import dataclass

from actors import Actor, ActorRef
from actors.registry import Via
from protocol import CodeRoute, DeviceAddress, ErrorCode, Prekey, Register, UserId, new_user_id
from relay import codes
from relay.config import CODE_RESEND_SECONDS, CODE_SECONDS, COMMIT_SECONDS
from relay.errors import GatewayError, RefusalError
from relay.mailboxes import Mailboxes
from relay.phones import check_phone, mask_phone
from relay.worker import Worker
from storage import JournalError, Op, Reader, accounts, prekeys
from storage import codes as stored_codes
from storage.accounts import DeviceRecord, UserRecord
from storage.prekeys import OneTimePrekey
from supervisors import ChildSpec

log = logging.getLogger("roost.relay")

NAME = "registration"
"""What the registry knows it as."""

ASK_SECONDS = 2 * COMMIT_SECONDS
"""How long a peer waits in line: a broken disk ends the node before that."""


# ---- messages ----


@dataclass(frozen=True, slots=True)
class IssueCode:
    """Make a code for a number. Answered with it, or with a RefusalError."""

    phone: str


@dataclass(frozen=True, slots=True)
class WithdrawCode:
    """The code could not be sent: let the person try again at once."""

    phone: str


@dataclass(frozen=True, slots=True)
class Redeem:
    """Make this key a device of the account of the number. Answered with its address, or a RefusalError."""

    phone: str
    request: Register
    static_key: bytes


class RegistrationHandle:
    """How connections register strangers. Every refusal is a RefusalError, with the code to answer with."""

    __slots__ = ("_ref", "_worker")

    def __init__(self, worker: Worker, ref: ActorRef | Via) -> None:
        self._worker = worker
        self._ref = ref

    async def send_code(self, phone: str, via: CodeRoute) -> tuple[int, int]:
        """Make a code and have it brought to the phone; waits for the gateway, in the caller's task.

        Returns:
            After how many seconds another can be had, and for how many this one is good.

        Raises:
            RefusalError: `invalid-number`, `wait`, `gateway-failed`, or what the store said.
        """
        number = _checked(phone)
        code = await self._ask(IssueCode(number))
        assert isinstance(code, str)
        try:
            await self._worker.sms.send_code(number, code, via.value)
        except GatewayError as error:
            log.warning("code_not_sent", extra={"phone": mask_phone(number), "reason": str(error)})
            await self._ask(WithdrawCode(number))
            raise RefusalError(ErrorCode.GATEWAY_FAILED) from None
        return CODE_RESEND_SECONDS, CODE_SECONDS

    async def register(self, request: Register, static_key: bytes) -> DeviceAddress:
        """Register a device; returns its address once that is durable.

        Raises:
            RefusalError: `invalid-number`, `invalid-code`, `code-expired`, `too-many-guesses`,
                `account-exists`, or what the store said.
        """
        address = await self._ask(Redeem(_checked(request.phone), request, static_key))
        assert isinstance(address, DeviceAddress)
        return address

    async def _ask(self, message: object) -> object:
        answer = await self._ref.ask(message, timeout=ASK_SECONDS)
        if isinstance(answer, RefusalError):
            raise answer
        return answer


def child_spec(worker: Worker) -> ChildSpec:
    """The one registration desk of a worker."""
    return ChildSpec(id=NAME, start=lambda: Registration(worker))


class Registration(Actor):
    """The registration desk."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._mailboxes = Mailboxes(worker)

    async def on_start(self) -> None:
        """Be found by name: connections outlive a crash of this actor.

        Raises:
            NameTakenError: there is one already.
        """
        self.system.registry.register(NAME, self.ref)

    async def handle(self, message: object) -> object:
        """One request after the other, each to its end; a refusal is an answer and no crash."""
        try:
            match message:
                case IssueCode(phone):
                    return await self._issue(phone)
                case WithdrawCode(phone):
                    await self._commit(stored_codes.remove_code(phone))
                case Redeem(phone, request, static_key):
                    return await self._redeem(phone, request, static_key)
                case _:
                    self.unexpected(message)
        except RefusalError as refusal:
            return refusal
        return None

    async def _issue(self, phone: str) -> str:
        now = self._worker.clock.now()
        with self._worker.environment.read() as reader:
            codes.check_resend(stored_codes.load_code(reader, phone), now)
        code = codes.make_code(self._worker.entropy)
        secret = self._worker.secrets.code_secret
        record = codes.new_record(self._worker.entropy, secret, phone, code, now)
        await self._commit(stored_codes.put_code(phone, record))
        return code

    async def _redeem(self, phone: str, request: Register, static_key: bytes) -> DeviceAddress:
        with self._worker.environment.read() as reader:
            if accounts.find_device_by_static_key(reader, static_key) is not None:
                raise RefusalError(ErrorCode.ACCOUNT_EXISTS)
            record = stored_codes.load_code(reader, phone)
        secret, now = self._worker.secrets.code_secret, self._worker.clock.now()
        left = codes.check_guess(record, secret, phone, request.code, now)
        if left is not None:
            # Durable before the answer: a crash must not give guesses back.
            await self._commit(stored_codes.put_code(phone, left))
            raise RefusalError(ErrorCode.INVALID_CODE)
        address = await self._create(phone, _device_record(request, static_key, int(now)), request.prekeys)
        self._worker.counters.registrations += 1
        log.info("device_registered", extra={"device": str(address), "phone": mask_phone(phone)})
        return address

    async def _create(self, phone: str, device: DeviceRecord, one_time: tuple[Prekey, ...]) -> DeviceAddress:
        """Store the device, and forget the code, in one transaction."""
        with self._worker.environment.read() as reader:
            known = accounts.find_user_by_phone(reader, phone)
            user = known or self._free_user_id(reader)
            record = accounts.load_user(reader, user) or UserRecord(phone, device.created_at)
            before = accounts.list_devices(reader, user)
        ops: list[Op] = stored_codes.remove_code(phone)
        for number, old in before:
            gone = DeviceAddress(user, number)
            ops += accounts.remove_device(gone, old) + prekeys.remove_prekeys(gone)
        address, _, added = accounts.add_device(user, record, device)
        ops += added
        ops += prekeys.add_prekeys(address, [OneTimePrekey(*prekey) for prekey in one_time])
        await self._store(address, ops, is_new=known is None)
        return address

    async def _store(self, address: DeviceAddress, ops: list[Op], *, is_new: bool) -> None:
        """A new user has no mailbox yet; that of a known one must know of its new device at once."""
        if is_new:
            await self._commit(ops)
            return
        mailbox = await self._mailboxes.get(address.user)
        try:
            await mailbox.replace_devices(address.device, ops)
        except JournalError:
            raise RefusalError(ErrorCode.STORAGE_FULL) from None

    def _free_user_id(self, reader: Reader) -> UserId:
        while True:
            user = new_user_id(self._worker.entropy)
            if accounts.load_user(reader, user) is None:
                return user

    async def _commit(self, ops: list[Op]) -> None:
        try:
            await self._worker.journal.commit(ops)
        except JournalError:
            raise RefusalError(ErrorCode.STORAGE_FULL) from None


def _checked(phone: str) -> str:
    try:
        return check_phone(phone)
    except ValueError as error:
        log.info("number_refused", extra={"reason": str(error)})
        raise RefusalError(ErrorCode.INVALID_NUMBER) from None


def _device_record(request: Register, static_key: bytes, now: int) -> DeviceRecord:
    return DeviceRecord(
        static_key=static_key,
        identity_key=request.identity_key,
        signed_prekey_id=request.signed_prekey_id,
        signed_prekey=request.signed_prekey,
        signed_prekey_signature=request.signature,
        created_at=now,
    )
