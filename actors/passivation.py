"""Actors that leave memory when idle and return with the next message to their name.

For state that can be rebuilt from storage (the mailbox of a user who is offline): there are millions of names
and room for the busy ones. Whoever has a name tells it; whether an actor is there at the moment is nobody's
concern. Erlang has no such thing; Orleans calls it a virtual actor.

Owns: which names have an actor at the moment.
Guarantees: a message told to a name between its actor's leaving and its return is handled by the returned
one, in order, and not before the leaving one has finished `on_stop`. How the race is closed:

1. The actor has been told to leave. Its name still points at it, so a message that comes now (while `on_stop`
   is saving, say) is queued in the mailbox of the leaving.
2. It dies. Before anybody hears of that, its name is taken away and what is queued moves, with its askers and
   waiting senders, into the mailbox of a successor, which is then started. There is no moment in between.
3. With nothing queued the name is simply free, and the next message starts a successor.

Not for a crash: then what was queued is lost, as it is with any actor, and its askers hear so at once. A ref
(`Actor.ref`) of such an actor is good until it leaves; hand out the name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from trio.lowlevel import checkpoint

from actors import few
from actors.actor import Actor
from actors.envelope import Reply
from actors.errors import ActorDeadError, ActorError
from actors.exits import NOPROC, SHUTDOWN, Exit, ExitReason, Stop, shutdown
from actors.mailbox import Mailbox
from actors.ref import DEFAULT_CALL_TIMEOUT_SECONDS, ActorRef

K = TypeVar("K", bound=Hashable)

PASSIVATED = shutdown("passivated")
"""The exit reason of an actor that left because it was idle."""

SWEEP_SLICE = 500
"""How many actors are looked at in one turn of the loop: about 0.1 ms of it."""


class PassiveActor(Actor):
    """An actor that may leave memory. It saves in `on_stop` what `on_start` will need, if anything.

    It stays while it owes an answer (`reply_later`). Its timers do not hold it: see `may_leave`.
    """

    __slots__ = ()

    def may_leave(self) -> bool:
        """Whether it may go now, if it has been idle. False while it has a reason to stay."""
        return True


@dataclass(frozen=True, slots=True)
class _Sweep:
    """Time to look for the idle."""


class PassiveActors(Generic[K]):
    """A family of passive actors, one for each key, made when spoken to.

    Start `keeper` under a supervisor: it is the parent of the family. While no keeper runs, names are dead.

    When not to use it: for actors whose state is nowhere but in memory.
    """

    def __init__(self, make: Callable[[K], PassiveActor], idle_s: float) -> None:
        """Describe the family.

        Args:
            make: Makes the actor of a key.
            idle_s: After how long without a message it leaves (up to twice that: it is looked for so often).
        """
        self.idle_s = idle_s
        self._make = make
        self._keeper: ActorRef | None = None  # the parent, while there is one
        self._present: dict[K, ActorRef] = {}
        self._members: dict[ActorRef, _Member] = {}

    def __len__(self) -> int:
        """How many are in memory."""
        return len(self._present)

    def keeper(self) -> Actor:
        """The factory of the family's parent, for a ChildSpec or `ActorSystem.start`."""
        return _Keeper(self)

    def at(self, key: K) -> PassiveName[K]:
        """The name of one member: tell it, ask it."""
        return PassiveName(self, key)

    def whereis(self, key: K) -> ActorRef | None:
        """The actor of a key if it is in memory. Does not call it back."""
        return self._present.get(key)

    def wake(self, key: K) -> ActorRef:
        """The actor of a key, called back if it has left. Never waits: it may still be in its on_start.

        Raises:
            ActorDeadError: No keeper is running.
            StartError: `make` raised.
        """
        present = self._present.get(key)
        if present is not None:
            return present
        if self._keeper is None or not self._keeper.is_alive:
            raise ActorDeadError(f"the family of {key!r}", NOPROC)
        return self._enter(key, self._keeper)

    def _enter(self, key: K, keeper: ActorRef) -> ActorRef:
        ref, starter = keeper.system._spawn(lambda: self._make(key), None, keeper)
        self._present[key] = ref
        self._members[ref] = _Member(key, starter)
        bonds = ref._own_bonds()
        bonds.farewells = few.add(bonds.farewells, self._leave)
        return ref

    def _leave(self, ref: ActorRef) -> None:
        """A member is ending, and nobody has heard of it yet: step 2 of the story above."""
        member = self._members.pop(ref)
        del self._present[member.key]
        reason, mailbox = ref._death_reason, ref._mailbox
        if member.starter is not None and member.starter.failed:
            # Nobody awaits this start, so nobody would hear why the name is silent.
            ref.system.reports.crash(ref, reason, "on_start")
        elif reason is PASSIVATED and mailbox is not None and mailbox.has_work:
            self._hand_over(mailbox, member.key)

    def _hand_over(self, left: Mailbox, key: K) -> None:
        try:
            successor = self.wake(key)
        except ActorError:
            return  # no keeper, or `make` raised: what was queued is answered as the dead answer
        assert successor._mailbox is not None
        successor._mailbox.inherit(left)

    async def _sweep(self) -> None:
        """Tell those to leave who have handled nothing since the last sweep and have nothing to do."""
        for number, (ref, member) in enumerate([*self._members.items()]):
            if number % SWEEP_SLICE == SWEEP_SLICE - 1:
                await checkpoint()
            actor, mailbox = ref._actor, ref._mailbox
            if mailbox is None or not isinstance(actor, PassiveActor):
                continue
            is_idle = mailbox.sleeper is not None and mailbox.handled == member.handled
            member.handled = mailbox.handled
            if is_idle and not ref._owes_answers and actor.may_leave():
                mailbox.put_signal(Stop(PASSIVATED))


class _Member:
    """What the family knows of one of its actors."""

    __slots__ = ("handled", "key", "starter")

    def __init__(self, key: Any, starter: Reply | None) -> None:
        self.key = key
        self.starter = starter
        self.handled = -1  # messages it had handled at the last sweep; -1 before its first


class _Keeper(Actor):
    """The parent of a family: its end is theirs, their ends are not its. Looks for the idle now and then."""

    __slots__ = ("_family",)

    def __init__(self, family: PassiveActors[Any]) -> None:
        self._family = family

    async def on_start(self) -> None:
        self.trap_exit = True
        self._family._keeper = self.ref
        self.send_every(self._family.idle_s, _Sweep())

    async def handle(self, message: object) -> object:
        match message:
            case _Sweep():
                await self._family._sweep()
            case Exit():
                pass  # a member has left or crashed; its crash is reported, its name is free
            case _:
                self.unexpected(message)
        return None

    async def on_stop(self, reason: ExitReason) -> None:
        """Let all of them save; whoever stops the keeper says how long that may take, and kills it."""
        self._family._keeper = None
        members = [*self._family._members]
        for ref in members:
            ref.exit(SHUTDOWN, self.ref)
        for ref in members:
            await ref.wait_stopped()


class PassiveName(Generic[K]):
    """The name of one passive actor; survives its comings and goings."""

    __slots__ = ("_family", "key")

    def __init__(self, family: PassiveActors[K], key: K) -> None:
        self._family = family
        self.key = key

    def __repr__(self) -> str:
        return f"<PassiveName {self.key!r}>"

    async def tell(self, message: object) -> None:
        """See `ActorRef.tell`; calls the actor back if it has left.

        Raises:
            MailboxFullError: As `ActorRef.tell`.
            ActorDeadError: No keeper is running: unlike a dead actor's, this is no fate to be silent about.
            StartError: The factory raised. (If on_start raises, the message is dropped and that is logged.)
        """
        await self._family.wake(self.key).tell(message)

    def tell_nowait(self, message: object) -> None:
        """See `ActorRef.tell_nowait`; calls the actor back if it has left. Raises as `tell` does."""
        self._family.wake(self.key).tell_nowait(message)

    async def ask(self, message: object, timeout: float = DEFAULT_CALL_TIMEOUT_SECONDS) -> Any:
        """See `ActorRef.ask`; calls the actor back if it has left. The time includes its on_start.

        Raises:
            StartError: The factory raised. (If on_start raises, that is ActorDeadError, and logged.)
        """
        return await self._family.wake(self.key).ask(message, timeout)
