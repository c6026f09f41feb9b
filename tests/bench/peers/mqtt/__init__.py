"""Tests of bench.peers.mqtt."""
