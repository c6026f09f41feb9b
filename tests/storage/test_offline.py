from __future__ import annotations

import pytest

from storage import Environment, InvalidOperationError, Put
from storage.offline import open_writer
from storage.tables import QUEUE, Table


def test_what_it_has_written_is_durable_when_it_returns(environment: Environment) -> None:
    with open_writer(environment) as write:
        before = environment.last_transaction()
        write([Put(QUEUE, b"a", b"1"), Put(QUEUE, b"b", b"2")])
        assert environment.last_transaction() == before + 1
    with environment.read() as reader:
        assert reader.count(QUEUE) == 2


def test_what_was_not_written_is_an_exception(environment: Environment) -> None:
    with open_writer(environment) as write, pytest.raises(InvalidOperationError):
        write([Put(Table("nowhere"), b"a", b"1")])
