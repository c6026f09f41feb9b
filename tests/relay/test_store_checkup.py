"""The checks of the data folder: each finds what it is for, and says what to change."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.ports import system_clock, system_entropy
from protocol import UserId
from relay.checkup import Finding, Patient, Verdict
from relay.config import Config
from relay.store_checkup import (
    LOW_DISK_BYTES,
    check_age,
    check_disk,
    check_division,
    check_map,
    examine_store,
)
from storage import (
    Environment,
    InlineJournal,
    Put,
    accounts,
    load_or_create_secrets,
    open_environment,
    open_outside,
    prepare_store,
)
from storage.environment import DEFAULT_RESERVE_BYTES
from storage.migrations import META_CODEC, SCHEMA_KEY
from storage.tables import QUEUE


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that a node has used and left."""
    with open_environment(tmp_path / "data"):
        load_or_create_secrets(tmp_path / "data", system_entropy)
    return tmp_path / "data"


def examined(data: Path, holder: int | None = None) -> dict[str, Finding]:
    patient = Patient(Config(data=data), holder, system_clock)
    return {finding.check: finding for finding in examine_store(patient, lambda *_: None)}


def problems(data: Path) -> list[str]:
    return [check for check, finding in examined(data).items() if finding.verdict is Verdict.PROBLEM]


def test_a_healthy_folder_has_nothing_but_good_findings(data: Path) -> None:
    findings = examined(data)
    assert {finding.verdict for finding in findings.values()} == {Verdict.OK}
    assert list(findings) == [
        "data folder", "node", "secrets", "disk", "pages", "rows", "directory", "workers", "map",
        "time of the store",
    ]  # fmt: skip


def test_pages_are_left_alone_while_a_node_writes_them(data: Path) -> None:
    findings = examined(data, holder=4711)
    assert "pages" not in findings
    assert findings["rows"].verdict is Verdict.OK
    assert findings["node"].seen == "running: process 4711"


def test_a_folder_that_is_not_there_is_a_warning_and_is_not_made(tmp_path: Path) -> None:
    findings = examined(tmp_path / "nowhere")
    assert [finding.verdict for finding in findings.values()] == [Verdict.WARNING]
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_where_a_node_begins(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert {finding.verdict for finding in examined(tmp_path).values()} <= {Verdict.OK, Verdict.WARNING}


def _open_to_all(data: Path) -> None:
    data.chmod(0o755)


def _secrets_open_to_all(data: Path) -> None:
    (data / "secrets").chmod(0o644)


def _secrets_gone(data: Path) -> None:
    (data / "secrets").unlink()


def _secrets_damaged(data: Path) -> None:
    (data / "secrets").write_bytes(b"roost-secrets-1\nnonsense")


def _backup(data: Path) -> None:
    (data / "backup.json").write_text("{}")


def _row_damaged(data: Path) -> None:
    _store(data, Put(QUEUE, b"\0" * 18, b"\1 not a record"))


def _page_damaged(data: Path) -> None:
    file = data / "durable" / "data.mdb"
    pages = bytearray(file.read_bytes())
    pages[2 * 4096 :] = os.urandom(len(pages) - 2 * 4096)
    file.write_bytes(pages)


def _too_new(data: Path) -> None:
    _store(data, META_CODEC.put(SCHEMA_KEY, 99))


def _from_the_future(data: Path) -> None:
    later = system_clock.now() + 86_400
    os.utime(data / "durable" / "data.mdb", (later, later))


def _store(data: Path, op: Put) -> None:
    with open_environment(data) as environment:
        _submit(environment, op)


def _submit(environment: Environment, op: Put) -> None:
    errors: list[object] = []
    InlineJournal(environment).submit([op], errors.append)
    assert errors == [None]


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (_open_to_all, "data folder"),
        (_backup, "data folder"),
        (_secrets_open_to_all, "secrets"),
        (_secrets_gone, "secrets"),
        (_secrets_damaged, "secrets"),
        (_row_damaged, "rows"),
        (_page_damaged, "pages"),
        (_too_new, "store"),
        (_from_the_future, "time of the store"),
    ],
)
def test_what_is_wrong_is_found_where_it_is_with_what_to_do(
    data: Path, damage: Callable[[Path], None], check: str
) -> None:
    damage(data)
    assert problems(data) == [check]
    assert examined(data)[check].advice


def test_a_disk_is_low_before_it_is_full() -> None:
    assert check_disk(LOW_DISK_BYTES).verdict is Verdict.OK
    assert check_disk(LOW_DISK_BYTES - 1).verdict is Verdict.WARNING
    assert check_disk(DEFAULT_RESERVE_BYTES - 1).verdict is Verdict.PROBLEM


def test_a_file_much_longer_than_its_contents_is_a_warning(data: Path) -> None:
    file = data / "durable" / "data.mdb"
    assert check_map([file], 4096).verdict is Verdict.OK
    os.truncate(file, 5 << 30)  # a hole: it takes no space
    assert check_map([file], 1 << 30).verdict is Verdict.WARNING
    assert check_map([file], 2 << 30).verdict is Verdict.OK


def test_a_little_skew_is_no_problem(data: Path) -> None:
    assert check_age([data / "durable" / "data.mdb"], system_clock.now() - 60).verdict is Verdict.OK


def division(data: Path, workers: int, free: int = LOW_DISK_BYTES) -> Finding:
    with open_outside(data) as view:
        return check_division(view, workers, free)


def test_it_says_when_the_next_start_will_move_users_and_whether_there_is_room(data: Path) -> None:
    assert division(data, 1).verdict is Verdict.OK
    moving = division(data, 4)
    assert moving.verdict is Verdict.OK
    assert moving.seen == "the store is divided for 1, the settings say 4: the next start moves users"
    without_room = division(data, 4, free=DEFAULT_RESERVE_BYTES)
    assert without_room.verdict is Verdict.PROBLEM
    assert "start it with --workers 1" in without_room.advice


def test_a_store_of_several_workers_is_examined_whole(tmp_path: Path) -> None:
    data = tmp_path / "data"
    prepare_store(data, 2, lambda _line: None).release()
    load_or_create_secrets(data, system_entropy)
    assert {finding.verdict for finding in examined(data).values()} == {Verdict.OK}
    assert "next start moves users" in examined(data)["workers"].seen
    assert examined(data, holder=4711)["workers"].seen == "the store is divided for 2"
    shutil.rmtree(data / "durable.1")
    finding = examined(data)["store"]
    assert finding.verdict is Verdict.PROBLEM
    assert "durable.1" in finding.seen


def test_a_number_that_leads_nowhere_is_a_problem(data: Path) -> None:
    _store(data, accounts.PHONE_CODEC.put(b"+491", UserId(7)))
    assert problems(data) == ["directory"]


def test_what_a_registration_that_was_cut_short_has_left_is_harmless(data: Path) -> None:
    record = accounts.UserRecord("+491", 1)
    _store(data, accounts.USER_CODEC.put(UserId(7).to_bytes(8, "big"), record))
    finding = examined(data)["directory"]
    assert finding.verdict is Verdict.OK
    assert "1 left by registrations that were cut short, harmless" in finding.seen
