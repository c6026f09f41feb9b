"""What a backup is taken of, seen from inside the process of a node.

A real backup comes from another process (`OutsideView`); LMDB forbids opening a file twice in one.
"""

from collections.abc import Sequence
from pathlib import Path

from storage import Environment, Layout, read_layout


class InsideView:
    """Environments that this process has open, as a source of a backup."""

    def __init__(self, *environments: Environment) -> None:
        self.data: Path = environments[0].data
        self.layout: Layout = read_layout(self.data)
        self.environments: Sequence[Environment] = environments
