"""What worker 0 answers to questions about links: each is handed to the link desk.

Functions and no actor: a clerk calls them (clerk.py).
"""

from collections.abc import Awaitable, Callable
from typing import Any

from actors import ActorSystem
from protocol import DeviceId, SignedDeviceList, SignedPrekey
from relay import links_desk
from relay.bus import messages as m
from relay.links_desk import Answer, Cancel, Claim, Confirm, LinkDesk, Open, Poll
from relay.registration import Application


async def _open(system: ActorSystem, question: m.OpenLink) -> m.LinkOpened:
    link = await _desk(system).ask(Open(question.companion, question.address))
    return m.LinkOpened(question.ask, link.name, link.nameplate)


async def _claim(system: ActorSystem, question: m.ClaimLink) -> m.LinkClaimed:
    claim = Claim(question.link, question.device, DeviceId(question.number), question.message)
    return m.LinkClaimed(question.ask, (await _desk(system).ask(claim)).name)


async def _answer(system: ActorSystem, question: m.AnswerLink) -> m.LinkStands:
    answer = Answer(question.link, question.companion, question.message)
    step, message = await _desk(system).state(answer, question.companion)
    return m.LinkStands(question.ask, int(step), message)


async def _confirm(system: ActorSystem, question: m.ConfirmLink) -> m.LinkStands:
    signed = SignedDeviceList(question.encoded, question.signature)
    confirm = Confirm(question.link, question.device, question.static_key, signed, question.message)
    step, message = await _desk(system).state(confirm, question.device)
    return m.LinkStands(question.ask, int(step), message)


async def _poll(system: ActorSystem, question: m.PollLink) -> m.LinkStands:
    who = question.primary or question.companion or b""
    kind = Cancel if question.is_cancelled else Poll
    step, message = await _desk(system).state(kind(question.link, who), who)
    return m.LinkStands(question.ask, int(step), message)


async def _complete(system: ActorSystem, question: m.CompleteLink) -> m.Redeemed:
    keys = Application(
        "",
        "",
        question.static_key,
        question.identity_key,
        SignedPrekey(question.signed_prekey_id, question.signed_prekey, question.signature),
        tuple(question.prekeys),
        question.last_resort,
        takes_over=False,
        pin=None,
    )
    return m.Redeemed(question.ask, await _desk(system).complete(question.link, keys))


async def _forget_keys(system: ActorSystem, question: m.ForgetKeys) -> m.KeysForgotten:
    await _desk(system).forget_keys(tuple(question.keys))
    return m.KeysForgotten(question.ask)


def _desk(system: ActorSystem) -> LinkDesk:
    return LinkDesk(system.via(links_desk.NAME))


# {question: who answers it}
ANSWERS: dict[type[Any], Callable[[ActorSystem, Any], Awaitable[Any]]] = {
    m.OpenLink: _open,
    m.ClaimLink: _claim,
    m.AnswerLink: _answer,
    m.ConfirmLink: _confirm,
    m.PollLink: _poll,
    m.CompleteLink: _complete,
    m.ForgetKeys: _forget_keys,
}
