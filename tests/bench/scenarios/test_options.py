"""Options take what makes sense and refuse the rest."""

import argparse

import pytest

from bench.scenarios.options import add_times, natural, positive, positive_float, seconds


def test_values_that_make_sense_are_read() -> None:
    assert positive("3") == 3
    assert positive_float("0.5") == 0.5
    assert seconds("0") == 0


@pytest.mark.parametrize("read", [positive, positive_float])
def test_nothing_is_not_positive(read: type) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        read("0")


@pytest.mark.parametrize("read", [positive, natural, positive_float, seconds])
@pytest.mark.parametrize("text", ["many", "", "-1"])
def test_what_is_refused_is_told_in_a_sentence(read: type, text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"^'{text}' is no "):
        read(text)


@pytest.mark.parametrize("text", ["-1", "inf", "nan"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        seconds(text)


def test_a_scenario_has_its_own_times_by_default() -> None:
    parser = argparse.ArgumentParser()
    add_times(parser, 10, 3)
    found = parser.parse_args([])
    assert (found.duration, found.warmup) == (10, 3)
