"""The supervision tree of a running node as one JSON object: what `/tree` answers and `roost top` shows."""

from typing import Any

from actors import ActorSystem
from supervisors import tree_as_data

ROOT_NAME = "relay"
"""What the registry knows the root supervisor as."""

MAX_CHILDREN_LISTED = 100
"""Of one supervisor: a node has thousands of mailboxes, and nobody reads them all. The others are counted."""


async def tree_report(system: ActorSystem) -> dict[str, Any]:
    """The tree from the root down as it is now; it asks nobody, so a busy supervisor is no delay."""
    return tree_as_data(system, MAX_CHILDREN_LISTED)
