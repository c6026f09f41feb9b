"""Where tests find the simulated hand-over, which is a part of the fault-injection suite."""

from faults.simulation.handover import ROOM, SimHandOver, SimHandOvers

__all__ = ["ROOM", "SimHandOver", "SimHandOvers"]
