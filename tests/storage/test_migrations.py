from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from storage import MisplacedEnvironmentError, SchemaTooNewError, open_environment
from storage.migrations import (
    FIRST_VERSION,
    META_CODEC,
    SCHEMA_KEY,
    STEPS,
    Step,
    check_number,
    migrate,
    read_version,
)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[lmdb.Environment]:
    (tmp_path / "durable").mkdir()
    with lmdb.Environment(str(tmp_path / "durable"), max_dbs=4, map_size=1 << 20) as env:
        yield env


def put(env: lmdb.Environment, txn: lmdb.Transaction[bytes], key: bytes, value: bytes) -> None:
    txn.put(key, value, db=env.open_db(b"pets", txn=txn))


def get(env: lmdb.Environment, key: bytes) -> bytes | None:
    with env.begin() as txn:
        return txn.get(key, db=env.open_db(b"pets", txn=txn))


def rename_ada(env: lmdb.Environment, txn: lmdb.Transaction[bytes]) -> None:
    put(env, txn, b"ada", b"Ada the second")


def add_bee(env: lmdb.Environment, txn: lmdb.Transaction[bytes]) -> None:
    put(env, txn, b"bee", b"Bee")


def fail_half_way(env: lmdb.Environment, txn: lmdb.Transaction[bytes]) -> None:
    put(env, txn, b"bee", b"half a bee")
    raise RuntimeError("the power went out")


RENAME_ADA = Step("Ada has a successor", rename_ada)
ADD_BEE = Step("there are bees now", add_bee)


def start_with_ada(env: lmdb.Environment, data: Path) -> None:
    migrate(env, data, steps=())
    with env.begin(write=True) as txn:
        put(env, txn, b"ada", b"Ada")


def test_a_new_environment_starts_at_the_newest_version(env: lmdb.Environment, tmp_path: Path) -> None:
    assert migrate(env, tmp_path, 0, [RENAME_ADA]) == 2
    assert read_version(env) == 2
    assert not (tmp_path / "backups").exists()


def test_steps_are_taken_one_after_the_other(env: lmdb.Environment, tmp_path: Path) -> None:
    start_with_ada(env, tmp_path)
    assert migrate(env, tmp_path, 0, [RENAME_ADA, ADD_BEE]) == 3
    assert (get(env, b"ada"), get(env, b"bee")) == (b"Ada the second", b"Bee")


def test_a_copy_of_what_was_is_taken_first(env: lmdb.Environment, tmp_path: Path) -> None:
    start_with_ada(env, tmp_path)
    migrate(env, tmp_path, 0, [RENAME_ADA])
    saved = str(tmp_path / "backups" / "schema-1" / "durable")
    with lmdb.Environment(saved, max_dbs=4, map_size=1 << 20) as copy:
        assert read_version(copy) == 1
        assert get(copy, b"ada") == b"Ada"


def test_an_interrupted_migration_leaves_whole_steps_and_goes_on_there(
    env: lmdb.Environment, tmp_path: Path
) -> None:
    start_with_ada(env, tmp_path)
    with pytest.raises(RuntimeError):
        migrate(env, tmp_path, 0, [RENAME_ADA, Step("bees, in vain", fail_half_way)])
    assert (read_version(env), get(env, b"ada"), get(env, b"bee")) == (2, b"Ada the second", None)
    migrate(env, tmp_path, 0, [RENAME_ADA, ADD_BEE])
    assert (read_version(env), get(env, b"bee")) == (3, b"Bee")
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == ["schema-1", "schema-2"]


def test_a_second_attempt_does_not_overwrite_the_first_copy(env: lmdb.Environment, tmp_path: Path) -> None:
    start_with_ada(env, tmp_path)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            migrate(env, tmp_path, 0, [Step("in vain", fail_half_way)])
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == ["schema-1", "schema-1-2"]


def test_the_copy_has_everything_that_the_older_program_needs(env: lmdb.Environment, tmp_path: Path) -> None:
    start_with_ada(env, tmp_path)
    for name in ("secrets", "layout"):
        (tmp_path / name).write_text(name)
    migrate(env, tmp_path, 0, [RENAME_ADA])
    copy = tmp_path / "backups" / "schema-1"
    assert sorted(path.name for path in copy.iterdir()) == ["durable", "layout", "secrets"]
    assert (copy / "secrets").read_text() == "secrets"


def test_copies_of_all_environments_lie_together(env: lmdb.Environment, tmp_path: Path) -> None:
    (tmp_path / "durable.1").mkdir()
    with lmdb.Environment(str(tmp_path / "durable.1"), max_dbs=4, map_size=1 << 20) as other:
        for number, each in enumerate((env, other)):
            migrate(each, tmp_path, number, [])
        for number, each in enumerate((env, other)):
            migrate(each, tmp_path, number, [ADD_BEE])
    (copy,) = (tmp_path / "backups").iterdir()
    assert sorted(path.name for path in copy.iterdir()) == ["durable", "durable.1"]


def test_an_environment_in_the_folder_of_another_is_refused(env: lmdb.Environment, tmp_path: Path) -> None:
    migrate(env, tmp_path, 2)
    with pytest.raises(MisplacedEnvironmentError, match=r"durable\.1 holds environment 2"):
        migrate(env, tmp_path, 1)
    migrate(env, tmp_path, 2)


def test_the_environment_of_the_first_version_is_number_0(env: lmdb.Environment, tmp_path: Path) -> None:
    with env.begin(write=True) as txn:
        txn.put(SCHEMA_KEY, META_CODEC.pack(SCHEMA_KEY, 1), db=env.open_db(b"meta", txn=txn))
    with pytest.raises(MisplacedEnvironmentError):
        migrate(env, tmp_path, 1)
    assert migrate(env, tmp_path, 0) == FIRST_VERSION + len(STEPS)
    check_number(env, tmp_path, 0)


def test_the_same_version_is_left_alone(env: lmdb.Environment, tmp_path: Path) -> None:
    start_with_ada(env, tmp_path)
    before = env.info()["last_txnid"]
    assert migrate(env, tmp_path, steps=()) == FIRST_VERSION
    assert env.info()["last_txnid"] == before
    assert not (tmp_path / "backups").exists()


def test_data_of_a_later_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "durable").mkdir()
    with lmdb.Environment(str(tmp_path / "durable"), max_dbs=4, map_size=1 << 20) as env:
        migrate(env, tmp_path, 0, [*STEPS, RENAME_ADA])
        before = env.info()["last_txnid"]
    with pytest.raises(SchemaTooNewError) as raised:
        open_environment(tmp_path)
    supported = FIRST_VERSION + len(STEPS)
    assert (raised.value.found, raised.value.supported) == (supported + 1, supported)
    assert "run the Roost version that wrote it" in str(raised.value)
    with lmdb.Environment(str(tmp_path / "durable"), max_dbs=4, map_size=1 << 20) as env:
        assert env.info()["last_txnid"] == before


def test_a_refused_folder_is_free_for_the_program_that_can_read_it(tmp_path: Path) -> None:
    test_data_of_a_later_version_is_refused_and_not_touched(tmp_path)
    with pytest.raises(SchemaTooNewError):
        open_environment(tmp_path)
