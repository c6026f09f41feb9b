"""Micro-benchmarks of the actor runtime, one file each; `python -m bench.micro` runs them all."""
