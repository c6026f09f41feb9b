"""Where tests find the simulated network, which is a part of the fault-injection suite."""

from faults.simulation.link import READ_BYTES, WINDOW_BYTES, DetachedSimLink, SimLink
from faults.simulation.network import SimListener, SimNetwork, open_sim_network

__all__ = [
    "READ_BYTES",
    "WINDOW_BYTES",
    "DetachedSimLink",
    "SimLink",
    "SimListener",
    "SimNetwork",
    "open_sim_network",
]
