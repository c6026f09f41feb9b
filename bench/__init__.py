"""Benchmarks: what the house weighs and how fast it is, on its own and beside its peers."""
