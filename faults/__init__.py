"""The fault-injection suite: what Roost is put through, and what has to hold all the same.

A product of its own: nothing of the messenger imports it. ``roost faults simulate`` runs whole histories in
one process (``faults/simulation/``).
"""
