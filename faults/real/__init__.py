"""Real faults on real processes: a node, a crowd of phones, what breaks them, and whether all held.

Nothing here is simulated: processes are killed, disks are full, connections break. What is promised is
checked from what the phones have logged, and from nothing else.
"""
