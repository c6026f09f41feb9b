"""Finds the actor of a group by name, and starts it if nobody has it in memory, as mailboxes.py for users."""

import logging

import trio

from actors import ActorDeadError
from protocol import GroupId
from relay.group import group as group_module
from relay.group.handle import GroupHandle, running_group
from relay.named_supervisor import NamedSupervisor, start_child_nowait
from relay.worker import Worker
from supervisors import ChildStartError, SupervisorHandle

log = logging.getLogger("roost.relay")

SUPERVISOR_NAME = "groups"
"""What the registry knows the supervisor of all groups as."""


class GroupSupervisor(NamedSupervisor):
    """The supervisor of all groups of a worker: one that crashes concerns its members, and no other group."""

    def __init__(self) -> None:
        super().__init__(intensity=100, period=10.0, name=SUPERVISOR_NAME)


class Groups:
    """All groups of a worker, by id."""

    __slots__ = ("_spec", "_starting", "_supervisor", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._spec = group_module.child_spec(worker)
        self._supervisor = SupervisorHandle(worker.system.via(SUPERVISOR_NAME))
        self._starting: dict[GroupId, trio.Event] = {}  # bounded by the connections, which wait one at a time

    def running(self, group: GroupId) -> GroupHandle | None:
        """The actor of a group of this worker, if it is in memory."""
        return running_group(self._worker.system, group)

    def get_nowait(self, group: GroupId) -> GroupHandle | None:
        """As `get`, for those who cannot wait; None if it would have to, or it does not start.

        One that has died and has nothing on its way is not left to its supervisor: that may have died with
        it, and its successor knows of no children. If it lives, it finds the name taken.
        """
        found = self.running(group)
        if found is None and group not in self._starting and not self._is_landing(group):
            try:
                start_child_nowait(self._worker.system, SUPERVISOR_NAME, self._spec, group)
            except (ActorDeadError, ChildStartError) as error:
                log.warning("group_not_started", extra={"group": group, "reason": type(error).__name__})
            found = self.running(group)
        return found

    async def get(self, group: GroupId) -> GroupHandle:
        """The actor of a group of this worker, started if need be; also of one that does not exist yet.

        Raises:
            ChildStartError: it does not start (a damaged store).
            ActorDeadError: the node is stopping.
        """
        while (found := self.running(group)) is None:
            await self._start(group)
        return found

    async def _start(self, group: GroupId) -> None:
        started = self._starting.get(group)
        if started is not None:
            await started.wait()
            return
        if not self._has_predecessor(group):
            start_child_nowait(self._worker.system, SUPERVISOR_NAME, self._spec, group)
            return
        started = self._starting[group] = trio.Event()
        try:
            await self._supervisor.start_child(self._spec, group)
        finally:
            del self._starting[group]
            started.set()

    def _is_landing(self, group: GroupId) -> bool:
        """Whether a predecessor has something on its way to the disk, for which a new one has to wait."""
        flight = self._worker.group_flights.get(group)
        return flight is not None and bool(flight.count)

    def _has_predecessor(self, group: GroupId) -> bool:
        """Whether a predecessor has died, or has something on its way: then starting is the supervisor's."""
        flight = self._worker.group_flights.get(group)
        return flight is not None and (flight.mailbox is not None or bool(flight.count))
