"""Deterministic simulation: a whole node and its people in one process; one seed is one history.

Reading order: plan (what is drawn from a seed), history (one run of a plan), people and deeds (the workload),
harm (the faults), checker (what must hold). Below them stand the simulated clock, network, disk and node.
"""
