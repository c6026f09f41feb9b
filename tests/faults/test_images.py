from __future__ import annotations

from random import Random

import pytest

from faults.real.images import PAGE_BYTES, SECTOR_BYTES, Loss, Platter, survivors
from faults.real.strace import Renamed, Said, Sync, Write

FILE = "/data.mdb"


def written(offset: int, data: bytes, *, is_synced: bool = False) -> Write:
    return Write(FILE, offset, data, is_synced)


def images(platter: Platter, loss: Loss, times: int = 200) -> set[bytes]:
    random = Random(1)
    return {platter.after(loss, random) for _ in range(times)}


def test_what_was_synced_is_there_whatever_is_lost() -> None:
    platter = Platter(FILE)
    platter.happens(written(0, b"one"))
    platter.happens(Sync(FILE))
    assert platter.bytes_at_risk == 0
    assert all(images(platter, loss) == {b"one"} for loss in Loss)


def test_a_sync_of_another_file_and_a_word_change_nothing() -> None:
    platter = Platter(FILE)
    platter.happens(written(0, b"one"))
    for event in (Sync("/other"), Said(b"1"), Write("/other", 0, b"two", False)):
        platter.happens(event)
    assert platter.bytes_at_risk == 3
    assert images(platter, Loss.ALL) == {b""}


def test_of_the_end_any_length_is_lost_and_never_a_write_before_one_that_is_kept() -> None:
    platter = Platter(FILE)
    for offset in range(3):
        platter.happens(written(offset, b"%d" % offset))
    assert images(platter, Loss.TAIL) == {b"", b"0", b"01", b"012"}


def test_pages_are_lost_each_by_itself() -> None:
    platter = Platter(FILE)
    platter.happens(written(0, b"a" * PAGE_BYTES + b"b" * PAGE_BYTES))
    a, b, hole = b"a" * PAGE_BYTES, b"b" * PAGE_BYTES, bytes(PAGE_BYTES)
    assert images(platter, Loss.PAGES) == {b"", a, hole + b, a + b}


def test_sectors_are_cut_where_the_files_begin_and_not_where_the_write_does() -> None:
    random = Random(3)
    pieces = [(SECTOR_BYTES - 10, bytes(SECTOR_BYTES))]
    seen = {piece for _ in range(50) for piece in survivors(pieces, Loss.SECTORS, random)}
    assert sorted(seen) == [
        (SECTOR_BYTES - 10, bytes(10)),
        (SECTOR_BYTES, bytes(SECTOR_BYTES - 10)),
    ]


def test_what_is_written_through_is_there_and_nothing_of_what_was_written_before_it() -> None:
    platter = Platter(FILE)
    platter.happens(written(4, b"page"))
    platter.happens(written(0, b"meta", is_synced=True))
    assert images(platter, Loss.ALL) == {b"meta"}
    assert images(platter, Loss.TAIL) == {b"meta", b"metapage"}


def test_what_is_written_through_is_not_undone_by_what_waited_for_its_place() -> None:
    platter = Platter(FILE)
    platter.happens(written(0, b"old old old"))
    platter.happens(written(4, b"new", is_synced=True))
    assert platter.after(Loss.ALL, Random(1)) == b"\0\0\0\0new"
    platter.happens(Sync(FILE))
    assert platter.after(Loss.ALL, Random(1)) == b"old new old"


@pytest.mark.parametrize("is_synced", [True, False])
def test_a_write_in_which_the_power_goes_may_be_there_in_part(is_synced: bool) -> None:
    platter = Platter(FILE, b"x" * 2 * SECTOR_BYTES)
    during = written(0, b"y" * 2 * SECTOR_BYTES, is_synced=is_synced)
    random = Random(1)
    seen = {platter.after(Loss.SECTORS, random, during)[::SECTOR_BYTES] for _ in range(100)}
    assert seen == {b"xx", b"xy", b"yx", b"yy"}


def test_a_file_that_gets_the_name_comes_with_what_is_on_the_disk_of_it() -> None:
    platter = Platter(FILE, b"before")
    platter.happens(Write("/making", 0, b"new", False))
    platter.happens(Sync("/making"))
    assert images(platter, Loss.ALL) == {b"before"}
    platter.happens(Renamed("/making", FILE))
    platter.happens(written(3, b"er"))
    assert images(platter, Loss.TAIL) == {b"new", b"newer"}
