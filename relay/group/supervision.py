"""The actors of groups in a worker's tree: groups, porters, the settlement, the reporter, the sweep."""

from relay.group import bus_side, payload_sweep, porter, reports, settlement
from relay.group.groups import SUPERVISOR_NAME, GroupSupervisor
from relay.mailboxes import Mailboxes
from relay.worker import Worker
from supervisors import ChildSpec, Strategy, Supervisor, supervisor_spec


def child_specs(worker: Worker, mailboxes: Mailboxes) -> list[ChildSpec]:
    """The branch."""
    return [supervisor_spec("group work", lambda: _supervisor(worker, mailboxes))]


def _supervisor(worker: Worker, mailboxes: Mailboxes) -> Supervisor:
    """Later children depend on earlier ones: rest_for_one."""
    children = [
        # Who brings what groups send is there before any group sends.
        *porter.child_specs(worker, mailboxes),
        settlement.child_spec(worker, mailboxes),
        reports.child_spec(
            worker.reports, lambda group, marks: bus_side.remote_reached(worker, group, marks)
        ),
        supervisor_spec(SUPERVISOR_NAME, GroupSupervisor),
        # Starts groups that have something on their way.
        payload_sweep.child_spec(worker),
    ]
    return Supervisor(children, strategy=Strategy.REST_FOR_ONE, intensity=10, period=60.0, name="group work")
