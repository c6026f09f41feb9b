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
    "ticked_per_s": Kind("durable, delivered, acknowledged and ticked ✓✓", "messages/s", _UP),
    "accepted_per_s": Kind("durably accepted ✓", "messages/s", _UP),
    "delivered_per_s": Kind("delivered", "messages/s", _UP),
    "worker_cpu_us_per_message": Kind("CPU of the workers a message", "µs", _DOWN),
    "parent_cpu_us_per_message": Kind("CPU of the node's parent process a message", "µs", _DOWN),
    "load_cpu_us_per_message": Kind("CPU of the load a message", "µs", _DOWN),
    "p50_ms": Kind("send → ✓✓, half of all within", "ms", _DOWN),
    "p99_ms": Kind("send → ✓✓, 99 % within", "ms", _DOWN),
    "p999_ms": Kind("send → ✓✓, 99.9 % within", "ms", _DOWN),
    "max_ms": Kind("send → ✓✓, the longest", "ms", _DOWN),
    "accepted_p50_ms": Kind("send → ✓, half of all within", "ms", _DOWN),
    "accepted_p99_ms": Kind("send → ✓, 99 % within", "ms", _DOWN),
    "delivered_p50_ms": Kind("send → deliver, half of all within", "ms", _DOWN),
    "delivered_p99_ms": Kind("send → deliver, 99 % within", "ms", _DOWN),
    "messages": Kind("messages measured", "", _SIZE),
    "missing": Kind("messages that never came", "", _DOWN),
    # fanout
    "last_member_ms": Kind("send → the last member has it, half of all within", "ms", _DOWN),
    "last_member_p99_ms": Kind("send → the last member has it, 99 % within", "ms", _DOWN),
    "worker_cpu_us_per_delivery": Kind("CPU of the workers a delivery to a member", "µs", _DOWN),
    "load_cpu_us_per_delivery": Kind("CPU of the load a delivery to a member", "µs", _DOWN),
    # idle, capacity
    "connections": Kind("connections held", "", _UP),
    "worker_bytes_per_connection": Kind("memory of the workers a connection (PSS)", "bytes", _DOWN),
    "worker_rss_bytes_per_connection": Kind("memory of the workers a connection (RSS)", "bytes", _DOWN),
    "kernel_bytes_per_connection": Kind("memory of the kernel a connection, one end", "bytes", _DOWN),
    "load_bytes_per_connection": Kind("memory of the load a connection (PSS)", "bytes", _DOWN),
    "machine_bytes_per_connection": Kind(
        "memory of the machine a connection, all of the above", "bytes", _DOWN
    ),
    "ramp_s": Kind("seconds until all were there", "s", _SIZE),
    "idle_cpu_percent": Kind("CPU of the workers while all are idle", "% of a core", _DOWN),
    "idle_seconds": Kind("seconds idle", "s", _SIZE),
    # login
    "logins_per_s": Kind("resumed logins (IK)", "logins/s", _UP),
    "login_cpu_us": Kind("CPU of the workers a resumed login", "µs", _DOWN),
    "login_p50_ms": Kind("a resumed login, half of all within", "ms", _DOWN),
    "login_p99_ms": Kind("a resumed login, 99 % within", "ms", _DOWN),
    "first_logins_per_s": Kind("first logins (XX)", "logins/s", _UP),
    "first_login_cpu_us": Kind("CPU of the workers a first login", "µs", _DOWN),
    "first_login_p50_ms": Kind("a first login, half of all within", "ms", _DOWN),
    "first_login_p99_ms": Kind("a first login, 99 % within", "ms", _DOWN),
    "storm_devices": Kind("devices in the storm after a restart", "", _SIZE),
    "storm_s": Kind("from the node's death until all are back", "s", _DOWN),
    "storm_restart_s": Kind("of these until the node listens again", "s", _DOWN),
    "storm_attempts": Kind("attempts to connect until all were back", "", _DOWN),
    # offline
    "bytes_on_disk_per_message": Kind("disk that a waiting message takes", "bytes", _DOWN),
    "drained_per_s": Kind("queued messages fetched and acknowledged", "messages/s", _UP),
    "drain_cpu_us_per_message": Kind("CPU of the workers a fetched message", "µs", _DOWN),
    # mixed
    "recipients_per_message": Kind("people that a message went to", "", _SIZE),
    "knee_per_s": Kind("the highest rate that was held within the bound", "messages/s", _UP),
    "broken_per_s": Kind("the lowest rate that was not", "messages/s", _UP),
}


def kind_of(key: str) -> Kind:
    """What a figure is, `peers.<name>.` before its key or not.

    Of one that is unknown (from another version), its key has to say it.
    """
    return CATALOGUE.get(key.rpartition(".")[2], Kind(key, "", Better.NEITHER))
