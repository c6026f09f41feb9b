from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.ids import UserId, new_user_id
from protocol.limits import MAX_UINT63
from protocol.slots import (
    MAX_WORKERS,
    SLOTS,
    check_workers,
    first_user_of,
    owner_of,
    slot_moves,
    slot_of,
    slots_of,
)

worker_counts = st.integers(1, MAX_WORKERS)
user_ids = st.integers(1, MAX_UINT63).map(UserId)


@given(user_ids)
def test_a_slot_is_one_run_of_user_ids(user: UserId) -> None:
    slot = slot_of(user)
    assert 0 <= slot < SLOTS
    assert first_user_of(slot) <= user < first_user_of(slot + 1)


def test_no_id_lies_beyond_the_last_slot() -> None:
    assert first_user_of(0) == 0
    assert first_user_of(SLOTS) == MAX_UINT63 + 1


def test_the_owner_of_a_slot_is_as_the_formula_of_the_design_says() -> None:
    for workers in range(1, MAX_WORKERS + 1):
        assert [owner_of(slot, workers) for slot in range(SLOTS)] == [
            slot * workers >> 8 for slot in range(SLOTS)
        ]


@given(worker_counts)
def test_every_slot_has_one_owner_and_every_worker_owns_a_run_of_slots(workers: int) -> None:
    runs = [slots_of(worker, workers) for worker in range(workers)]
    assert [slot for run in runs for slot in run] == list(range(SLOTS))
    assert all(owner_of(slot, workers) == worker for worker, run in enumerate(runs) for slot in run)
    sizes = [len(run) for run in runs]
    assert max(sizes) - min(sizes) <= 1


def test_users_are_spread_evenly() -> None:
    entropy = Random(1).randbytes
    users = [new_user_id(entropy) for _ in range(20_000)]
    shares = [sum(owner_of(slot_of(user), 4) == worker for user in users) for worker in range(4)]
    assert all(4_700 < share < 5_300 for share in shares)


@given(worker_counts, worker_counts)
def test_exactly_the_slots_whose_owner_changes_are_moved(before: int, after: int) -> None:
    moves = list(slot_moves(before, after))
    moved = {slot: (move.source, move.target) for move in moves for slot in move.slots}
    for slot in range(SLOTS):
        owners = owner_of(slot, before), owner_of(slot, after)
        assert moved.get(slot, (owners[0], owners[0])) == owners
    assert sum(len(move.slots) for move in moves) == len(moved)
    assert all(a.slots.stop <= b.slots.start for a, b in pairwise(moves))


@pytest.mark.parametrize("workers", [0, -1, MAX_WORKERS + 1])
def test_a_number_of_workers_that_cannot_be_is_refused(workers: int) -> None:
    with pytest.raises(ValueError, match=f"1 to {MAX_WORKERS} workers, not {workers}"):
        check_workers(workers)


def test_one_worker_owns_everything_and_64_own_four_slots_each() -> None:
    assert slots_of(0, check_workers(1)) == range(SLOTS)
    assert slots_of(63, check_workers(64)) == range(252, 256)
