"""A dynamic supervisor that can be found by name, because whoever starts children is not who started it."""

from actors import NOPROC, ActorDeadError, ActorRef, ActorSystem
from supervisors import ChildSpec, DynamicSupervisor
from supervisors.base import supervisor_of


class NamedSupervisor(DynamicSupervisor):
    """Registers itself under the name that it has in reports."""

    async def on_start(self) -> None:
        """Begin without children, under the name.

        Raises:
            NameTakenError: there is one already.
        """
        await super().on_start()
        self.system.registry.register(self.name, self.ref)


def start_child_nowait(system: ActorSystem, name: str, spec: ChildSpec, *arguments: object) -> ActorRef:
    """Start a child of the supervisor that has a name. See `DynamicSupervisor.start_child_nowait`.

    Raises:
        ActorDeadError: nobody has the name, or the supervisor is stopping.
        ChildStartError, MaxChildrenError, TypeError: as it does.
    """
    ref = system.whereis(name)
    supervisor = supervisor_of(ref) if ref is not None else None
    if not isinstance(supervisor, DynamicSupervisor):
        raise ActorDeadError(name, NOPROC)
    return supervisor.start_child_nowait(spec, *arguments)
