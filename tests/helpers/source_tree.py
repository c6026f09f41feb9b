"""The source files of the house, parsed: what the lint tests read."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

PACKAGES = ("actors", "supervisors", "protocol", "storage", "relay", "client", "roost", "bench", "faults")


def modules(*packages: str) -> Iterator[Path]:
    """Every Python file of the packages, sub-packages included, relative to the root, in order."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def module_name(path: Path) -> str:
    """``protocol/noise/__init__.py`` -> ``protocol.noise``."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
