"""What this worker answers to questions about its groups; a clerk calls these (bus/clerk.py)."""

from collections.abc import Awaitable, Callable
from typing import Any

from relay.bus import messages as m
from relay.group.groups import Groups
from relay.worker import Worker


async def _append(worker: Worker, question: m.AppendEntries) -> m.EntriesAppended:
    group = await Groups(worker).get(question.group)
    index = await group.append(question.author, tuple(question.entries))
    return m.EntriesAppended(question.ask, index)


async def _ask_to_join(worker: Worker, question: m.AskToJoin) -> m.GroupDone:
    group = await Groups(worker).get(question.group)
    await group.ask_to_join(question.user, question.invite, question.proof)
    return m.GroupDone(question.ask)


async def _dismiss(worker: Worker, question: m.DismissJoins) -> m.GroupDone:
    group = await Groups(worker).get(question.group)
    await group.dismiss(question.admin, tuple(question.users))
    return m.GroupDone(question.ask)


# {question: who answers it}
ANSWERS: dict[type[Any], Callable[[Worker, Any], Awaitable[Any]]] = {
    m.AppendEntries: _append,
    m.AskToJoin: _ask_to_join,
    m.DismissJoins: _dismiss,
}
