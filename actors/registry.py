"""Names for actors: unique keys (one holder each), shared keys (any number), and `Via`, a name used as a ref.

Entries vanish with their actor, before links and monitors hear of its end: who is told that an actor is gone
never finds it by name any more.

When not to use it: an actor that was handed a ref has no need of a name. Names are for those who must find
whoever does a job at the moment, across restarts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from actors import few
from actors.envelope import Reply
from actors.errors import ActorDeadError, NameTakenError
from actors.exits import NOPROC, NORMAL, ExitReason
from actors.ref import DEFAULT_CALL_TIMEOUT_SECONDS, ActorRef

if TYPE_CHECKING:
    from collections.abc import Hashable


class Registry:
    """Who is to be found under which name. Reads and writes are immediate: there is one loop."""

    def __init__(self, nobody: ActorRef) -> None:
        self._nobody = nobody
        self._unique: dict[Hashable, ActorRef] = {}  # {key: holder}
        self._shared: dict[Hashable, dict[ActorRef, object]] = {}  # {key: {holder: its value}}
        self._awaited: dict[Hashable, dict[Reply, None]] = {}  # {unique key: who waits for a holder}

    def register(self, key: Hashable, holder: Address) -> None:
        """Give an actor a unique name. Registering the holder again is harmless.

        Raises:
            NameTakenError: Another living actor has it.
            ActorDeadError: The actor is dead.
        """
        ref = holder.resolve()
        if self._unique.get(key) is not ref:
            self.check_free(key)
        self._note(ref, (False, key))
        self._unique[key] = ref
        for waiter in self._awaited.pop(key, {}):
            waiter.send(ref)

    def check_free(self, key: Hashable) -> None:
        """Raise NameTakenError if a living actor has this unique name."""
        holder = self._unique.get(key)
        if holder is not None:
            raise NameTakenError(key, repr(holder))

    def register_shared(self, key: Hashable, holder: Address, value: object = None) -> None:
        """Add an actor to those under a shared key, with a value that readers see (None if it has none).

        Raises:
            ActorDeadError: The actor is dead.
        """
        ref = holder.resolve()
        self._note(ref, (True, key))
        self._shared.setdefault(key, {})[ref] = value

    def unregister(self, key: Hashable, ref: Address | None = None) -> None:
        """Take a unique name away (only from `ref`, if given). Harmless if nobody has it."""
        holder = self._unique.get(key)
        if holder is not None and (ref is None or ref.resolve() is holder):
            del self._unique[key]
            self._unnote(holder, (False, key))

    def unregister_shared(self, key: Hashable, holder: Address) -> None:
        """Take an actor from under a shared key. Harmless if it is not there."""
        ref = holder.resolve()
        if ref in self._shared.get(key, {}):
            self._drop_shared(key, ref)
            self._unnote(ref, (True, key))

    def whereis(self, key: Hashable) -> ActorRef | None:
        """Who has this unique name; None if nobody does."""
        return self._unique.get(key)

    async def wait_for(self, key: Hashable) -> ActorRef:
        """Wait until somebody has this unique name, and say who: across a restart, say.

        Bound the wait with a trio cancel scope. A checkpoint only if it waits.
        """
        holder = self._unique.get(key)
        if holder is not None:
            return holder
        waiter = Reply()
        self._awaited.setdefault(key, {})[waiter] = None
        try:
            found: ActorRef = await waiter.wait()
        finally:
            waiters = self._awaited.get(key)
            if waiters is not None and waiters.pop(waiter, True) is None and not waiters:
                del self._awaited[key]
        return found

    def lookup(self, key: Hashable) -> dict[ActorRef, object]:
        """All actors under a shared key, with their values, in the order of registration."""
        return dict(self._shared.get(key, {}))

    def value_of(self, key: Hashable, ref: ActorRef) -> object:
        """The value that an actor has under a shared key; None if it is not registered under it."""
        holders = self._shared.get(key)
        return None if holders is None else holders.get(ref)

    def names_of(self, ref: ActorRef) -> list[Hashable]:
        """The unique names of an actor."""
        names = few.members(ref._bonds.names) if ref._bonds is not None else ()
        return [key for is_shared, key in names if not is_shared]

    def via(self, key: Hashable) -> Via:
        """A name in the place of a ref: whoever has it when it is used."""
        return Via(self, key)

    def _note(self, ref: ActorRef, entry: tuple[bool, Hashable]) -> None:
        if not ref.is_alive:
            raise ActorDeadError(repr(ref), ref._death_reason)
        bonds = ref._own_bonds()
        bonds.names = few.add(bonds.names, entry)

    @staticmethod
    def _unnote(ref: ActorRef, entry: tuple[bool, Hashable]) -> None:
        if ref._bonds is not None:
            ref._bonds.names = few.discard(ref._bonds.names, entry)

    def _forget(self, ref: ActorRef) -> None:
        """The actor has ended: all its names are free."""
        bonds = ref._own_bonds()
        names, bonds.names = few.members(bonds.names), None
        for is_shared, key in names:
            if is_shared:
                self._drop_shared(key, ref)
            else:
                del self._unique[key]

    def _drop_shared(self, key: Hashable, ref: ActorRef) -> None:
        holders = self._shared[key]
        del holders[ref]
        if not holders:
            del self._shared[key]


class Via:
    """A registered name that can be used wherever a ref can (OTP's `{via, Registry, Name}`).

    It is looked up at each use, so it survives restarts of its holder. With nobody under the name it behaves
    as a dead ref: a tell is dropped and counted, an ask raises ActorDeadError with NOPROC.
    """

    __slots__ = ("_registry", "key")

    def __init__(self, registry: Registry, key: Hashable) -> None:
        self._registry = registry
        self.key = key

    def __repr__(self) -> str:
        return f"<Via {self.key!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Via) and self.key == other.key and self._registry is other._registry

    def __hash__(self) -> int:
        return hash(self.key)

    def resolve(self) -> ActorRef:
        """Whoever has the name now; the system's `nobody`, who is dead, if nobody has."""
        return self._registry._unique.get(self.key, self._registry._nobody)

    @property
    def is_alive(self) -> bool:
        """Whether somebody has the name."""
        return self.resolve().is_alive

    def tell_nowait(self, message: object) -> None:
        """See `ActorRef.tell_nowait`."""
        self.resolve().tell_nowait(message)

    async def tell(self, message: object) -> None:
        """See `ActorRef.tell`."""
        await self.resolve().tell(message)

    async def ask(self, message: object, timeout: float = DEFAULT_CALL_TIMEOUT_SECONDS) -> Any:
        """See `ActorRef.ask`."""
        target = self.resolve()
        if not target.is_alive:
            raise ActorDeadError(repr(self), NOPROC)
        return await target.ask(message, timeout)

    async def stop(self, reason: ExitReason = NORMAL, timeout: float = math.inf) -> None:
        """See `ActorRef.stop`."""
        await self.resolve().stop(reason, timeout)

    async def wait_stopped(self, timeout: float = math.inf) -> ExitReason:
        """See `ActorRef.wait_stopped`: of whoever has the name now. NOPROC if nobody has."""
        return await self.resolve().wait_stopped(timeout)

    def kill(self) -> None:
        """See `ActorRef.kill`."""
        self.resolve().kill()

    def exit(self, reason: ExitReason, sender: ActorRef | None = None) -> None:
        """See `ActorRef.exit`."""
        self.resolve().exit(reason, sender)


Address: TypeAlias = Union[ActorRef, Via]  # noqa: UP007 - evaluated at import, and Via is defined above
"""What every place takes that names an actor: a ref, or a name that is looked up when it is used."""
