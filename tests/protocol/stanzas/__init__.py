"""Tests of the stanzas."""
