"""Until when a message may be edited or deleted for everyone: one rule for both sides.

The sender's phone applies it before it sends a change, the receiver's before it obeys one, so a client that
was altered cannot rewrite what was said last week. Judged are both the sender's own times, which say what the
person did (a phone may have been offline in between), and the times at which the two contents arrived, which
the sender cannot choose: they may lie further apart by ``LATENESS_SECONDS``, for a change that had to wait
for a connection. What an altered client gains by lying about its clock is that much and no more.
"""

from typing import Final, NamedTuple

EDIT_SECONDS: Final = 15 * 60
"""After that people have read it, and an edit would put words into a conversation that has moved on."""

DELETE_SECONDS: Final = 60 * 3_600
"""Two days and a half."""

LATENESS_SECONDS: Final = 24 * 3_600
"""How much longer a change may take to arrive than the message took."""


class Moment(NamedTuple):
    """When a content was made, and when it arrived."""

    sent_at: float
    """By its sender's clock."""
    arrived_at: float
    """By the relay's clock if it waited there, else by this phone's; the sender's own phone has only one."""


def may_edit(message: Moment, edit: Moment) -> bool:
    """Whether an edit of a message comes in time."""
    return _in_time(message, edit, EDIT_SECONDS)


def may_delete(message: Moment, deletion: Moment) -> bool:
    """Whether a deletion of a message comes in time."""
    return _in_time(message, deletion, DELETE_SECONDS)


def _in_time(message: Moment, change: Moment, limit: int) -> bool:
    # A change that seems older than its message comes from a clock that was put back: no harm in it.
    claimed = change.sent_at - message.sent_at
    observed = change.arrived_at - message.arrived_at
    return claimed <= limit and observed <= limit + LATENESS_SECONDS
