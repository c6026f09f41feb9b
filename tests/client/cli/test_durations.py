import argparse

import pytest

from client.cli.durations import duration, readable


def test_what_people_type_becomes_seconds() -> None:
    typed = {
        "24h": 86_400,
        "7d": 604_800,
        "90d": 7_776_000,
        "30s": 30,
        "45m": 2_700,
        "4w": 2_419_200,
        "off": 0,
    }
    assert {text: duration(text) for text in typed} == typed


@pytest.mark.parametrize("text", ["", "7", "d7", "0h", "-1d", "1.5h", "400d", "forever", "7 d", "٧d"])
def test_what_is_no_time_that_a_message_can_live_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        duration(text)


def test_seconds_are_said_in_the_largest_unit_that_fits() -> None:
    assert [readable(s) for s in (1, 90, 3_600, 86_400, 604_800)] == [
        "1 second", "90 seconds", "1 hour", "1 day", "7 days",
    ]  # fmt: skip
