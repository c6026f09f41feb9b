"""Whom to stop and whom to start when a child has died. Pure decisions, plain functions on data.

The supervisor applies what is decided here and decides nothing itself, so every rule of OTP's that concerns
restarts can be tried exhaustively without an actor in sight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from actors import ExitReason
from supervisors.child_spec import ChildSpec, Restart
from supervisors.errors import ChildSpecError


class Strategy(Enum):
    """Which siblings share the fate of a child that is restarted."""

    ONE_FOR_ONE = "one_for_one"  # none
    ONE_FOR_ALL = "one_for_all"  # all
    REST_FOR_ONE = "rest_for_one"  # those that were started after it


class AutoShutdown(Enum):
    """Whether the ending of significant children ends the supervisor."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"  # the first significant child that ends for good
    ALL_SIGNIFICANT = "all_significant"  # the last one


class Verdict(Enum):
    """What the death of a child asks of its supervisor."""

    RESTART = "restart"
    KEEP = "keep"  # leave it stopped, remember it
    FORGET = "forget"  # a temporary child leaves nothing behind


@dataclass(frozen=True, slots=True)
class Group:
    """The children that are restarted together, in start order; they are stopped in reverse."""

    ids: tuple[str, ...]


def verdict(restart: Restart, reason: ExitReason) -> Verdict:
    """What to do with a child of this kind that ended for this reason."""
    match restart:
        case Restart.PERMANENT:
            return Verdict.RESTART
        case Restart.TRANSIENT:
            return Verdict.RESTART if reason.is_abnormal else Verdict.KEEP
        case Restart.TEMPORARY:
            return Verdict.FORGET


def restart_group(strategy: Strategy, ids: Iterable[str], failed: str) -> Group:
    """The children that have to be restarted because `failed` died, itself among them.

    Args:
        strategy: the supervisor's.
        ids: all children in start order; one_for_one does not look at them, so its cost does not depend on
            how many there are.
        failed: the child that died; it is one of `ids`.
    """
    match strategy:
        case Strategy.ONE_FOR_ONE:
            return Group((failed,))
        case Strategy.ONE_FOR_ALL:
            return Group(tuple(ids))
        case Strategy.REST_FOR_ONE:
            in_order = tuple(ids)
            return Group(in_order[in_order.index(failed) :])


def ends_supervisor(auto: AutoShutdown, significant: bool, significant_left: int) -> bool:
    """Whether the supervisor shuts itself down because a child ended by itself and stays ended.

    Args:
        auto: the supervisor's setting.
        significant: whether the child that ended is a significant one.
        significant_left: how many other significant children are still running or about to be restarted.
    """
    if not significant:
        return False
    match auto:
        case AutoShutdown.NEVER:
            return False
        case AutoShutdown.ANY_SIGNIFICANT:
            return True
        case AutoShutdown.ALL_SIGNIFICANT:
            return significant_left == 0


def check_significance(auto: AutoShutdown, spec: ChildSpec) -> None:
    """Refuse a significant child under a supervisor that never shuts itself down (OTP: a bad spec).

    Raises:
        ChildSpecError: names the field.
    """
    if spec.significant and auto is AutoShutdown.NEVER:
        raise ChildSpecError("significant", True, f"False for child {spec.id!r}: auto_shutdown is never")
