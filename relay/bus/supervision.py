"""The actors of the bus, and who deals with what comes over it: one branch of a worker's tree."""

from relay.bus import clerk, neighbour, reception, session, settler, usher, watched_abroad
from relay.group import bus_side
from relay.named_supervisor import NamedSupervisor
from relay.worker import Worker
from supervisors import ChildSpec, Strategy, Supervisor, supervisor_spec


def child_specs(worker: Worker) -> list[ChildSpec]:
    """The branch; nothing if there are no other workers."""
    if not worker.bus.peers:
        return []
    return [supervisor_spec("bus", lambda: _supervisor(worker))]


def _supervisor(worker: Worker) -> Supervisor:
    """Later children depend on earlier ones: rest_for_one."""
    for module in (settler, clerk, watched_abroad, bus_side):
        module.register(worker)
    bus, network = worker.bus, worker.network
    children = [
        # Those who deal with what comes are there before anything comes.
        usher.child_spec(worker),
        settler.child_spec(worker),
        *clerk.child_specs(worker),
        # Temporary children: a link is not restarted, its peer is called anew.
        supervisor_spec(session.SUPERVISOR_NAME, lambda: NamedSupervisor(name=session.SUPERVISOR_NAME)),
        # Who calls, and who is called.
        *(neighbour.child_spec(bus, network, worker.entropy, number) for number in bus.peers),
        reception.child_spec(bus, network),
    ]
    return Supervisor(children, strategy=Strategy.REST_FOR_ONE, intensity=10, period=60.0, name="bus")
