"""Gives people accounts: codes to prove a number, and the device that has proved it.

An actor because it must do one thing after the other: two guesses at one code, or two registrations of one
number, must not both read the store before either has written. There is one desk for the node, in worker 0,
which alone writes the directory (numbers, static keys, codes); the other workers ask it over the bus.
Talks to: the store and the journal; the worker that owns the user, over the bus if that is another.
Guarantees: a code is stored as a keyed digest only, is good for 10 minutes and 5 guesses, and a new one can
    be had once a minute; each of these survives a restart, because it is durable before anybody hears of it.
Restarts as: permanent, with nothing lost: all its state is in the store.
Not here: how a code reaches a phone (sms.py), the rows of the account itself (device_creation.py).

A registration changes rows of two owners, and there are no transactions across owners. So it has two steps:

    1. the account with its new device is durable at the user's owner;
    2. the directory leads to it (number, new static key), and the old static keys and the code are gone.

Whoever dies in between: the person has had no answer, and tries again with the code, which is still good. A
new user's rows of the first attempt are then found by nobody; a known user's device of the first attempt is
replaced by that of the second. Its old devices are logged out by then, and their static keys lead to devices
that are not there, which is what logged out means.
"""

import logging
from dataclasses import dataclass
from functools import partial

from actors import Actor, ActorRef
from actors.registry import Via
from protocol import (
    CodeRoute,
    DeviceAddress,
    DeviceId,
    ErrorCode,
    KemPrekey,
    Prekey,
    Register,
    SignedPrekey,
    UserId,
    new_user_id,
)
from relay import codes
from relay.account_removal import remove_account
from relay.bus import messages as m
from relay.bus.peer import Peer
from relay.code_sweep import SWEEP_CODES_NOW, SWEEP_SECONDS, SweepCodes, sweep_codes
from relay.config import CODE_RESEND_SECONDS, CODE_SECONDS, COMMIT_SECONDS
from relay.device_creation import NewDevice, create_device
from relay.errors import GatewayError, RefusalError, WrongNumberError
from relay.mailboxes import Mailboxes
from relay.number_change import change_number
from relay.phones import check_phone, mask_phone
from relay.pin_guard import PinGuardHandle
from relay.worker import Worker
from storage import JournalError, Op, accounts, bans
from storage import codes as stored_codes
from storage.accounts import NO_DEVICE, DeviceRecord, UserRecord
from storage.tables import Family, of_family
from supervisors import ChildSpec

log = logging.getLogger("roost.relay")

NAME = "registration"
"""What the registry knows it as."""

DESK_WORKER = 0
"""Where the desk is: the directory lies in that worker's environment."""

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
class Application:
    """Make this key a device of the account of the number. Answered with its address, or a RefusalError."""

    phone: str
    code: str
    static_key: bytes
    identity_key: bytes
    signed_prekey: SignedPrekey
    prekeys: tuple[Prekey, ...]
    last_resort: KemPrekey | None
    takes_over: bool
    """Whether the devices of an active account may be logged out by it."""
    pin: str | None
    """The account's, if it has one."""


@dataclass(frozen=True, slots=True)
class Leave:
    """A user leaves for good. Answered when nothing of the account is left, or with a RefusalError."""

    device: DeviceAddress
    """Where the user says so; its connection stays for the answer."""


@dataclass(frozen=True, slots=True)
class Renumber:
    """Give the account of a device the number that the code proves. Answered with None, or a RefusalError."""

    device: DeviceAddress
    phone: str
    code: str


# ---- how others talk to it ----


class Desk:
    """The desk of this worker. Every refusal is a RefusalError, with the code to answer with."""

    __slots__ = ("_ref",)

    def __init__(self, ref: ActorRef | Via) -> None:
        self._ref = ref

    async def issue_code(self, phone: str) -> str:
        """Make a code for a number. Raises RefusalError: `wait`, or what the store said."""
        code = await self._ask(IssueCode(phone))
        assert isinstance(code, str)
        return code

    async def withdraw_code(self, phone: str) -> None:
        """Forget the code of a number."""
        await self._ask(WithdrawCode(phone))

    async def redeem(self, application: Application) -> DeviceAddress:
        """Register a device. Raises RefusalError, as `Registrar.register`."""
        address = await self._ask(application)
        assert isinstance(address, DeviceAddress)
        return address

    async def delete_account(self, device: DeviceAddress) -> None:
        """Remove the account of a device. Raises RefusalError: what the store said."""
        await self._ask(Leave(device))

    async def change_number(self, device: DeviceAddress, phone: str, code: str) -> None:
        """Give the account another number. Raises RefusalError, as `RegistrationHandle.change_number`."""
        await self._ask(Renumber(device, phone, code))

    async def _ask(self, message: object) -> object:
        answer = await self._ref.ask(message, timeout=ASK_SECONDS)
        if isinstance(answer, RefusalError):
            raise answer
        return answer


class RemoteDesk:
    """The desk of worker 0, for all others. Refusals as those of `Desk`; `restarting` if it is not there."""

    __slots__ = ("_peer",)

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def issue_code(self, phone: str) -> str:
        """See `Desk`; likewise below."""
        answer: m.CodeIssued = await self._peer.ask(m.IssueCode(phone), ASK_SECONDS)
        return answer.code

    async def withdraw_code(self, phone: str) -> None:
        """Forget the code of a number."""
        await self._peer.ask(m.WithdrawCode(phone), ASK_SECONDS)

    async def redeem(self, application: Application) -> DeviceAddress:
        """Register a device."""
        question = m.Redeem(
            application.phone,
            application.code,
            application.static_key,
            application.identity_key,
            *application.signed_prekey,
            application.prekeys,
            application.last_resort,
            int(application.takes_over),
            application.pin,
        )
        answer: m.Redeemed = await self._peer.ask(question, ASK_SECONDS)
        return answer.device

    async def delete_account(self, device: DeviceAddress) -> None:
        """Remove the account of a device."""
        await self._peer.ask(m.DeleteAccount(device), ASK_SECONDS)

    async def change_number(self, device: DeviceAddress, phone: str, code: str) -> None:
        """Give the account another number."""
        await self._peer.ask(m.ChangeNumber(device, phone, code), ASK_SECONDS)


class RegistrationHandle:
    """How connections register strangers, wherever the desk is."""

    __slots__ = ("_desk", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        peer = worker.bus.peers.get(DESK_WORKER)
        self._desk = RemoteDesk(peer) if peer is not None else Desk(worker.system.via(NAME))

    async def send_code(self, phone: str, via: CodeRoute) -> tuple[int, int]:
        """Make a code and have it brought to the phone; waits for the gateway, in the caller's task.

        Returns:
            After how many seconds another can be had, and for how many this one is good.

        Raises:
            RefusalError: `invalid-number`, `wait`, `gateway-failed`, or what the store said.
        """
        number = _checked(phone)
        code = await self._desk.issue_code(number)
        try:
            await self._worker.sms.send_code(number, code, via.value)
        except GatewayError as error:
            log.warning("code_not_sent", extra={"phone": mask_phone(number), "reason": str(error)})
            await self._desk.withdraw_code(number)
            raise RefusalError(ErrorCode.GATEWAY_FAILED) from None
        return CODE_RESEND_SECONDS, CODE_SECONDS

    async def register(self, request: Register, static_key: bytes) -> DeviceAddress:
        """Register a device; returns its address once that is durable.

        Raises:
            RefusalError: `invalid-number`, `invalid-code`, `code-expired`, `too-many-guesses`,
                `account-exists`, `already-registered`, `pin-required`, `pin-wrong`, `pin-locked`, what the
                store said, or that a worker is not there.
        """
        application = Application(
            _checked(request.phone),
            request.code,
            static_key,
            request.identity_key,
            SignedPrekey(request.signed_prekey_id, request.signed_prekey, request.signature),
            request.prekeys,
            request.last_resort,
            bool(request.take_over),
            request.pin,
        )
        return await self._desk.redeem(application)

    async def delete_account(self, device: DeviceAddress) -> None:
        """Remove everything of the account of a device; all its devices but this one are logged out.

        Raises:
            RefusalError: what the store said, or that a worker is not there.
        """
        await self._desk.delete_account(device)

    async def change_number(self, device: DeviceAddress, phone: str, code: str) -> None:
        """Give the account of a device another number; returns when that is durable.

        Raises:
            RefusalError: `invalid-number`, `invalid-code`, `code-expired`, `too-many-guesses`, `banned`,
                `account-exists`, `not-primary`, what the store said, or that a worker is not there.
        """
        await self._desk.change_number(device, _checked(phone), code)


def child_spec(worker: Worker) -> ChildSpec:
    """The one registration desk of a node; only worker 0 has it."""
    return ChildSpec(id=NAME, start=lambda: Registration(worker))


class Registration(Actor):
    """The registration desk."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._mailboxes = Mailboxes(worker)

    async def on_start(self) -> None:
        """Be found by name: connections outlive a crash of this actor. Begin to sweep.

        Raises:
            NameTakenError: there is one already.
        """
        self.system.registry.register(NAME, self.ref)
        self.send_every(SWEEP_SECONDS, SWEEP_CODES_NOW)

    async def handle(self, message: object) -> object:
        """One request after the other, each to its end; a refusal is an answer and no crash."""
        try:
            match message:
                case IssueCode(phone):
                    return await self._issue(phone)
                case WithdrawCode(phone):
                    await self._commit(stored_codes.remove_code(phone))
                case Application():
                    return await self._redeem(message)
                case Leave(device):
                    await self._remove(device.user, device.device)
                case Renumber(device, phone, code):
                    await change_number(
                        self._worker, self._mailboxes, device, phone, partial(self._prove, phone, code)
                    )
                case SweepCodes():
                    await sweep_codes(self._worker)
                case _:
                    self.unexpected(message)
        except RefusalError as refusal:
            return refusal
        except JournalError:
            return RefusalError(ErrorCode.STORAGE_FULL)
        return None

    async def _issue(self, phone: str) -> str:
        now = self._worker.clock.now()
        with self._worker.store.read_directory() as reader:
            codes.check_resend(stored_codes.load_code(reader, phone), now)
        code = codes.make_code(self._worker.entropy)
        secret = self._worker.secrets.code_secret
        record = codes.new_record(self._worker.entropy, secret, phone, code, now)
        await self._commit(stored_codes.put_code(phone, record))
        return code

    async def _redeem(self, application: Application) -> DeviceAddress:
        phone = application.phone
        if self._is_known(application.static_key):
            raise RefusalError(ErrorCode.ALREADY_REGISTERED)
        await self._prove(phone, application.code)
        user, before = self._account_of(phone)
        if not application.takes_over and _is_active_elsewhere(before, application.static_key):
            raise RefusalError(ErrorCode.ACCOUNT_EXISTS)
        if not await self._prove_pin(user, application.pin):
            log.info("account_starts_anew", extra={"phone": mask_phone(phone)})
            await self._remove(user, NO_DEVICE)
            user, before = self._free_user_id(), []
        device = device_record(application, int(self._worker.clock.now()))
        address = await self._create(
            NewDevice(user, phone, device, application.prekeys, application.last_resort)
        )
        await self._enter(phone, address, device, before)
        self._worker.counters.registrations += 1
        log.info("device_registered", extra={"device": str(address), "phone": mask_phone(phone)})
        return address

    async def _prove(self, phone: str, code: str) -> None:
        """See whether somebody has the code of a number, which is not banned.

        Only from here on may anything be said about the number: it has been proved. The code stays good for
        whoever has to decide first.
        """
        with self._worker.store.read_directory() as reader:
            record = stored_codes.load_code(reader, phone)
        secret, now = self._worker.secrets.code_secret, self._worker.clock.now()
        left = codes.check_guess(record, secret, phone, code, now)
        if left is not None:
            # Durable before the answer: a crash must not give guesses back.
            await self._commit(stored_codes.put_code(phone, left))
            raise RefusalError(ErrorCode.INVALID_CODE)
        self._check_ban(phone)

    def _check_ban(self, phone: str) -> None:
        with self._worker.store.read_directory() as reader:
            if bans.is_banned(reader, phone):
                log.info("banned_number_refused", extra={"phone": mask_phone(phone)})
                raise RefusalError(ErrorCode.BANNED)

    def _is_known(self, static_key: bytes) -> bool:
        """Whether the key is that of a device. One that leads to a device that is gone is nobody's."""
        store = self._worker.store
        with store.read_directory() as reader:
            address = accounts.find_device_by_static_key(reader, static_key)
        if address is None:
            return False
        with store.read_of(address.user) as reader:
            device = accounts.load_device(reader, address)
        return device is not None and device.static_key == static_key

    def _account_of(self, phone: str) -> tuple[UserId, list[tuple[DeviceId, DeviceRecord]]]:
        """Who has the number, with which devices; a new user if nobody has it."""
        with self._worker.store.read_directory() as reader:
            user = accounts.find_user_by_phone(reader, phone)
        if user is None:
            return self._free_user_id(), []
        with self._worker.store.read_of(user) as reader:
            if not accounts.has_number(reader, user, phone):
                # A removal or a change of number was cut off between its steps. A user id is never used
                # again: the store of others counts the messages of its devices, which would begin anew.
                return self._free_user_id(), []
            return user, accounts.list_devices(reader, user)

    async def _prove_pin(self, user: UserId, pin: str | None) -> bool:
        """Whether the account may be had as it is; asked where its PIN is. See `PinGuardHandle.prove`."""
        peer = self._worker.bus.peer_of(user)
        if peer is None:
            return await PinGuardHandle(self._worker).prove(user, pin)
        answer: m.PinProved = await peer.ask(m.ProvePin(user, pin), ASK_SECONDS)
        return bool(answer.is_proved)

    async def _remove(self, user: UserId, spare: DeviceId) -> None:
        """Remove an account in the two steps of a registration: its rows, then what leads to them.

        Whoever dies in between leaves a number and static keys that lead to nobody, and look like nobody's.
        """
        with self._worker.store.read_of(user) as reader:
            record = accounts.load_user(reader, user)
            devices = accounts.list_devices(reader, user)
        peer = self._worker.bus.peer_of(user)
        if peer is None:
            await remove_account(self._mailboxes, user, spare)
        else:
            await peer.ask(m.RemoveAccount(user, spare), ASK_SECONDS)
        ops: list[Op] = []
        for number, device in devices:
            ops += accounts.remove_device(DeviceAddress(user, number), device)
        if record is not None:
            ops += [accounts.release_phone(record.phone), *stored_codes.remove_code(record.phone)]
        await self._commit(of_family(ops, Family.DIRECTORY))

    async def _enter(
        self,
        phone: str,
        address: DeviceAddress,
        record: DeviceRecord,
        before: list[tuple[DeviceId, DeviceRecord]],
    ) -> None:
        """The second step: the directory leads to the device, and to those before it no more."""
        ops: list[Op] = stored_codes.remove_code(phone)
        for number, old in before:
            ops += accounts.remove_device(DeviceAddress(address.user, number), old)
        ops += accounts.put_user(address.user, UserRecord(phone, record.created_at))
        ops += accounts.put_device(address, record)
        await self._commit(of_family(ops, Family.DIRECTORY))

    async def _create(self, device: NewDevice) -> DeviceAddress:
        """The first step, by the owner of the user; see the top of this module."""
        peer = self._worker.bus.peer_of(device.user)
        if peer is None:
            return await create_device(self._worker, self._mailboxes, device)
        record = device.record
        answer: m.DeviceCreated = await peer.ask(
            m.CreateDevice(
                device.user,
                device.phone,
                record.static_key,
                record.identity_key,
                record.signed_prekey_id,
                record.signed_prekey,
                record.signed_prekey_signature,
                device.one_time,
                device.last_resort,
                record.created_at,
            )
        )
        return DeviceAddress(device.user, answer.device)

    def _free_user_id(self) -> UserId:
        while True:
            user = new_user_id(self._worker.entropy)
            with self._worker.store.read_of(user) as reader:
                if accounts.load_user(reader, user) is None:
                    return user

    async def _commit(self, ops: list[Op]) -> None:
        await self._worker.journal.commit(ops)


def _checked(phone: str) -> str:
    try:
        return check_phone(phone)
    except WrongNumberError as error:
        log.info("number_refused", extra={"reason": str(error)})
        raise RefusalError(ErrorCode.INVALID_NUMBER, int(error.problem)) from None


def _is_active_elsewhere(devices: list[tuple[DeviceId, DeviceRecord]], static_key: bytes) -> bool:
    """Whether an account has a device other than this, which an attempt that was cut off may have left."""
    return any(device.static_key != static_key for _, device in devices)


def device_record(application: Application, now: int) -> DeviceRecord:
    """The row of a device that comes with these keys."""
    number, key, signature = application.signed_prekey
    return DeviceRecord(
        static_key=application.static_key,
        identity_key=application.identity_key,
        signed_prekey_id=number,
        signed_prekey=key,
        signed_prekey_signature=signature,
        created_at=now,
    )
