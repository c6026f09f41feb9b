from __future__ import annotations

import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random

import pytest

from protocol.ids import DeviceAddress, DeviceId, MessageNumber, UserId
from protocol.slots import first_user_of
from storage import (
    BackupError,
    CorruptSecretsError,
    DataFolderInUseError,
    Environment,
    Put,
    RestoreError,
    RestoreUnfinishedError,
    StorageError,
    accounts,
    backup,
    check_records,
    codes,
    is_backup,
    load_or_create_secrets,
    mailboxes,
    open_environment,
    open_outside,
    read_layout,
    read_secrets,
    restore,
)
from storage.accounts import DeviceRecord, UserRecord, add_device
from storage.codes import CodeRecord
from storage.kem_prekeys import (
    KemPrekeyRecord,
    add_kem_prekeys,
    list_kem_prekey_ids,
    load_last_resort,
    put_last_resort,
)
from storage.prekeys import OneTimePrekey, add_prekeys, list_prekey_ids
from storage.restoration import DEVICE_JUMP, SEQ_JUMP
from storage.tables import QUEUE
from tests.helpers.inside_view import InsideView
from tests.storage.conftest import MIB
from tests.storage.crashes import Crash, Crashes, crashes
from tests.storage.test_accounts import store
from tests.storage.test_checks import some_messages
from tests.storage.whole_store import prepare, put

__all__ = ["crashes"]

ANNA = DeviceAddress(UserId(7), DeviceId(1))
BEN = DeviceAddress(UserId(8), DeviceId(1))
KEM_PREKEY = KemPrekeyRecord(1, b"k" * 1_184, b"s" * 64)


def _device(letter: bytes) -> DeviceRecord:
    return DeviceRecord(letter * 32, b"i" * 32, 1, b"p" * 32, b"g" * 64, 1)


@pytest.fixture
def saved(environment: Environment, tmp_path: Path) -> Path:
    """A backup: two accounts, ten messages that wait, two prekeys, a code."""
    load_or_create_secrets(environment.data, Random(1).randbytes)
    _, _, anna = add_device(ANNA.user, UserRecord("+491", 1), _device(b"a"))
    _, _, ben = add_device(BEN.user, UserRecord("+492", 1), _device(b"b"))
    prekeys = add_prekeys(ANNA, [OneTimePrekey(1, b"k" * 32), OneTimePrekey(2, b"l" * 32)])
    prekeys += [*add_kem_prekeys(ANNA, [KEM_PREKEY]), put_last_resort(ANNA, KEM_PREKEY)]
    code = codes.put_code("+491", CodeRecord(b"s" * 16, b"h" * 32, 1, 2, 3, 4))
    store(environment, [*anna, *ben, *prekeys, *some_messages(10), *code])
    backup(InsideView(environment), tmp_path / "saved", taken_at=1.0)
    return tmp_path / "saved"


def test_a_restored_folder_is_the_node_of_the_backup_with_its_messages(saved: Path, tmp_path: Path) -> None:
    assert restore(saved, tmp_path / "new") is None
    assert read_secrets(tmp_path / "new") == read_secrets(saved)
    with open_environment(tmp_path / "new", map_bytes=64 * MIB) as restored:
        assert restored.statistics().rows[QUEUE] == 10
        assert check_records(restored) == []
    assert not is_backup(tmp_path / "new")


def test_a_backup_is_known_as_one_and_restoring_does_not_change_it(saved: Path, tmp_path: Path) -> None:
    before = (saved / "durable" / "data.mdb").read_bytes()
    restore(saved, tmp_path / "new")
    assert is_backup(saved)
    assert (saved / "durable" / "data.mdb").read_bytes() == before


def test_no_device_is_given_a_number_that_it_may_have_seen(saved: Path, tmp_path: Path) -> None:
    restore(saved, tmp_path / "new")
    with open_outside(tmp_path / "new") as view, view.directory.read() as reader:
        anna = mailboxes.load_device_queue_state(reader, ANNA)
        ben = mailboxes.load_device_queue_state(reader, BEN)
        waiting = mailboxes.read_range(reader, ANNA, 0, 100)
    assert (anna.next_seq, anna.acked_seq, anna.messages) == (11 + SEQ_JUMP, 0, 10)
    # Ben's queue was never written to before the backup; it may have been since.
    assert ben.next_seq == 1 + SEQ_JUMP
    assert [seq for seq, _ in waiting] == list(range(1, 11))


def test_no_device_number_prekey_or_code_is_given_away_twice(saved: Path, tmp_path: Path) -> None:
    restore(saved, tmp_path / "new")
    with open_outside(tmp_path / "new") as view, view.directory.read() as reader:
        user = accounts.load_user(reader, ANNA.user)
        assert user is not None
        assert user.last_device == ANNA.device + DEVICE_JUMP
        assert accounts.load_device(reader, ANNA) == _device(b"a")
        assert len(list_prekey_ids(reader, ANNA)) == 0
        assert list_kem_prekey_ids(reader, ANNA) == []
        assert load_last_resort(reader, ANNA) == KEM_PREKEY  # that one is given away again and again
        assert codes.load_code(reader, "+491") is None


def test_a_store_that_is_there_is_replaced_only_by_force_and_kept(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with open_environment(other, map_bytes=64 * MIB) as environment:
        theirs = load_or_create_secrets(other, Random(2).randbytes)
        store(environment, some_messages(3))
    with pytest.raises(RestoreError, match="--force"):
        restore(saved, other)
    assert read_secrets(other) == theirs
    kept = restore(saved, other, force=True)
    assert kept == other / "backups" / "replaced-1"
    assert read_secrets(kept) == theirs
    with open_outside(kept) as view:
        assert view.rows()[QUEUE] == 3
    with open_outside(other) as view:
        assert view.rows()[QUEUE] == 10


def test_a_folder_that_a_node_has_open_is_left_alone(
    environment: Environment, saved: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataFolderInUseError):
        restore(saved, environment.data, force=True)


def test_a_damaged_row_is_found_before_anything_is_replaced(
    environment: Environment, saved: Path, tmp_path: Path
) -> None:
    with open_environment(saved, map_bytes=64 * MIB) as copy:
        store(copy, [Put(QUEUE, b"\0" * 18, b"\1 not a record")])
    with pytest.raises(RestoreError, match="corrupt record in table 'queue'"):
        restore(saved, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_damaged_pages_are_found_without_opening_the_file(saved: Path, tmp_path: Path) -> None:
    file = saved / "durable" / "data.mdb"
    pages = bytearray(file.read_bytes())
    pages[3 * 4096 : 3 * 4096 + 16] = b"\xff" * 16
    file.write_bytes(pages)
    with pytest.raises(RestoreError, match="it is damaged"):
        restore(saved, tmp_path / "new")


def test_a_backup_without_its_secrets_is_no_backup(saved: Path, tmp_path: Path) -> None:
    (saved / "secrets").unlink()
    with pytest.raises(CorruptSecretsError):
        restore(saved, tmp_path / "new")


def test_a_restore_that_fails_leaves_what_was_there(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore(saved, tmp_path / "new")
    before = (tmp_path / "new" / "durable" / "data.mdb").read_bytes()

    def run_out_of_room(_source: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.restoration.shutil.copyfile", run_out_of_room)
    with pytest.raises(RestoreError, match="no space left"):
        restore(saved, tmp_path / "new", force=True)
    assert (tmp_path / "new" / "durable" / "data.mdb").read_bytes() == before
    assert not (tmp_path / "new" / "restoring").exists()


def test_progress_tells_of_every_stage(saved: Path, tmp_path: Path) -> None:
    told: list[str] = []
    restore(saved, tmp_path / "new", report=lambda what, _done, _total: told.append(what))
    assert list(dict.fromkeys(told)) == ["checking pages", "checking rows", "copying store"]


# Several environments ---------------------------------------------------------------------------------------

EAST, WEST = UserId(7), UserId(first_user_of(256) - 7)
"""A user of the first slot, and one of the last."""


def fill(data: Path, workers: int, messages: int) -> None:
    """Make a store of so many workers, with two accounts for which so many messages wait."""
    prepare(data, workers)
    load_or_create_secrets(data, Random(workers).randbytes)
    for user, phone in ((EAST, "+491"), (WEST, "+492")):
        address, _, ops = add_device(user, UserRecord(phone, 1), _device(phone.encode()[-1:]))
        cursor = mailboxes.DeviceCursor()
        for number in range(1, messages + 1):
            message = mailboxes.QueuedMessage(ANNA, MessageNumber(number), 1, 2, b"c")
            cursor, more = mailboxes.append(address, cursor, message)
            ops += more
        ops += add_prekeys(address, [OneTimePrekey(1, b"k" * 32)])
        put(data, {(op.table, op.key): op.value for op in ops if isinstance(op, Put)})


def save(data: Path, target: Path) -> Path:
    with open_outside(data) as view:
        backup(view, target)
    return target


def waiting(data: Path, user: UserId) -> tuple[int, int]:
    """How many messages wait for the device of a user, and the next seq."""
    with open_outside(data) as view:
        reader = view.environments[view.layout.owner(user)].read()
        with reader:
            cursor = mailboxes.load_device_queue_state(reader, DeviceAddress(user, DeviceId(1)))
    return cursor.messages, cursor.next_seq


@pytest.mark.parametrize(("saved_workers", "present_workers"), [(1, 3), (3, 1), (2, 2), (3, 0)])
def test_a_backup_of_any_number_of_workers_takes_the_place_of_a_store_of_any(
    tmp_path: Path, saved_workers: int, present_workers: int
) -> None:
    fill(tmp_path / "old", saved_workers, 4)
    saved = save(tmp_path / "old", tmp_path / "saved")
    data = tmp_path / "data"
    if present_workers:
        fill(data, present_workers, 2)
    kept = restore(saved, data, force=True)
    assert read_layout(data).environments == saved_workers
    for user in (EAST, WEST):
        assert waiting(data, user) == (4, 5 + SEQ_JUMP)
    assert read_secrets(data) == read_secrets(saved)
    if present_workers:
        assert kept is not None
        assert [waiting(kept, user) for user in (EAST, WEST)] == [(2, 3), (2, 3)]
    assert sorted(path.name for path in data.glob("durable*")) == sorted(
        f"durable.{number}" if number else "durable" for number in range(saved_workers)
    )
    prepare(data, 2)
    for user in (EAST, WEST):
        assert waiting(data, user) == (4, 5 + SEQ_JUMP)


def test_a_backup_that_is_taken_during_a_restore_notices(tmp_path: Path) -> None:
    fill(tmp_path / "data", 2, 4)
    saved = save(tmp_path / "data", tmp_path / "saved")
    with open_outside(tmp_path / "data") as view:
        restore(saved, tmp_path / "data", force=True)
        with pytest.raises(BackupError, match="changed meanwhile"):
            backup(view, tmp_path / "another")


def test_a_store_whose_layout_is_damaged_can_be_restored(tmp_path: Path) -> None:
    fill(tmp_path / "data", 2, 4)
    saved = save(tmp_path / "data", tmp_path / "saved")
    (tmp_path / "data" / "layout").write_text("nonsense")
    restore(saved, tmp_path / "data", force=True)
    assert waiting(tmp_path / "data", WEST) == (4, 5 + SEQ_JUMP)


@pytest.mark.slow
def test_killed_before_any_step_there_is_the_old_store_or_the_new_one(
    tmp_path: Path, crashes: Crashes
) -> None:
    fill(tmp_path / "new", 3, 4)
    saved = save(tmp_path / "new", tmp_path / "saved")
    fill(tmp_path / "template", 2, 2)
    decided: list[bool] = []
    for steps in count():
        data = tmp_path / "data"
        shutil.copytree(tmp_path / "template", data)
        crashes.before_step(steps)
        with suppress(Crash, StorageError):
            restore(saved, data, force=True)
        crashes.never()
        if (data / "replacing").exists():
            with pytest.raises(RestoreUnfinishedError), open_outside(data):
                pass
        prepare(data, 2)
        is_new = waiting(data, EAST) == (4, 5 + SEQ_JUMP)
        assert is_new or waiting(data, EAST) == (2, 3)
        assert waiting(data, WEST) == waiting(data, EAST)
        assert read_secrets(data) == read_secrets(saved if is_new else tmp_path / "template")
        if is_new:
            kept = data / "backups" / "replaced-1"
            assert (waiting(kept, EAST), waiting(kept, WEST)) == ((2, 3), (2, 3))
        assert not (data / "restoring").exists()
        assert not (data / "replacing").exists()
        decided.append(is_new)
        shutil.rmtree(data)
        if not crashes.happened:
            break
    # There is one moment before which it is the old one, and from which on it is the new one.
    assert decided == sorted(decided)
    assert decided.count(False) > 20
    assert decided.count(True) > 20
