"""Every figure that `roost bench` reports, by its key in the JSON: what it is, and which way is better.

Keys are for ever: other programs, and old JSON files, are compared by them.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Better(Enum):
    """Which way is better."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


class Kind(NamedTuple):
    """What a figure is."""

    title: str
    unit: str
    better: Better


_UP, _DOWN, _SIZE = Better.HIGHER, Better.LOWER, Better.NEITHER

CATALOGUE: dict[str, Kind] = {
    # pairs
    "ticked_per_s": Kind("messages, up to ✓✓", "messages/s", _UP),
    "accepted_per_s": Kind("accepted ✓", "messages/s", _UP),
    "delivered_per_s": Kind("delivered", "messages/s", _UP),
    "worker_cpu_us_per_message": Kind("worker CPU a message", "µs", _DOWN),
    "parent_cpu_us_per_message": Kind("parent CPU a message", "µs", _DOWN),
    "load_cpu_us_per_message": Kind("load CPU a message", "µs", _DOWN),
    "p50_ms": Kind("send → ✓✓, p50", "ms", _DOWN),
    "p99_ms": Kind("send → ✓✓, p99", "ms", _DOWN),
    "p999_ms": Kind("send → ✓✓, p99.9", "ms", _DOWN),
    "max_ms": Kind("send → ✓✓, longest", "ms", _DOWN),
    "accepted_p50_ms": Kind("send → ✓, p50", "ms", _DOWN),
    "accepted_p99_ms": Kind("send → ✓, p99", "ms", _DOWN),
    "delivered_p50_ms": Kind("send → delivered, p50", "ms", _DOWN),
    "delivered_p99_ms": Kind("send → delivered, p99", "ms", _DOWN),
    "messages": Kind("messages measured", "", _SIZE),
    "missing": Kind("messages that never came", "", _DOWN),
    # fanout
    "last_member_ms": Kind("send → last member, p50", "ms", _DOWN),
    "last_member_p99_ms": Kind("send → last member, p99", "ms", _DOWN),
    "worker_cpu_us_per_delivery": Kind("worker CPU a delivery", "µs", _DOWN),
    "load_cpu_us_per_delivery": Kind("load CPU a delivery", "µs", _DOWN),
    # idle, capacity
    "connections": Kind("connections held", "", _UP),
    "worker_bytes_per_connection": Kind("worker memory a connection (PSS)", "bytes", _DOWN),
    "worker_rss_bytes_per_connection": Kind("worker memory a connection (RSS)", "bytes", _DOWN),
    "kernel_bytes_per_connection": Kind("kernel memory a connection, one end", "bytes", _DOWN),
    "load_bytes_per_connection": Kind("load memory a connection (PSS)", "bytes", _DOWN),
    "machine_bytes_per_connection": Kind("machine memory a connection, all of it", "bytes", _DOWN),
    "ramp_s": Kind("until all were there", "s", _SIZE),
    "idle_cpu_percent": Kind("worker CPU while all are idle", "% of a core", _DOWN),
    "idle_seconds": Kind("time measured, idle", "s", _SIZE),
    # login
    "logins_per_s": Kind("resumed logins (IK)", "logins/s", _UP),
    "login_cpu_us": Kind("worker CPU a resumed login", "µs", _DOWN),
    "login_p50_ms": Kind("resumed login, p50", "ms", _DOWN),
    "login_p99_ms": Kind("resumed login, p99", "ms", _DOWN),
    "first_logins_per_s": Kind("first logins (XX)", "logins/s", _UP),
    "first_login_cpu_us": Kind("worker CPU a first login", "µs", _DOWN),
    "first_login_p50_ms": Kind("first login, p50", "ms", _DOWN),
    "first_login_p99_ms": Kind("first login, p99", "ms", _DOWN),
    "storm_devices": Kind("storm: devices", "", _SIZE),
    "storm_s": Kind("storm: killed → all are back", "s", _DOWN),
    "storm_restart_s": Kind("storm: killed → listening again", "s", _DOWN),
    "storm_attempts": Kind("storm: attempts to connect", "", _DOWN),
    # offline
    "bytes_on_disk_per_message": Kind("disk a waiting message", "bytes", _DOWN),
    "drained_per_s": Kind("messages fetched, acknowledged", "messages/s", _UP),
    "drain_cpu_us_per_message": Kind("worker CPU a fetched message", "µs", _DOWN),
    # mixed
    "recipients_per_message": Kind("recipients a message", "", _SIZE),
    "knee_per_s": Kind("highest rate within the bound", "messages/s", _UP),
    "broken_per_s": Kind("lowest rate beyond it", "messages/s", _UP),
}


def kind_of(key: str) -> Kind:
    """What a figure is, `peers.<name>.` before its key or not.

    Of one that is unknown (from another version), its key has to say it.
    """
    return CATALOGUE.get(key.rpartition(".")[2], Kind(key, "", Better.NEITHER))
