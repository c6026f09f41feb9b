import json
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from client.code_file import lines_so_far, newest_code, wait_for_code

ANNA = "+4915112345678"
BEN = "+4915112345679"


def line(phone: str, code: str) -> str:
    return json.dumps({"phone": phone, "code": code, "via": "sms", "at": 1}) + "\n"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "codes.jsonl"


def test_the_newest_code_of_the_phone_counts(path: Path) -> None:
    path.write_text(line(ANNA, "111111") + line(ANNA, "222222") + line(BEN, "333333"))
    assert newest_code(path, ANNA) == "222222"


def test_codes_from_before_do_not_count(path: Path) -> None:
    path.write_text(line(ANNA, "111111"))
    before = lines_so_far(path)
    assert newest_code(path, ANNA, skip_lines=before) is None
    append(path, line(ANNA, "222222"))
    assert newest_code(path, ANNA, skip_lines=before) == "222222"


def test_a_line_that_is_still_being_written_is_left_alone(path: Path) -> None:
    path.write_text(line(ANNA, "111111") + line(ANNA, "222222").rstrip("\n"))
    assert newest_code(path, ANNA) == "111111"


@pytest.mark.parametrize("junk", ["", "not json\n", "[1]\n", '{"phone": "+4915112345678"}\n', "\xff\n"])
def test_lines_that_are_no_codes_are_passed_over(path: Path, junk: str) -> None:
    path.write_text(line(ANNA, "111111") + junk)
    assert newest_code(path, ANNA) == "111111"


def test_a_missing_file_holds_no_code(path: Path) -> None:
    assert newest_code(path, ANNA) is None
    assert lines_so_far(path) == 0


async def test_a_code_that_comes_a_little_later_is_waited_for(
    path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async def gateway() -> None:
        await trio.sleep(0.35)
        append(path, line(ANNA, "111111"))

    nursery.start_soon(gateway)
    with trio.fail_after(1):
        assert await wait_for_code(path, ANNA) == "111111"
