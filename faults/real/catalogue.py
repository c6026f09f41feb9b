"""All faults there are, by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from faults.real.fault import Fault


def _by_name(*families: Iterable[Fault]) -> dict[str, Fault]:
    """One table of several; the same name twice is a mistake."""
    table: dict[str, Fault] = {}
    for fault in (fault for family in families for fault in family):
        if fault.name in table:
            raise ValueError(f"two faults are called {fault.name!r}")
        table[fault.name] = fault
    return table


FAULTS: Mapping[str, Fault] = _by_name(
    # A line for each module that has some: kills.FAULTS, and so on.
)
