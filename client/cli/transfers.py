"""Waiting for the history of a new device, on either side, and saying how far it is.

Nobody has to wait: what was not given yet goes on with whatever runs next on that phone, and what has not
come yet comes with the next ``roost listen`` or ``roost chat`` here.
"""

from collections.abc import Callable
from typing import Final

import trio

from client.events import EventsMissed, HistoryProgress, Subscription
from client.phone import Phone
from protocol.ids import DeviceId

PATIENCE_SECONDS: Final = 20.0
"""How long nothing may come before the wait is given up: the other side may have been switched off."""

LOOK_SECONDS: Final = 0.1

Show = Callable[[HistoryProgress], None]


async def wait_arrival(phone: Phone, show: Show) -> HistoryProgress | None:
    """Wait until all the history has come to this new device.

    Args:
        phone: the new device's.
        show: told each time when more has come.

    Returns:
        How far it was in the end; None if nothing has come at all.

    Raises:
        ClientError: the connection has stopped for good.
    """
    with phone.events.subscribe() as events:
        progress = _arrived(phone)
        if progress is not None:
            show(progress)
        while progress is None or not progress.is_done:
            with trio.move_on_after(PATIENCE_SECONDS) as waiting:
                progress = await _next_progress(phone, events)
                show(progress)
            if waiting.cancelled_caught:
                break
        return progress


async def _next_progress(phone: Phone, events: Subscription) -> HistoryProgress:
    while True:
        phone.raise_if_stopped()
        match await events.next():
            case HistoryProgress(device=None) as progress:
                return progress
            case EventsMissed() if (arrived := _arrived(phone)) is not None:
                return arrived
            case _:
                pass


def _arrived(phone: Phone) -> HistoryProgress | None:
    arrived = phone.transfer.arrival()
    return (
        None if arrived is None else HistoryProgress(None, arrived.received, arrived.total, arrived.is_done)
    )


async def wait_departure(phone: Phone, device: DeviceId, show: Show) -> bool:
    """Wait until the relay has all the history for a device that this phone has linked.

    Args:
        phone: the primary.
        device: the new device.
        show: told each time when more has gone.

    Returns:
        Whether it has; False if it came no further for a while, and goes on later.

    Raises:
        ClientError: the connection has stopped for good.
    """
    shown: HistoryProgress | None = None
    deadline = trio.current_time() + PATIENCE_SECONDS
    while trio.current_time() < deadline:
        phone.raise_if_stopped()
        progress = phone.transfer.given(device)
        if progress is not None:
            gone = HistoryProgress(device, progress.done, progress.total, progress.is_done)
            if gone != shown:
                show(gone)
                shown, deadline = gone, trio.current_time() + PATIENCE_SECONDS
            if gone.is_done:
                return True
        await trio.sleep(LOOK_SECONDS)
    return False
