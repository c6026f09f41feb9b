"""What can be wrong with an entry of a group's log before anybody has looked at its signature.

- ``protocol.errors.ProtocolError``
    - ``BadEntryError``: bytes that are no entry; whoever made them is at fault
        - ``UnsupportedEntryError``: an entry of a later version: only a newer program can follow this log
    - ``RefusedEntryError``: an entry that the rules do not allow was applied; our own code is at fault
    - ``BadGroupStateError``: a stored state that cannot be read; the disk's fault, or a later version's
"""

from protocol.errors import ProtocolError


class BadEntryError(ProtocolError):
    """Bytes that are no entry of a group's log."""


class UnsupportedEntryError(BadEntryError):
    """An entry in the format of another version."""

    def __init__(self, version: int) -> None:
        super().__init__(f"an entry of version {version}")
        self.version = version


class RefusedEntryError(ProtocolError):
    """An entry was applied that the rules refuse; ``rules.judge`` has to be asked first."""


class BadGroupStateError(ProtocolError):
    """A stored state of a group that cannot be read."""
