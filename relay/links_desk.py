"""The link desk: where new devices and primaries meet, and where a link becomes a device.

An actor because completing a link takes two durable steps, and nothing may happen to that link in between.
There is one desk for the node, in worker 0 beside the registration desk: the directory lies there, and a
companion and its primary may be connected to any two workers. The others ask over the bus.
Talks to: the worker that owns the user, over the bus if that is another; the journal.
Restarts as: permanent. The links that were open are gone (links.py), and their sides begin anew.

Completing a link changes rows of two owners, as a registration does (registration.py), in the same order:

    1. the device and the list that names it are durable at the user's owner;
    2. the directory leads from the static key to the device.

Whoever dies in between: the companion has had no answer and is a stranger still. If only its owner died, it
asks again, and step 1 finds the device there. If the desk died, the link is gone with it; the primary hears
that, and signs a list without the device.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import trio

from actors import Actor, ActorRef
from actors.registry import Via
from protocol import DeviceAddress, DeviceId, ErrorCode, LinkStep, SignedDeviceList
from relay.bus import messages as m
from relay.bus.peer import Peer
from relay.config import COMMIT_SECONDS
from relay.device_addition import add_device
from relay.devices import Newcomer
from relay.errors import RefusalError
from relay.links import Links, OpenLink, Who
from relay.mailboxes import Mailboxes
from relay.registration import DESK_WORKER, Application, device_record
from relay.worker import Worker
from storage import JournalError, accounts
from storage.tables import Family, of_family
from supervisors import ChildSpec

log = logging.getLogger("roost.relay")

NAME = "links"
"""What the registry knows it as."""

ASK_SECONDS = 2 * COMMIT_SECONDS
"""How long a peer waits in line, as at the registration desk."""


# ---- messages ----


@dataclass(frozen=True, slots=True)
class Open:
    """A stranger wants to be linked. Answered with an OpenLink, or refused; so are the next five."""

    companion: bytes
    address: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A primary wants the companion behind this name or nameplate."""

    name: bytes | str
    primary: DeviceAddress
    device: DeviceId
    message: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The companion's word to the primary."""

    name: bytes
    companion: bytes
    message: bytes


@dataclass(frozen=True, slots=True)
class Confirm:
    """The primary has signed the companion in."""

    name: bytes
    primary: DeviceAddress
    static_key: bytes
    device_list: SignedDeviceList
    message: bytes


@dataclass(frozen=True, slots=True)
class Poll:
    """How far is it?"""

    name: bytes
    who: Who


@dataclass(frozen=True, slots=True)
class Cancel:
    """It is off."""

    name: bytes
    who: Who


@dataclass(frozen=True, slots=True)
class Complete:
    """The companion becomes a device. Answered with its address, or refused."""

    name: bytes
    keys: Application
    """Its keys, as in a registration."""


@dataclass(frozen=True, slots=True)
class ForgetKeys:
    """Devices with these static keys have been removed. Answered when the directory does not have them."""

    keys: tuple[bytes, ...]


Question: TypeAlias = Open | Claim | Answer | Confirm | Poll | Cancel


# ---- how others talk to it ----


class LinkDesk:
    """The desk of this worker. Every refusal is a RefusalError, with the code to answer with."""

    __slots__ = ("_ref",)

    def __init__(self, ref: ActorRef | Via) -> None:
        self._ref = ref

    async def ask(self, question: Question) -> OpenLink:
        """Change a link, or look at it; returns it as it is then."""
        link = await self._ask(question)
        assert isinstance(link, OpenLink)
        return link

    async def state(self, question: Question, who: Who) -> tuple[LinkStep, bytes]:
        """The same for one side: how far it is, and what the other side has left."""
        link = await self.ask(question)
        return link.step, link.message_for(who)

    async def complete(self, name: bytes, keys: Application) -> DeviceAddress:
        """Make the companion a device; returns its address once that is durable."""
        address = await self._ask(Complete(name, keys))
        assert isinstance(address, DeviceAddress)
        return address

    async def forget_keys(self, keys: tuple[bytes, ...]) -> None:
        """Take the static keys of removed devices out of the directory."""
        await self._ask(ForgetKeys(keys))

    async def _ask(self, message: object) -> object:
        answer = await self._ref.ask(message, timeout=ASK_SECONDS)
        if isinstance(answer, RefusalError):
            raise answer
        if isinstance(answer, JournalError):
            raise answer
        return answer


class LinkDeskHandle:
    """How connections reach the desk, wherever it is. Refusals as `LinkDesk`; `restarting` if it is away."""

    __slots__ = ("_desk", "_peer")

    def __init__(self, worker: Worker) -> None:
        self._peer: Peer | None = worker.bus.peers.get(DESK_WORKER)
        self._desk = LinkDesk(worker.system.via(NAME))

    async def open(self, companion: bytes, address: str) -> tuple[bytes, str]:
        """Open a link; returns its name and its nameplate."""
        if self._peer is None:
            link = await self._desk.ask(Open(companion, address))
            return link.name, link.nameplate
        answer: m.LinkOpened = await self._peer.ask(m.OpenLink(companion, address), ASK_SECONDS)
        return answer.link, answer.nameplate

    async def claim(
        self, name: bytes | str, primary: DeviceAddress, device: DeviceId, message: bytes
    ) -> bytes:
        """Claim a link for a primary, whose next device has this number; returns the link's name."""
        if self._peer is None:
            return (await self._desk.ask(Claim(name, primary, device, message))).name
        question = m.ClaimLink(primary, name, device, message)
        answer: m.LinkClaimed = await self._peer.ask(question, ASK_SECONDS)
        return answer.link

    async def answer(self, name: bytes, companion: bytes, message: bytes) -> tuple[LinkStep, bytes]:
        """The companion answers; returns how far the link is, and what there is for it. So do the others."""
        if self._peer is None:
            return await self._desk.state(Answer(name, companion, message), companion)
        return await self._state(m.AnswerLink(name, companion, message))

    async def confirm(
        self,
        name: bytes,
        primary: DeviceAddress,
        static_key: bytes,
        device_list: SignedDeviceList,
        message: bytes,
    ) -> tuple[LinkStep, bytes]:
        """The primary confirms."""
        if self._peer is None:
            return await self._desk.state(Confirm(name, primary, static_key, device_list, message), primary)
        question = m.ConfirmLink(primary, name, static_key, *device_list, message)
        return await self._state(question)

    async def poll(self, name: bytes, who: Who) -> tuple[LinkStep, bytes]:
        """One of the two sides asks."""
        if self._peer is None:
            return await self._desk.state(Poll(name, who), who)
        if isinstance(who, DeviceAddress):
            return await self._state(m.PollLink(name, who, None, 0))
        return await self._state(m.PollLink(name, None, who, 0))

    async def cancel(self, name: bytes, who: Who) -> None:
        """One of the two sides ends it."""
        if self._peer is None:
            await self._desk.ask(Cancel(name, who))
        elif isinstance(who, DeviceAddress):
            await self._state(m.PollLink(name, who, None, 1))
        else:
            await self._state(m.PollLink(name, None, who, 1))

    async def complete(self, name: bytes, keys: Application) -> DeviceAddress:
        """Make the companion a device; returns its address once that is durable."""
        if self._peer is None:
            return await self._desk.complete(name, keys)
        question = m.CompleteLink(
            name,
            keys.static_key,
            keys.identity_key,
            *keys.signed_prekey,
            keys.prekeys,
            keys.last_resort,
        )
        answer: m.Redeemed = await self._peer.ask(question, ASK_SECONDS)
        return answer.device

    async def forget_keys(self, keys: tuple[bytes, ...]) -> None:
        """Take the static keys of removed devices out of the directory."""
        if self._peer is None:
            await self._desk.forget_keys(keys)
        else:
            await self._peer.ask(m.ForgetKeys(keys), ASK_SECONDS)

    async def _state(self, question: Any) -> tuple[LinkStep, bytes]:
        assert self._peer is not None
        answer: m.LinkStands = await self._peer.ask(question, ASK_SECONDS)
        return LinkStep(answer.step), answer.message


def child_spec(worker: Worker) -> ChildSpec:
    """The one link desk of a node; only worker 0 has it."""
    return ChildSpec(id=NAME, start=lambda: LinkDeskActor(worker))


class LinkDeskActor(Actor):
    """The link desk."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._mailboxes = Mailboxes(worker)
        self._links = Links(worker.entropy)

    async def on_start(self) -> None:
        """Be found by name.

        Raises:
            NameTakenError: there is one already.
        """
        self.system.registry.register(NAME, self.ref)

    async def handle(self, message: object) -> object:
        """One request after the other; a refusal is an answer and no crash."""
        try:
            match message:
                case Complete(name, keys):
                    return await self._complete(name, keys)
                case ForgetKeys(keys):
                    await self._forget(keys)
                case _ if (change := _CHANGES.get(type(message))) is not None:
                    return change(self._links, message, trio.current_time())
                case _:
                    self.unexpected(message)
        except (RefusalError, JournalError) as refusal:
            return refusal
        return None

    async def _complete(self, name: bytes, keys: Application) -> DeviceAddress:
        link, signed = self._links.confirmed(name, keys.static_key, trio.current_time())
        assert link.primary is not None  # it has confirmed
        record = device_record(keys, int(self._worker.clock.now()))
        newcomer = Newcomer(link.primary.user, record, keys.prekeys, keys.last_resort, signed)
        try:
            address = await add_device(self._worker, self._mailboxes, newcomer)
        except RefusalError as refusal:
            if refusal.code not in _TRANSIENT:
                link.end = refusal.code  # the primary hears it too
            raise
        ops = of_family(accounts.put_device(address, record), Family.DIRECTORY)
        await self._worker.journal.commit(ops)
        link.step = LinkStep.COMPLETED
        self._worker.counters.registrations += 1
        log.info("device_linked", extra={"device": str(address)})
        return address

    async def _forget(self, keys: tuple[bytes, ...]) -> None:
        await self._worker.journal.commit([accounts.forget_static_key(key) for key in keys])


# A worker that is away for a moment says nothing about the link.
_TRANSIENT = (ErrorCode.RESTARTING, ErrorCode.OVERLOADED, ErrorCode.INTERNAL, ErrorCode.STORAGE_FULL)


def _open(links: Links, message: Open, now: float) -> OpenLink:
    return links.open(message.companion, message.address, now)


def _claim(links: Links, message: Claim, now: float) -> OpenLink:
    return links.claim(message.name, message.primary, message.device, message.message, now)


def _answer(links: Links, message: Answer, now: float) -> OpenLink:
    return links.answer(message.name, message.companion, message.message, now)


def _confirm(links: Links, message: Confirm, now: float) -> OpenLink:
    return links.confirm(
        message.name, message.primary, message.static_key, message.device_list, message.message, now
    )


def _poll(links: Links, message: Poll, now: float) -> OpenLink:
    return links.poll(message.name, message.who, now)


def _cancel(links: Links, message: Cancel, now: float) -> OpenLink:
    return links.cancel(message.name, message.who, now)


# {question: what it does with the links}
_CHANGES: dict[type, Callable[[Links, Any, float], OpenLink]] = {
    Open: _open,
    Claim: _claim,
    Answer: _answer,
    Confirm: _confirm,
    Poll: _poll,
    Cancel: _cancel,
}
