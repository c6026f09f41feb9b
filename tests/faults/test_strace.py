"""The parser, on what strace 6.1 has written."""

from __future__ import annotations

import pytest

from faults.real.strace import Event, Renamed, Said, Sync, UnknownCallError, Write, read_events


def hexed(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


FILE = hexed(b"/d/data.mdb")
OPENED = f'7 openat(AT_FDCWD<{hexed(b"/")}>, "{FILE}", O_RDWR|O_CREAT, 0600) = 5<{FILE}>'
OPENED_SYNCED = f'7 openat(AT_FDCWD<{hexed(b"/")}>, "{FILE}", O_WRONLY|O_DSYNC|O_CLOEXEC) = 6<{FILE}>'


def events(*lines: str) -> list[Event]:
    return list(read_events(line + "\n" for line in lines))


def test_a_write_at_a_place_has_its_place_and_its_data() -> None:
    line = f'7 pwrite64(5<{FILE}>, "{hexed(b"four")}", 4, 8192) = 4'
    assert events(OPENED, line) == [Write("/d/data.mdb", 8192, b"four", is_synced=False)]


def test_what_goes_through_a_descriptor_with_o_dsync_is_synced_as_it_returns() -> None:
    line = f'7 pwrite64(6<{FILE}>, "{hexed(b"meta")}", 4, 32) = 4'
    assert events(OPENED_SYNCED, line) == [Write("/d/data.mdb", 32, b"meta", is_synced=True)]


def test_several_pieces_go_where_the_descriptor_stands() -> None:
    pieces = f'[{{iov_base="{hexed(b"one")}", iov_len=3}}, {{iov_base="{hexed(b"two")}", iov_len=3}}], 2'
    lines = [
        OPENED,
        f"7 lseek(5<{FILE}>, 100, SEEK_SET) = 100",
        f"7 writev(5<{FILE}>, {pieces}) = 6",
        f'7 write(5<{FILE}>, "{hexed(b"!")}", 1) = 1',
    ]
    assert [(each.offset, each.data) for each in events(*lines) if isinstance(each, Write)] == [
        (100, b"onetwo"),
        (106, b"!"),
    ]


def test_a_write_that_was_cut_short_has_written_only_so_much() -> None:
    (write,) = events(f'7 pwrite64(5<{FILE}>, "{hexed(b"four")}", 4, 0) = 3')
    assert isinstance(write, Write)
    assert write.data == b"fou"


def test_what_was_refused_has_not_happened() -> None:
    assert not events(
        f'7 pwrite64(5<{FILE}>, "{hexed(b"four")}", 4, 0) = -1 ENOSPC (No space left on device) (INJECTED)',
        f"7 fdatasync(5<{FILE}>) = -1 EIO (Input/output error)",
    )


def test_a_sync_counts_from_its_end_and_what_is_said_has_its_place_between() -> None:
    lines = [
        f"8 fdatasync(5<{FILE}> <unfinished ...>",
        f'7 write(1<pipe:[1234]>, "{hexed(b"12")}", 2) = 2',
        "8 <... fdatasync resumed>)               = 0",
    ]
    assert events(*lines) == [Said(b"12"), Sync("/d/data.mdb")]


def test_a_write_in_which_its_process_was_killed_may_have_happened() -> None:
    lines = [
        f'8 pwrite64(5<{FILE}>, "{hexed(b"last")}", 4, 0 <unfinished ...>',
        "8 <... pwrite64 resumed>)               = ?",
        f'9 pwrite64(5<{FILE}>, "{hexed(b"more")}", 4, 4 <unfinished ...>',
        f"9 fdatasync(5<{FILE}> <unfinished ...>",
        "8 +++ killed by SIGKILL +++",
    ]
    assert [type(each) for each in events(*lines)] == [Write]
    assert [type(each) for each in events(*lines[:3])] == [Write, Write]


def test_a_write_through_that_never_returned_is_not_synced() -> None:
    line = f'7 pwrite64(6<{FILE}>, "{hexed(b"meta")}", 4, 32) = ?'
    assert events(OPENED_SYNCED, line) == [Write("/d/data.mdb", 32, b"meta", is_synced=False)]


def test_descriptors_that_were_open_before_are_as_they_are_said_to_be() -> None:
    line = f'7 write(6<{FILE}>, "{hexed(b"x")}", 1) = 1'
    (write,) = read_events([line], synced=[6], positions={6: 40})
    assert write == Write("/d/data.mdb", 40, b"x", is_synced=True)


def test_a_store_that_is_changed_in_an_unknown_way_is_not_passed_over() -> None:
    with pytest.raises(UnknownCallError, match="ftruncate"):
        events(f"7 ftruncate(5<{FILE}>, 4096) = 0")


def test_what_is_said_of_no_file_is_passed_over() -> None:
    assert not events(
        "7 --- SIGCHLD {si_signo=SIGCHLD} ---",
        f'7 write(9<socket:[99]>, "{hexed(b"x")}", 1) = 1',
        "7 lseek(0, 0, SEEK_CUR) = -1 ESPIPE (Illegal seek)",
        "7 +++ exited with 0 +++",
    )


def test_a_file_that_is_renamed_has_two_names() -> None:
    line = f'7 rename("{hexed(b"/d/making")}", "{FILE}") = 0'
    assert events(line) == [Renamed("/d/making", "/d/data.mdb")]
