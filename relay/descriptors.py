"""How many connections the limit of open files has room for, and what a worker keeps for itself.

Every connection is a descriptor. A worker without one left could not be asked how it is, reach another worker
or open a file of its store: so some are kept back, and peers are cut off before it comes to that.
Pure: who knows the limit asks (worker_process.py at its start, checkup.py for the doctor).
"""

import resource
from dataclasses import replace

from relay.config import Config

BESIDE_CONNECTIONS = 64
"""Store, log, listening sockets, questions of the parent, epoll, and some to spare."""

FOR_EACH_WORKER = 6
"""What a worker has open for each other one: two files of the store, the bus both ways, and hand-over."""

GOODBYES_PART = 16
MAX_GOODBYES = 256
"""A peer that is turned away keeps its descriptor until it has heard why: one in 16 is for them, 256 at most.
With those used up, peers are cut off without a word."""

LEAST_CONNECTIONS = 16
"""Below this a node is not started: it would turn nearly everybody away, and nobody would see why."""


def kept_back(workers: int) -> int:
    """What a worker of so many has open beside its connections, at most."""
    return BESIDE_CONNECTIONS + FOR_EACH_WORKER * (workers - 1)


def max_links(limit: int, workers: int) -> int:
    """How many sockets a worker may have open, those included that say goodbye."""
    return limit - kept_back(workers)


def needed(config: Config) -> int:
    """The least limit with which a worker can have `max_connections`."""
    goodbyes = min(MAX_GOODBYES, config.max_connections // (GOODBYES_PART - 1) + 1)
    return config.max_connections + goodbyes + kept_back(config.workers)


def fitted(config: Config, limit: int) -> Config:
    """The settings with no more connections than the limit of open files has room for; at least one."""
    return replace(config, max_connections=max(1, min(config.max_connections, room_in(config, limit))))


def room_in(config: Config, limit: int) -> int:
    """How many connections there is room for, whatever the settings say."""
    links = max(0, max_links(limit, config.workers))
    return links - min(MAX_GOODBYES, links // GOODBYES_PART)


def is_hopeless(config: Config, limit: int) -> bool:
    """Whether there is not even room for LEAST_CONNECTIONS, or for the fewer that the settings want."""
    return room_in(config, limit) < min(LEAST_CONNECTIONS, config.max_connections)


def open_files_limit() -> int:
    """The limit of this process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft
