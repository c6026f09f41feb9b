"""The pure decisions of delivery: numbers, device lists, windows, and the table."""

from pathlib import Path

import pytest

from protocol import DeviceId
from relay.delivery import (
    QUEUE_TRANSITIONS,
    Admission,
    Parts,
    QueueState,
    admit,
    parts_by_device,
    window_has_room,
)

ONE, TWO, THREE = DeviceId(1), DeviceId(2), DeviceId(3)


@pytest.mark.parametrize(
    ("accepted", "number", "verdict"),
    [
        (0, 1, Admission.NEXT),
        (7, 8, Admission.NEXT),
        (7, 7, Admission.DUPLICATE),
        (7, 1, Admission.DUPLICATE),
        (7, 9, Admission.GAP),
        (0, 2, Admission.GAP),
    ],
)
def test_only_the_next_number_is_new(accepted: int, number: int, verdict: Admission) -> None:
    assert admit(accepted, number) is verdict


def test_plain_bytes_go_to_the_only_device() -> None:
    assert parts_by_device(b"c", [TWO]) == ((TWO, b"c"),)


def test_one_part_for_each_device_is_taken_in_any_order() -> None:
    parts = ((TWO, b"2"), (ONE, b"1"))
    assert parts_by_device(parts, [ONE, TWO]) == parts


@pytest.mark.parametrize(
    "parts",
    [
        b"c",
        ((ONE, b"1"),),
        ((ONE, b"1"), (THREE, b"3")),
        ((ONE, b"1"), (ONE, b"1")),
        ((ONE, b"1"), (TWO, b"2"), (THREE, b"3")),
        (),
    ],
)
def test_parts_that_do_not_name_exactly_the_devices_are_stale(parts: Parts) -> None:
    assert parts_by_device(parts, [ONE, TWO]) is None


def test_a_user_without_devices_takes_nothing_but_nothing() -> None:
    assert parts_by_device(b"c", []) is None


def test_the_first_message_always_goes() -> None:
    assert window_has_room(0, 0, messages=1, size=0)


def test_a_window_is_full_by_number_or_by_bytes() -> None:
    assert window_has_room(3, 50, messages=4, size=100)
    assert not window_has_room(4, 50, messages=4, size=100)
    assert not window_has_room(3, 100, messages=4, size=100)


def test_every_state_has_a_row() -> None:
    assert list(QUEUE_TRANSITIONS) == list(QueueState)


def test_the_documentation_shows_the_table_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text()
    for state, row in QUEUE_TRANSITIONS.items():
        for event, target in row.items():
            assert f"| {state.value} | {event.value} | {target.value} |" in text
