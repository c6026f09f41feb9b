from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import Environment
from storage.batch import apply, check, merge
from storage.tables import CURSORS, MAX_KEY_BYTES, QUEUE, Delete, DeleteRange, Op, Put, Table


def write(environment: Environment, *submissions: Sequence[Op]) -> None:
    txn = environment.begin_write()
    apply(txn, environment.database, merge(submissions))
    txn.commit()


def rows(environment: Environment, table: Table = QUEUE) -> dict[bytes, bytes]:
    with environment.read() as reader:
        return dict(reader.scan(table, b"\0", b"\xff" * 32))


def test_the_later_put_of_a_key_wins() -> None:
    merged = merge([[Put(QUEUE, b"k", b"1")], [Put(QUEUE, b"k", b"2")]])
    assert [op for _, op in merged[QUEUE].rows.values()] == [Put(QUEUE, b"k", b"2")]


def test_a_row_that_is_put_and_deleted_never_reaches_the_tree(environment: Environment) -> None:
    before = environment.last_transaction()
    high_water = environment.statistics().high_water_bytes
    write(environment, [Put(QUEUE, b"k", b"v" * 2000)], [Delete(QUEUE, b"k")])
    assert rows(environment) == {}
    # LMDB does not even write a transaction that changed nothing.
    assert environment.last_transaction() == before
    assert environment.statistics().high_water_bytes == high_water


def test_a_row_that_was_there_is_deleted_even_if_it_was_put_again_first(environment: Environment) -> None:
    write(environment, [Put(QUEUE, b"k", b"old")])
    write(environment, [Put(QUEUE, b"k", b"new"), Delete(QUEUE, b"k")])
    assert rows(environment) == {}


def test_a_range_takes_what_came_before_it_and_leaves_what_comes_after(environment: Environment) -> None:
    write(environment, [Put(QUEUE, b"b", b"stored")])
    write(
        environment,
        [Put(QUEUE, b"a", b"before"), Put(QUEUE, b"z", b"outside")],
        [DeleteRange(QUEUE, b"a", b"c")],
        [Put(QUEUE, b"c", b"after")],
    )
    assert rows(environment) == {b"c": b"after", b"z": b"outside"}


def test_a_range_of_one_table_leaves_the_others_alone(environment: Environment) -> None:
    write(environment, [Put(CURSORS, b"a", b"1"), Put(QUEUE, b"a", b"1"), DeleteRange(QUEUE, b"a", b"a")])
    assert (rows(environment, CURSORS), rows(environment)) == ({b"a": b"1"}, {})


KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f"])
OPS = st.one_of(
    st.builds(Put, st.just(QUEUE), KEYS, st.binary(min_size=1, max_size=3)),
    st.builds(Delete, st.just(QUEUE), KEYS),
    st.builds(DeleteRange, st.just(QUEUE), KEYS, KEYS),
)


def apply_to_dict(model: dict[bytes, bytes], op: Op) -> None:
    if isinstance(op, Put):
        model[op.key] = op.value
    elif isinstance(op, Delete):
        model.pop(op.key, None)
    else:
        for key in [key for key in model if op.first <= key <= op.last]:
            del model[key]


def test_a_merged_batch_leaves_what_its_operations_one_by_one_would(environment: Environment) -> None:
    model: dict[bytes, bytes] = rows(environment)

    @given(st.lists(st.lists(OPS, max_size=6), max_size=4))
    def batches_and_model_agree(batch: list[list[Op]]) -> None:
        write(environment, *batch)
        for ops in batch:
            for op in ops:
                apply_to_dict(model, op)
        assert rows(environment) == model

    batches_and_model_agree()


@pytest.mark.parametrize(
    "op",
    [
        Put(Table("nowhere"), b"k", b"v"),
        Put(QUEUE, b"", b"v"),
        Put(QUEUE, b"k" * (MAX_KEY_BYTES + 1), b"v"),
        Delete(QUEUE, b""),
        DeleteRange(QUEUE, b"a", b""),
        ("put", b"k", b"v"),
    ],
)
def test_what_lmdb_could_never_take_is_named(environment: Environment, op: object) -> None:
    assert check([op], environment.has_table) is not None


def test_the_longest_key_is_taken(environment: Environment) -> None:
    ops: list[Op] = [Put(QUEUE, b"k" * MAX_KEY_BYTES, b"v")]
    assert check(ops, environment.has_table) is None
    write(environment, ops)


def test_a_cursor_that_is_written_a_hundred_times_in_a_batch_is_put_once() -> None:
    batch = [
        [Put(QUEUE, b"%d" % number, b"v"), Put(QUEUE, b"cursor", b"%d" % number)] for number in range(100)
    ]
    assert len(merge(batch)[QUEUE].rows) == 101
