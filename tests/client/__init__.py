"""Tests of the package client; town, phones and a scripted relay are in conftest.py."""
