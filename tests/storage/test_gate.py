from __future__ import annotations

import threading

import pytest

from storage.gate import ReadGate


def test_readers_pass_side_by_side_and_are_counted() -> None:
    gate = ReadGate()
    gate.enter()
    gate.enter()
    assert gate.readers == 2
    gate.leave()
    gate.leave()
    assert gate.readers == 0


def test_it_is_shut_at_once_when_nobody_reads() -> None:
    with ReadGate().shut() as nobody_reads:
        assert nobody_reads


def test_whoever_is_not_patient_is_told_that_somebody_reads() -> None:
    gate = ReadGate()
    gate.enter()
    with gate.shut(patience=0.0) as nobody_reads:
        assert not nobody_reads
    gate.leave()
    with gate.shut(patience=0.0) as nobody_reads:
        assert nobody_reads


def test_a_reader_waits_until_a_shut_gate_opens() -> None:
    gate = ReadGate()
    entered = threading.Event()

    def read() -> None:
        gate.enter()
        entered.set()
        gate.leave()

    reader = threading.Thread(target=read)
    with gate.shut():
        reader.start()
        assert not entered.wait(0.001)
    assert entered.wait(10)
    reader.join()


def test_the_last_reader_to_leave_lets_the_one_who_waits_go_on() -> None:
    gate = ReadGate()
    gate.enter()
    seen: list[bool] = []

    def move() -> None:
        with gate.shut() as nobody_reads:
            seen.append(nobody_reads)

    mover = threading.Thread(target=move)
    mover.start()
    gate.leave()
    mover.join(10)
    assert seen == [True]


def test_a_failure_behind_a_shut_gate_opens_it_again() -> None:
    gate = ReadGate()
    with pytest.raises(RuntimeError), gate.shut():
        raise RuntimeError("the map could not be moved")
    gate.enter()
    gate.leave()
