from __future__ import annotations

from pathlib import Path

from faults.real.small_map import MapLimit, limit_map, small_map
from relay import worker_process
from storage import open_store, prepare_store

LIMIT = MapLimit(4 << 20, 1 << 20)


def prepared(folder: Path) -> Path:
    prepare_store(folder / "data", 1, lambda _line: None).release()
    return folder / "data"


def test_workers_open_their_store_with_the_limit_that_there_is(tmp_path: Path) -> None:
    data = prepared(tmp_path)
    limit_map(tmp_path / "within", LIMIT)
    with small_map(tmp_path / "within"), vars(worker_process)["open_store"](data, 0) as store:
        assert store.own.statistics().map_bytes == LIMIT.map_bytes
        assert store.own.reserve_bytes == LIMIT.reserve_bytes
        assert store.own.room_bytes() < LIMIT.map_bytes
    assert vars(worker_process)["open_store"] is open_store


def test_without_a_limit_nothing_is_put_in_anythings_place(tmp_path: Path) -> None:
    with small_map(tmp_path):
        assert vars(worker_process)["open_store"] is open_store
    limit_map(tmp_path, LIMIT)
    limit_map(tmp_path, None)
    with small_map(tmp_path):
        assert vars(worker_process)["open_store"] is open_store
