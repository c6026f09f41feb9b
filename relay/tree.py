"""THE supervision tree of a worker: every long-lived actor in start order, and why each strategy.

It stands below the worker's process in the node's tree (node_tree.py).
"""

from actors.network import Listener as Port
from relay import (
    connection,
    expiry,
    links_desk,
    listener,
    mailboxes,
    pin_guard,
    registration,
    sweeper,
    takeover,
)
from relay.bus import supervision
from relay.group import supervision as group_supervision
from relay.mailboxes import Mailboxes, MailboxSupervisor
from relay.named_supervisor import NamedSupervisor
from relay.worker import Worker
from supervisors import ChildSpec, Strategy, Supervisor, supervisor_spec


def relay_tree(worker: Worker, port: Port, control: ChildSpec | None) -> Supervisor:
    """The root. `control` is the socket at which the parent asks; a worker that has no parent has none.

    Later children depend on earlier ones, so a crash takes those along: rest_for_one.
    """
    directory = Mailboxes(worker)
    children = [
        # Before mailboxes: what they and all others say to other workers goes through it. So it is the last
        # to stop, and takes along what was said on the way down. With one worker there is none.
        *supervision.child_specs(worker),
        # First of what works here, because everybody writes to mailboxes and nobody can do without.
        supervisor_spec(mailboxes.SUPERVISOR_NAME, lambda: MailboxSupervisor(worker)),
        # Groups write to mailboxes; nobody else needs them to begin.
        *group_supervision.child_specs(worker, directory),
        # Services have nothing to do with one another: one_for_one.
        supervisor_spec("services", lambda: Supervisor(_services(worker, control), name="services")),
        # Temporary children, so there is nothing to restart: the other end connects again.
        supervisor_spec(connection.SUPERVISOR_NAME, lambda: NamedSupervisor(name=connection.SUPERVISOR_NAME)),
        *takeover.child_specs(worker, directory),
        # Last in, first out: whoever connects finds everything there, and a node that stops takes nobody new.
        listener.child_spec(worker, directory, port),
    ]
    # A crash up here is a bug that a restart may get over once or twice, but not five times in a minute.
    return Supervisor(children, strategy=Strategy.REST_FOR_ONE, intensity=5, period=60.0, name="relay")


def _services(worker: Worker, control: ChildSpec | None) -> list[ChildSpec]:
    services = [sweeper.child_spec(worker), expiry.child_spec(worker), pin_guard.child_spec(worker)]
    if worker.store.worker == registration.DESK_WORKER:
        services[:0] = [registration.child_spec(worker), links_desk.child_spec(worker)]
    return services if control is None else [*services, control]
