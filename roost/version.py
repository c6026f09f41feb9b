"""The version of Roost: the one place it is written down (pyproject.toml reads it from here)."""

VERSION = "0.1.0"
