"""Test vectors of our own, for whoever implements the end-to-end layer anew.

``python -m tests.vectors`` (``make vectors``) writes them to tests/protocol/vectors/, one JSON file for each
noun, from random bytes that are the same each time and stand in the files. Byte strings are in hex.
"""
