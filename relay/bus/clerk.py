"""Answers the questions of other workers.

An actor because an answer takes time (most have to become durable first), and the links must not wait. There
are several: one user's questions go to one clerk, in order, and another's need not wait for them. One more is
for the registration desk, which does one thing after the other itself.
Talks to: the mailboxes of this worker, and in worker 0 to the registration desk.
Restarts as: permanent. Who had asked a clerk that died waits for its timeout, and asks again.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from actors import Actor, ActorDeadError, CallTimeoutError, MailboxFullError, Overflow
from protocol import DeviceAddress, ErrorCode, SignedDeviceList, SignedPrekey
from relay import registration
from relay.account_removal import remove_account
from relay.bus import link_answers
from relay.bus import messages as m
from relay.bus.peer import Peer
from relay.device_addition import add_device_here
from relay.device_creation import NewDevice, create_device
from relay.devices import Newcomer
from relay.errors import RefusalError
from relay.group import answers as group_answers
from relay.mailboxes import Mailboxes
from relay.number_change import set_number
from relay.pin_guard import PinGuardHandle
from relay.registration import Application, Desk
from relay.worker import Worker
from storage import JournalError
from storage.accounts import DeviceRecord
from supervisors import ChildSpec, ChildStartError

log = logging.getLogger("roost.relay")

CLERKS = 8
"""Each answers some hundred questions a second, as many as there are commits."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and whose."""

    peer: Peer
    era: int
    question: Any


DESK = CLERKS
"""The number of the clerk who goes to the registration desk."""


def child_specs(worker: Worker) -> list[ChildSpec]:
    """The clerks of a worker."""
    return [_child_spec(worker, number) for number in (*range(CLERKS), DESK)]


def _child_spec(worker: Worker, number: int) -> ChildSpec:
    return ChildSpec(id=f"clerk {number}", start=lambda: Clerk(worker, number))


def register(worker: Worker) -> None:
    """Have the questions brought to the clerks."""

    def bring(peer: Peer, question: Any) -> None:
        user = getattr(question, "group", None) or getattr(question, "user", None)
        clerk = worker.system.via(_name(user % CLERKS if user is not None else DESK))
        try:
            clerk.tell_nowait(Asked(peer, peer.era, question))
        except MailboxFullError:
            peer.tell(m.NotDone(question.ask, ErrorCode.OVERLOADED, None))

    for kind in (*_ANSWERS, *link_answers.ANSWERS, *group_answers.ANSWERS):
        worker.bus.on(kind, bring)


class Clerk(Actor):
    """Answers one question after the other."""

    mailbox_limit = 256
    overflow = Overflow.REFUSE

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker = worker
        self._number = number
        self._mailboxes = Mailboxes(worker)

    async def on_start(self) -> None:
        """Be found by name.

        Raises:
            NameTakenError: there is one already.
        """
        self.system.registry.register(_name(self._number), self.ref)

    async def handle(self, message: object) -> None:
        """One question; a refusal is an answer and no crash."""
        if type(message) is not Asked:
            self.unexpected(message)
            return
        question = message.question
        try:
            answer = await self._answer(question)
        except RefusalError as refusal:
            answer = m.NotDone(question.ask, refusal.code, refusal.detail)
        except JournalError:
            answer = m.NotDone(question.ask, ErrorCode.STORAGE_FULL, None)
        except (ChildStartError, ActorDeadError, CallTimeoutError) as error:
            # A mailbox or the registration desk has crashed, and its supervisor has reported that.
            log.info("question_failed", extra={"question": type(question).__name__, "reason": str(error)})
            answer = m.NotDone(question.ask, ErrorCode.INTERNAL, None)
        if message.era == message.peer.era:  # otherwise the number is that of another question
            message.peer.tell(answer)

    def _answer(self, question: Any) -> Awaitable[Any]:
        about_links = link_answers.ANSWERS.get(type(question))
        if about_links is not None:
            return about_links(self.system, question)
        about_groups = group_answers.ANSWERS.get(type(question))
        if about_groups is not None:
            return about_groups(self._worker, question)
        return _ANSWERS[type(question)](self, question)

    async def _take_bundles(self, question: m.TakeBundles) -> m.Bundles:
        mailbox = await self._mailboxes.get(question.user)
        wanted = None if question.devices is None else tuple(question.devices)
        devices = await mailbox.take_bundles(wanted)
        return m.Bundles(question.ask, devices.bundles, devices.device_list, devices.present)

    async def _create_device(self, question: m.CreateDevice) -> m.DeviceCreated:
        record = DeviceRecord(
            static_key=question.static_key,
            identity_key=question.identity_key,
            signed_prekey_id=question.signed_prekey_id,
            signed_prekey=question.signed_prekey,
            signed_prekey_signature=question.signature,
            created_at=question.created_at,
        )
        one_time = tuple(question.prekeys)
        device = NewDevice(question.user, question.phone, record, one_time, question.last_resort)
        address = await create_device(self._worker, self._mailboxes, device)
        return m.DeviceCreated(question.ask, address.device)

    async def _issue_code(self, question: m.IssueCode) -> m.CodeIssued:
        return m.CodeIssued(question.ask, await self._desk().issue_code(question.phone))

    async def _withdraw_code(self, question: m.WithdrawCode) -> m.CodeWithdrawn:
        await self._desk().withdraw_code(question.phone)
        return m.CodeWithdrawn(question.ask)

    async def _redeem(self, question: m.Redeem) -> m.Redeemed:
        application = Application(
            question.phone,
            question.code,
            question.static_key,
            question.identity_key,
            SignedPrekey(question.signed_prekey_id, question.signed_prekey, question.signature),
            tuple(question.prekeys),
            question.last_resort,
            bool(question.takes_over),
            question.pin,
        )
        return m.Redeemed(question.ask, await self._desk().redeem(application))

    async def _prove_pin(self, question: m.ProvePin) -> m.PinProved:
        is_proved = await PinGuardHandle(self._worker).prove(question.user, question.pin)
        return m.PinProved(question.ask, int(is_proved))

    async def _remove_account(self, question: m.RemoveAccount) -> m.AccountRemoved:
        await remove_account(self._mailboxes, question.user, question.spare)
        return m.AccountRemoved(question.ask)

    async def _delete_account(self, question: m.DeleteAccount) -> m.AccountDeleted:
        await self._desk().delete_account(question.device)
        return m.AccountDeleted(question.ask)

    async def _change_number(self, question: m.ChangeNumber) -> m.NumberChanged:
        await self._desk().change_number(question.device, question.phone, question.code)
        return m.NumberChanged(question.ask)

    async def _set_number(self, question: m.SetNumber) -> m.NumberSet:
        device = DeviceAddress(question.user, question.by)
        await set_number(self._mailboxes, device, question.phone)
        return m.NumberSet(question.ask)

    async def _add_device(self, question: m.AddDevice) -> m.DeviceCreated:
        record = DeviceRecord(
            static_key=question.static_key,
            identity_key=question.identity_key,
            signed_prekey_id=question.signed_prekey_id,
            signed_prekey=question.signed_prekey,
            signed_prekey_signature=question.signature,
            created_at=question.created_at,
        )
        device_list = SignedDeviceList(question.list_encoded, question.list_signature)
        one_time = tuple(question.prekeys)
        newcomer = Newcomer(question.user, record, one_time, question.last_resort, device_list)
        address = await add_device_here(self._mailboxes, newcomer)
        return m.DeviceCreated(question.ask, address.device)

    def _desk(self) -> Desk:
        return Desk(self.system.via(registration.NAME))


def _name(number: int) -> tuple[str, int]:
    return ("clerk", number)


# {question: who answers it}
_ANSWERS: dict[type[Any], Callable[[Clerk, Any], Awaitable[Any]]] = {
    m.TakeBundles: Clerk._take_bundles,
    m.CreateDevice: Clerk._create_device,
    m.IssueCode: Clerk._issue_code,
    m.WithdrawCode: Clerk._withdraw_code,
    m.Redeem: Clerk._redeem,
    m.ProvePin: Clerk._prove_pin,
    m.RemoveAccount: Clerk._remove_account,
    m.DeleteAccount: Clerk._delete_account,
    m.ChangeNumber: Clerk._change_number,
    m.SetNumber: Clerk._set_number,
    m.AddDevice: Clerk._add_device,
}
