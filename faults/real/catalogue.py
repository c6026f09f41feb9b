"""All faults there are: by family, and by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from faults.real import (
    client_kills,
    clocks,
    corruption,
    cuts,
    failing_disk,
    floods,
    forgery,
    full,
    hostile,
    kills,
    limits,
    lines,
    pauses,
    power_loss,
    replays,
    slow_readers,
)
from faults.real.fault import Fault

FAMILIES: Mapping[str, Sequence[Fault]] = {
    "process": (*kills.FAULTS, *client_kills.FAULTS, *pauses.FAULTS, *limits.FAULTS, *clocks.FAULTS),
    "network": (*cuts.FAULTS, *lines.FAULTS, *forgery.FAULTS, *replays.FAULTS),
    "hostile": (*floods.FAULTS, *slow_readers.FAULTS, *hostile.FAULTS),
    "disk": (*full.FAULTS, *failing_disk.FAULTS, *corruption.FAULTS, *power_loss.FAULTS),
}
"""{family: its faults}; plans choose among families."""


def by_name(families: Mapping[str, Sequence[Fault]]) -> dict[str, Fault]:
    """One table of all.

    Raises:
        ValueError: two have the same name.
    """
    table: dict[str, Fault] = {}
    for fault in (fault for faults in families.values() for fault in faults):
        if fault.name in table:
            raise ValueError(f"two faults are called {fault.name!r}")
        table[fault.name] = fault
    return table


FAULTS: Mapping[str, Fault] = by_name(FAMILIES)
