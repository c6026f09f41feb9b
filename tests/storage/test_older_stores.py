"""Today's code opens the stores of every version there ever was, and finds every row in them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from protocol.ids import DeviceId, Seq, UserId
from protocol.stanzas import Run
from storage import Reader, Store, accounts, check_records, codes, mailboxes, open_outside, profiles, settings
from storage import open_environment as open_one
from storage.mailboxes import DeviceCursor
from storage.migrations import FIRST_VERSION, STEPS
from storage.prekeys import list_prekey_ids, take_prekey
from storage.profiles import Piece
from storage.progress import Progress, list_senders
from storage.tables import DURABLE_TABLES, META
from tests.storage.conftest import MIB
from tests.storage.fixtures import make_store as made
from tests.storage.fixtures.make_store import ANNA, BEN
from tests.storage.whole_store import prepare

FIXTURES = Path(__file__).parent / "fixtures"
NEWEST = FIRST_VERSION + len(STEPS)


class Version(NamedTuple):
    """A fixture, and what is special about it."""

    name: str
    schema: int = NEWEST
    workers: int = 2
    has_expiry: bool = True
    has_settings: bool = True


VERSIONS = (
    Version("schema-1", schema=1, workers=1, has_expiry=False, has_settings=False),
    Version("schema-1-expiry", schema=1, workers=1, has_settings=False),
    Version("schema-2", schema=2),
    Version("schema-3", schema=3),
)

every_version = pytest.mark.parametrize("version", VERSIONS, ids=[version.name for version in VERSIONS])


def unpacked(version: Version, folder: Path) -> Path:
    data = folder / "data"
    with tarfile.open(FIXTURES / f"{version.name}.tar.gz") as archive:
        archive.extractall(data, filter="data")
    return data


@contextmanager
def opened(data: Path, workers: int) -> Iterator[Store]:
    with ExitStack() as stack:
        environments = [
            stack.enter_context(open_one(data, number, map_bytes=64 * MIB, reserve_bytes=0))
            for number in range(workers)
        ]
        yield Store(environments[0], environments)


def test_no_fixture_is_forgotten() -> None:
    assert sorted(path.name for path in FIXTURES.glob("*.tar.gz")) == sorted(
        f"{version.name}.tar.gz" for version in VERSIONS
    )
    assert {version.schema for version in VERSIONS} == set(range(FIRST_VERSION, NEWEST + 1))


@every_version
@pytest.mark.parametrize("workers", [1, 3])
def test_every_row_is_found_whatever_version_wrote_it(tmp_path: Path, version: Version, workers: int) -> None:
    data = unpacked(version, tmp_path)
    prepare(data, workers)
    with open_outside(data) as view:
        assert view.schema == NEWEST
        assert check_records(*view.environments) == []
    with opened(data, workers) as store:
        for user, other in ((ANNA, BEN), (BEN, ANNA)):
            with store.read_directory() as directory:
                check_directory(directory, user)
            with store.read_of(user) as reader:
                check_account(reader, user)
                check_queue(reader, user, other, version)
                if version.has_settings:
                    check_settings(reader, user, other)


def check_directory(reader: Reader, user: UserId) -> None:
    phone = made.PHONES[user]
    assert accounts.find_user_by_phone(reader, phone) == user
    key = made.device_record(user).static_key
    assert accounts.find_device_by_static_key(reader, key) == made.device_of(user)
    assert codes.load_code(reader, phone) == made.CODE


def check_account(reader: Reader, user: UserId) -> None:
    record = accounts.load_user(reader, user)
    assert record is not None
    assert (record.phone, record.created_at, record.flags) == (made.PHONES[user], 1_700_000_000, 0)
    assert record.last_device == 1
    assert accounts.list_devices(reader, user) == [(DeviceId(1), made.device_record(user))]
    device = made.device_of(user)
    assert len(list_prekey_ids(reader, device)) == len(made.PREKEYS)
    taken = take_prekey(reader, device)
    assert taken is not None
    assert taken[0] == made.PREKEYS[0]


def check_queue(reader: Reader, user: UserId, other: UserId, version: Version) -> None:
    device = made.device_of(user)
    left = range(made.ACKNOWLEDGED + 1, made.MESSAGES + 1)
    assert mailboxes.load_device_queue_state(reader, device) == DeviceCursor(
        Seq(made.MESSAGES + 1), Seq(made.ACKNOWLEDGED), len(left), 40 * len(left)
    )
    assert mailboxes.read_range(reader, device, 0, 100) == [
        (number, made.message(other, number)) for number in left
    ]
    expired = tuple(Run(*run) for run in made.EXPIRED) if version.has_expiry else ()  # type: ignore[arg-type]  # plain numbers
    assert list_senders(reader, user) == [(made.device_of(other), Progress(*made.PROGRESS, expired))]


def check_settings(reader: Reader, user: UserId, other: UserId) -> None:
    assert settings.load_privacy(reader, user) == settings.EVERYTHING_OPEN
    assert settings.list_blocked(reader, user) == [other]
    assert settings.is_contact(reader, user, other)
    assert settings.list_shunned(reader, user) == {made.device_of(other): 8}
    assert profiles.load_piece(reader, user, 1) == Piece(77, b"a picture")


@every_version
def test_a_store_is_copied_before_it_is_migrated_and_the_copy_has_everything(
    tmp_path: Path, version: Version
) -> None:
    data = unpacked(version, tmp_path)
    with open_outside(data) as view:
        before = view.rows()
        assert (view.schema, view.layout.environments) == (version.schema, version.workers)
    prepare(data, version.workers)
    backups = data / "backups"
    if version.schema == NEWEST:
        assert not backups.exists()
        return
    (copy,) = backups.iterdir()
    assert copy.name == f"schema-{version.schema}"
    assert (copy / "secrets").read_bytes() == (data / "secrets").read_bytes()
    with open_outside(copy) as view:
        assert view.schema == version.schema
        assert view.rows() == before
        assert check_records(*view.environments) == []
    with open_outside(data) as view:
        after = view.rows()
    assert {table: after[table] for table in DURABLE_TABLES if table != META} == {
        table: before[table] for table in DURABLE_TABLES if table != META
    }


@every_version
def test_a_store_of_any_version_can_be_looked_at_before_it_is_migrated(
    tmp_path: Path, version: Version
) -> None:
    data = unpacked(version, tmp_path)
    with open_outside(data) as view:
        assert check_records(*view.environments) == []
        assert view.rows()[META] == min(version.schema, 2) * version.workers  # since 2 each has its number
    assert not (data / "backups").exists()
