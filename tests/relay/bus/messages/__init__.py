"""Tests of the bus messages."""
