"""Tests of groups in the phone."""
