"""Where in the product each moment is at which a worker can be killed; put there by name, for this process.

The product has no switch for it. Everything here runs in the worker itself, in the very line: no other
process could hit these moments, some of which last microseconds. SIGKILL to oneself takes effect before the
call returns, and the call keeps the GIL, so no other thread of the worker does anything more either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from faults.real.moments import Moment, Passage
from faults.substitution import substituted
from relay import worker_process
from relay.handover import SocketHandOver
from relay.outgoing import Outgoing
from storage import batch
from storage.committer import Committer
from storage.tables import GROWING_TABLES, Op, Table, only_grows
from supervisors import tell_ready

ComeBy = Callable[[], None]


def worker_number() -> int | None:
    """Which worker this process is; None as long as it waits to be told."""
    number = worker_process.LOG_FACTS.get("worker")
    return number if isinstance(number, int) else None


@contextmanager
def passages(folder: Path) -> Iterator[None]:
    """Let this process, a worker, come by all moments in the length of a block."""
    with ExitStack() as stack:
        for moment, put in _PUT.items():
            put(stack, Passage(folder, moment, worker_number).come_by)
        yield


def _before_commit(stack: ExitStack, come_by: ComeBy) -> None:
    apply = batch.apply

    def apply_and_come_by(txn: Any, database: Any, tables: Mapping[Table, batch.TableChanges]) -> None:
        apply(txn, database, dict(tables))
        if not GROWING_TABLES.isdisjoint(tables):
            come_by()

    stack.enter_context(substituted(batch, "apply", apply_and_come_by))


def _after_commit(stack: ExitStack, come_by: ComeBy) -> None:
    write = Committer._write

    def write_and_come_by(committer: Committer, submissions: Sequence[Sequence[Op]]) -> None:
        write(committer, submissions)
        if any(map(only_grows, submissions)):
            come_by()

    stack.enter_context(substituted(Committer, "_write", write_and_come_by))


def _after_deliver(stack: ExitStack, come_by: ComeBy) -> None:
    deliver, flush = Outgoing.deliver, Outgoing.flush
    loaded: dict[Outgoing, None] = {}  # those that have a message for their device since they were flushed

    def deliver_and_note(outgoing: Outgoing, *args: Any, **named: Any) -> None:
        deliver(outgoing, *args, **named)
        if outgoing.end is None:
            loaded[outgoing] = None

    def flush_and_come_by(outgoing: Outgoing) -> None:
        flush(outgoing)
        if outgoing in loaded:
            del loaded[outgoing]
            if outgoing.end is None:
                come_by()

    stack.enter_context(substituted(Outgoing, "deliver", deliver_and_note))
    stack.enter_context(substituted(Outgoing, "flush", flush_and_come_by))


def _giving(stack: ExitStack, come_by: ComeBy) -> None:
    give = SocketHandOver.give

    def come_by_and_give(handover: SocketHandOver, *args: Any) -> None:
        come_by()
        give(handover, *args)

    stack.enter_context(substituted(SocketHandOver, "give", come_by_and_give))


def _taking(stack: ExitStack, come_by: ComeBy) -> None:
    take = SocketHandOver.take

    async def take_and_come_by(handover: SocketHandOver) -> Any:
        moving = await take(handover)
        come_by()
        return moving

    stack.enter_context(substituted(SocketHandOver, "take", take_and_come_by))


def _starting(stack: ExitStack, come_by: ComeBy) -> None:
    def come_by_and_tell() -> bool:
        come_by()
        return tell_ready()

    stack.enter_context(substituted(worker_process, "tell_ready", come_by_and_tell))


_PUT: Mapping[Moment, Callable[[ExitStack, ComeBy], None]] = {
    Moment.BEFORE_COMMIT: _before_commit,
    Moment.AFTER_COMMIT: _after_commit,
    Moment.AFTER_DELIVER: _after_deliver,
    Moment.GIVING: _giving,
    Moment.TAKING: _taking,
    Moment.STARTING: _starting,
}
"""How the way of a worker is led by each moment."""
