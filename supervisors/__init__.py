"""Supervision trees as OTP has them: who is started when, restarted how, stopped in which order.

Start with `docs/supervision.md`. A supervisor is an actor: `system.start(lambda: Supervisor([...]))`.
"""

from supervisors.backoff import Backoff
from supervisors.child import ChildCounts, ChildInfo, ChildState
from supervisors.child_spec import ChildSpec, ChildType, Restart, Shutdown
from supervisors.dynamic_supervisor import DynamicSupervisor
from supervisors.errors import (
    ChildExistsError,
    ChildNotFoundError,
    ChildRunningError,
    ChildSpecError,
    ChildStartError,
    MaxChildrenError,
    ProcessEndedError,
    ProcessNotReadyError,
    SupervisorError,
)
from supervisors.handle import SupervisorHandle
from supervisors.intensity import Intensity
from supervisors.os_process import (
    Command,
    OsProcess,
    Succession,
    WhatPid,
    process_spec,
    tell_failure,
    tell_ready,
)
from supervisors.reserve import Keeper, Reserve, keeper_spec
from supervisors.strategy import AutoShutdown, Strategy
from supervisors.supervisor import Supervisor, supervisor_spec
from supervisors.tree import tree_as_data, tree_as_text

__all__ = [
    "AutoShutdown",
    "Backoff",
    "ChildCounts",
    "ChildExistsError",
    "ChildInfo",
    "ChildNotFoundError",
    "ChildRunningError",
    "ChildSpec",
    "ChildSpecError",
    "ChildStartError",
    "ChildState",
    "ChildType",
    "Command",
    "DynamicSupervisor",
    "Intensity",
    "Keeper",
    "MaxChildrenError",
    "OsProcess",
    "ProcessEndedError",
    "ProcessNotReadyError",
    "Reserve",
    "Restart",
    "Shutdown",
    "Strategy",
    "Succession",
    "Supervisor",
    "SupervisorError",
    "SupervisorHandle",
    "WhatPid",
    "keeper_spec",
    "process_spec",
    "supervisor_spec",
    "tell_failure",
    "tell_ready",
    "tree_as_data",
    "tree_as_text",
]
