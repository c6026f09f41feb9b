from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.ids import UserId
from protocol.slots import MAX_WORKERS, first_user_of
from storage import CorruptLayoutError, Layout, open_environment, read_layout
from storage.folder import layout_file
from storage.layout import write_layout


@given(st.integers(1, MAX_WORKERS), st.integers(0, 1 << 40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read(tmp_path: Path, environments: int, generation: int) -> None:
    write_layout(tmp_path, Layout(environments, generation))
    assert read_layout(tmp_path) == Layout(environments, generation)


def test_it_is_text_that_an_operator_can_read(tmp_path: Path) -> None:
    write_layout(tmp_path, Layout(4, 7))
    lines = layout_file(tmp_path).read_text().splitlines()
    assert lines[:3] == ["roost-layout-1", "environments 4", "generation 7"]


def test_a_store_from_before_there_were_several_environments_has_one(tmp_path: Path) -> None:
    assert read_layout(tmp_path) == Layout(1, 0)
    open_environment(tmp_path).close()
    assert read_layout(tmp_path) == Layout(1, 0)


def test_a_layout_that_is_gone_from_several_environments_is_not_guessed(tmp_path: Path) -> None:
    for number in (0, 1):
        open_environment(tmp_path, number).close()
    with pytest.raises(CorruptLayoutError, match="missing"):
        read_layout(tmp_path)


def test_no_changed_bit_goes_unnoticed(tmp_path: Path) -> None:
    write_layout(tmp_path, Layout(2, 1))
    whole = layout_file(tmp_path).read_bytes()
    for position in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << position % 8
        layout_file(tmp_path).write_bytes(damaged)
        with pytest.raises(CorruptLayoutError, match=str(layout_file(tmp_path))):
            read_layout(tmp_path)


@pytest.mark.parametrize("length", [0, 1, 20])
def test_half_a_file_is_refused(tmp_path: Path, length: int) -> None:
    write_layout(tmp_path, Layout(2, 1))
    layout_file(tmp_path).write_bytes(layout_file(tmp_path).read_bytes()[:length])
    with pytest.raises(CorruptLayoutError):
        read_layout(tmp_path)


def test_more_environments_than_there_can_be_are_refused(tmp_path: Path) -> None:
    write_layout(tmp_path, Layout(MAX_WORKERS + 1, 1))
    with pytest.raises(CorruptLayoutError, match="1 to 64 workers"):
        read_layout(tmp_path)


def test_each_change_is_told_from_the_one_before() -> None:
    there_and_back = Layout(2, 5).changed_to(3).changed_to(2)
    assert there_and_back == Layout(2, 7)


def test_a_user_belongs_to_the_environment_of_its_slot() -> None:
    layout = Layout(2)
    assert layout.owner(UserId(first_user_of(128) - 1)) == 0
    assert layout.owner(UserId(first_user_of(128))) == 1
