"""The life of one actor's task: start, drain, park, stop, and what death does.

Reading order: `live` is the task; `drain` and `drain_async` are THE loops, one for each kind of handler.

Why two: a plain handler cannot wait, so nothing can or need interrupt it, and it needs no turn of a task: it
is called by the runner (runner.py), and the actor has a task of its own only for as long as it has something
to wait for. An async handler runs in its actor's task, inside a cancel scope, so that a kill reaches it where
it waits; the scope is kept while the actor is busy and let go when it is idle (warmth.py). Who is parked is
woken, never cancelled.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import trio
from trio.lowlevel import cancel_shielded_checkpoint, current_task

from actors import few, links, monitors
from actors.envelope import Call, Reply
from actors.errors import ActorDeadError, StartError, StartIgnored
from actors.exits import KILLED, NORMAL, ExitReason, Stop, crash
from actors.parking import PARKED
from actors.rates import Rates

if TYPE_CHECKING:
    from actors.actor import Actor
    from actors.mailbox import Mailbox
    from actors.ref import ActorRef

SLICE_MESSAGES = 128
"""How many messages an actor may handle before the others get their turn: BEAM counts 4,000 reductions,
about as many function calls. At 1 to 2 µs a message a slice of small ones stays well under a millisecond."""

STALL_SECONDS = 0.05
"""A handler that holds the loop longer than this is reported by name."""

RATED_FROM = 10
"""An actor that has handled fewer messages than this in its life has no rates yet: nobody looks for it among
the busy, and the counters would be a tenth of what it weighs. What it had handled until then counts as
handled now."""

_NOTHING: Final = object()

Starting: TypeAlias = Coroutine[Any, Any, None]
"""An on_start that waits."""

Stopping: TypeAlias = Coroutine[Any, Any, Any]
"""An on_stop that waits."""


async def live(
    ref: ActorRef, actor: Actor, mailbox: Mailbox, starter: Reply | None, starting: Starting | None
) -> None:
    """Be the actor's task: of an async actor to its end, of a plain one until it waits for nothing any more.

    With an on_start that waits there is a starter, who waits too; `starting` is that on_start.
    """
    ref._task = current_task()
    try:
        if starter is not None and starting is not None and not await _start(ref, starter, starting):
            return
        starter = starting = None
        if not actor._handle_is_async:
            while mailbox.unfinished is not None:
                await _finish(ref, mailbox)
            ref._task = None
            ref.system._runner.add(ref)
            return
        while ref._exit is None:
            if not mailbox.items and not mailbox.signals:
                # As _park does, but not through it: every coroutine in the chain of a parked task weighs.
                mailbox.items = mailbox.signals = None
                mailbox.sleeper = ref._task
                await PARKED
            else:
                await drain_async(ref, actor, mailbox)
        stopping = begin_stop(ref, actor)
        if stopping is not None:
            await _stop(ref, stopping)
    except BaseException:
        # Only what no actor may keep to itself comes here: KeyboardInterrupt, SystemExit, or a bug of ours.
        ref.system._abandon()
        raise
    finally:
        if ref._task is not None:
            bury(ref)


async def leave(ref: ActorRef, stopping: Stopping) -> None:
    """Be the task of a plain actor whose on_stop waits."""
    ref._task = current_task()
    try:
        await _stop(ref, stopping)
    except BaseException:
        ref.system._abandon()
        raise
    finally:
        bury(ref)


# ---- Starting and stopping -----------------------------------------------------------------------


def start_at_once(ref: ActorRef, actor: Actor) -> Starting | None:
    """Run an on_start, or the part of it that does not wait; returns the rest, for the actor's own task.

    Raises:
        StartError, StartIgnored: it raised. The actor, which has no task yet, is dead.
    """
    try:
        return actor.on_start()
    except StartIgnored:
        ref._exit = NORMAL
        _bury_unborn(ref)
        raise
    except Exception as error:  # whatever user code raises is an answer to the starter
        ref._exit = crash(error)
        failure = StartError(repr(ref), ref._exit)
        _bury_unborn(ref)
        raise failure from error


def _bury_unborn(ref: ActorRef) -> None:
    """Nobody but the starter is to hear of it, and the parent not by its link."""
    if ref._parent is not None:
        links.unlink(ref._parent, ref)
    bury(ref)


async def _start(ref: ActorRef, starter: Reply, starting: Starting) -> bool:
    """Run an on_start that waits, and tell the starter how it went. False: there is nothing to run."""
    has_started = False
    try:
        if ref._exit is None:
            with trio.CancelScope() as ref._scope:
                await starting
                has_started = True
        else:
            starting.close()
    except StartIgnored as ignored:
        ref._exit = NORMAL
        _fail_start(ref, starter, ignored)
    except Exception as error:  # whatever user code raises is an answer to the starter
        failure = StartError(repr(ref), crash(error))
        failure.__cause__ = error
        if ref._exit is not KILLED:
            ref._exit = failure.reason
        _fail_start(ref, starter, failure)
    finally:
        ref._scope = None
    if has_started:
        starter.send(ref)
    elif not starter.is_done:
        _fail_start(ref, starter, StartError(repr(ref), ref._exit or KILLED))
    return has_started


def _fail_start(ref: ActorRef, starter: Reply, error: Exception) -> None:
    """Tell the starter, and it alone: the parent must not hear of the same failure by its link as well."""
    if ref._parent is not None:
        links.unlink(ref._parent, ref)
    starter.fail(error)


def begin_stop(ref: ActorRef, actor: Actor) -> Stopping | None:
    """Run an on_stop, or the part of it that does not wait; returns the rest. None: only `bury` is left.

    There is none after a kill.
    """
    assert ref._exit is not None
    if not actor._has_on_stop or ref._exit is KILLED:
        return None
    try:
        truth = actor.on_stop(ref._exit)
    except Exception as error:  # the last chance of user code to crash
        _crash(ref, error, "on_stop")
        return None
    if type(truth) is CoroutineType:
        return truth
    _change_reason(ref, truth)
    return None


async def _stop(ref: ActorRef, stopping: Stopping) -> None:
    if ref._exit is KILLED:  # since begin_stop
        stopping.close()
        return
    try:
        with trio.CancelScope() as ref._scope:
            _change_reason(ref, await stopping)
    except Exception as error:  # likewise
        _crash(ref, error, "on_stop")
    finally:
        ref._scope = None


def _change_reason(ref: ActorRef, truth: object) -> None:
    """What on_stop says about the end, if it says anything; only a kill is a stronger word."""
    if isinstance(truth, ExitReason) and ref._exit is not KILLED:
        ref._exit = truth


# ---- The loops -----------------------------------------------------------------------------------


def drain(ref: ActorRef, actor: Actor, mailbox: Mailbox) -> int:
    """Let a plain handler work through at most a slice of the mailbox; returns how many messages that was.

    In the runner's task. If the handler returns a coroutine, the rest of the message is for the actor's own.
    """
    handle, clock = actor.handle, ref.system._stall_clock
    handled = 0
    message: object = None
    before = clock()
    try:
        while handled < SLICE_MESSAGES:
            if mailbox.signals or mailbox.senders is not None:
                item = _take(ref, mailbox)
                if item is _NOTHING:
                    break
            elif mailbox.items:
                item = mailbox.items.popleft()  # as _take, not through it: this is the way of every message
            else:
                break
            if type(item) is Call:
                ref._call, message = item, item.message
                answer = handle(message)
                if type(answer) is CoroutineType:
                    _put_off(ref, mailbox, item, answer, before)
                    break
                if ref._call is item:
                    ref._call = None
                    item.send(answer)
            else:
                message = item
                answer = handle(item)
                if type(answer) is CoroutineType:
                    _put_off(ref, mailbox, item, answer, before)
                    break
            handled += 1
            after = clock()
            if after - before > STALL_SECONDS:
                ref.system.reports.stall(ref, message, after - before)
            before = after
            if ref._exit is not None:
                break
    except Exception as error:  # a raise is the end of this actor, and of nothing else
        if clock() - before > STALL_SECONDS:
            ref.system.reports.stall(ref, message, clock() - before)
        _crash(ref, error, type(message).__name__)
    _note_handled(ref, mailbox, handled, before)
    return handled


def _put_off(
    ref: ActorRef, mailbox: Mailbox, item: object, work: Coroutine[Any, Any, object], before: float
) -> None:
    """A plain handler has to wait: its actor's task will. Nothing else is handled before."""
    held = ref.system._stall_clock() - before
    if held > STALL_SECONDS:
        ref.system.reports.stall(ref, item.message if type(item) is Call else item, held)
    mailbox.unfinished = (item, work)
    if ref._scope is None:  # there is one, and it is cancelled, if the handler has brought its own end about
        ref._scope = trio.CancelScope()  # from now on: who dooms the actor before its task runs cancels it


async def _finish(ref: ActorRef, mailbox: Mailbox) -> None:
    """Do what a plain handler has put off, where a kill can reach it."""
    assert mailbox.unfinished is not None
    assert ref._scope is not None
    (item, work), mailbox.unfinished = mailbox.unfinished, None
    message = item.message if type(item) is Call else item
    try:
        with ref._scope:
            answer = await _watch(ref, message, work)
            if type(item) is Call and ref._call is item:
                ref._call = None
                item.send(answer)
            _note_handled(ref, mailbox, 1, ref.system._stall_clock())
    except Exception as error:  # a raise is the end of this actor, and of nothing else
        _crash(ref, error, type(message).__name__)
    finally:
        ref._scope = None


async def drain_async(ref: ActorRef, actor: Actor, mailbox: Mailbox) -> None:
    """Let an async handler work, slice by slice, where a kill can reach it, until the actor is idle.

    While it is warm (warmth.py) it parks in here and keeps its cancel scope.
    """
    handle: Callable[[object], Coroutine[Any, Any, object]] = actor.handle  # type: ignore[assignment] # by _handle_is_async
    message: object = None
    is_awake = True
    try:
        with trio.CancelScope() as ref._scope:
            while is_awake:
                handled = 0
                while handled < SLICE_MESSAGES and (item := _take(ref, mailbox)) is not _NOTHING:
                    if type(item) is Call:
                        ref._call, message = item, item.message
                        answer = await _watch(ref, message, handle(message))
                        if ref._call is item:
                            ref._call = None
                            item.send(answer)
                    else:
                        message = item
                        await _watch(ref, message, handle(item))
                    handled += 1
                    if ref._exit is not None:
                        break
                _note_handled(ref, mailbox, handled, ref.system._stall_clock())
                is_awake = await _rest(ref, mailbox)
    except Exception as error:  # a raise is the end of this actor, and of nothing else
        _crash(ref, error, type(message).__name__)
    finally:
        ref._scope = None


async def _rest(ref: ActorRef, mailbox: Mailbox) -> bool:
    """Between two slices: let the others run, or park with the scope open. False: let go of the scope."""
    if _is_ending(ref):
        return False
    if mailbox.items or mailbox.signals:
        await cancel_shielded_checkpoint()
    elif ref.system._warmth.keeps(ref, mailbox):
        await _park(ref, mailbox)
    return bool(mailbox.items or mailbox.signals) and not _is_ending(ref)


def _is_ending(ref: ActorRef) -> bool:
    """A function, for the answer changes while a task waits, and a type checker would think it stays."""
    return ref._exit is not None


async def _park(ref: ActorRef, mailbox: Mailbox) -> None:
    # Empty containers are given back: an idle actor keeps none.
    mailbox.items = mailbox.signals = None
    mailbox.sleeper = ref._task
    await PARKED


def _take(ref: ActorRef, mailbox: Mailbox) -> object:
    """The next thing to handle: system messages first. _NOTHING if there is none or a Stop is among them."""
    if mailbox.signals:
        signal = mailbox.signals.popleft()
        if type(signal) is Stop:
            ref._request_stop(signal.reason)
            return _NOTHING
        return signal
    items = mailbox.items
    if not items:
        return _NOTHING
    item = items.popleft()
    if mailbox.senders is not None:
        mailbox.admit_senders()
    return item


@types.coroutine
def _watch(
    ref: ActorRef, message: object, handling: Coroutine[Any, Any, object]
) -> Generator[Any, Any, object]:
    """Run a handler's coroutine, timing its steps: only what it does between two waits holds the loop."""
    clock = ref.system._stall_clock
    resume, value = handling.send, None
    while True:
        before = clock()
        try:
            trap = resume(value)
        except StopIteration as stop:
            return stop.value
        finally:
            value = None  # it may hold the very exception that is passing through here: no cycle
            held = clock() - before
            if held > STALL_SECONDS:
                ref.system.reports.stall(ref, message, held)
        try:
            value = yield trap
            resume = handling.send
        except GeneratorExit:
            handling.close()
            raise
        except BaseException as error:  # trio throws only into a foreign await; it belongs to the handler
            value, resume = error, handling.throw


def _note_handled(ref: ActorRef, mailbox: Mailbox, handled: int, now: float) -> None:
    mailbox.handled += handled
    if ref._rates is not None:
        ref._rates.note(handled, now)
    elif mailbox.handled >= RATED_FROM:
        ref._rates = Rates(now)
        ref._rates.note(mailbox.handled, now)


def _crash(ref: ActorRef, error: Exception, message_type: str) -> None:
    """User code raised. Only a kill is a stronger reason than that."""
    if ref._exit is not KILLED:
        ref._exit = crash(error, message_type)
        ref.system.reports.crash(ref, ref._exit, message_type)


# ---- Death ---------------------------------------------------------------------------------------


def bury(ref: ActorRef) -> None:
    """Take the actor out of the world: names first, then callers, then links and monitors.

    In this order nobody who hears of the death still finds the actor by name, as in OTP.
    """
    if ref._exit is None:
        ref._exit = KILLED  # its task was torn down by KeyboardInterrupt or the like
    reason, mailbox, bonds = ref._exit, ref._mailbox, ref._bonds
    assert mailbox is not None
    ref._actor = ref._task = ref._scope = ref._rates = None
    if bonds is not None:
        if bonds.names is not None:
            ref.system.registry._forget(ref)
        for farewell in few.members(bonds.farewells):
            farewell(ref)
    ref.system._forget(ref)
    ref._mailbox = None
    _answer_callers(ref, mailbox)
    if bonds is not None:
        links.sever_links(ref, reason)
        monitors.report_down(ref, reason)
        for waiter in few.members(bonds.waiters):
            waiter.send(None)
        ref._bonds = None


def _answer_callers(ref: ActorRef, mailbox: Mailbox) -> None:
    """Whoever waits for an answer hears at once that none will come; what was merely told is counted."""
    assert ref._exit is not None
    call, ref._call = ref._call, None
    deferred = few.members(ref._bonds.deferred) if ref._bonds is not None else ()
    for item in (call, *deferred, *mailbox.close()):
        if isinstance(item, Reply):
            item.fail(ActorDeadError(repr(ref), ref._exit))
        elif item is not None:
            ref.system.dead_letters += 1
