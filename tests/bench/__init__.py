"""Tests of the benchmarks: that they run at tiny sizes, and that what they say is counted right."""
