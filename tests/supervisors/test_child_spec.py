"""Child specifications: defaults are OTP's, and faulty ones give good errors."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from actors import Actor
from supervisors.child_spec import ChildSpec, ChildType, Restart, Shutdown, check_unique_ids
from supervisors.errors import ChildSpecError


class Idle(Actor):
    def handle(self, message: object) -> None: ...


def spec(**fields: Any) -> ChildSpec:
    return ChildSpec(**{"id": "child", "start": Idle, **fields})


def test_the_defaults_are_those_of_otp() -> None:
    child = spec()
    assert child.restart is Restart.PERMANENT
    assert child.type is ChildType.WORKER
    assert child.grace_seconds == 5.0
    assert child.significant is False
    assert child.backoff is None


def test_a_supervisor_child_is_waited_for_as_long_as_it_takes() -> None:
    assert spec(type=ChildType.SUPERVISOR).grace_seconds == math.inf


@pytest.mark.parametrize(
    ("shutdown", "grace"), [(Shutdown.NOW, 0.0), (Shutdown.FOREVER, math.inf), (2, 2.0), (0, 0.0)]
)
def test_shutdown_is_now_or_seconds_or_forever(shutdown: float | Shutdown, grace: float) -> None:
    assert spec(shutdown=shutdown).grace_seconds == grace


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", None),
        ("id", 7),
        ("start", None),
        ("start", "Idle"),
        ("restart", "permanent"),
        ("type", "worker"),
        ("shutdown", -1),
        ("shutdown", math.inf),
        ("shutdown", math.nan),
        ("shutdown", "now"),
        ("shutdown", True),
        ("significant", 1),
        ("backoff", 0.5),
    ],
)
def test_a_faulty_field_is_named_with_its_value(field: str, value: object) -> None:
    with pytest.raises(ChildSpecError, match=f"^{field} must be .* got {value!r}$") as caught:
        spec(**{field: value})
    assert (caught.value.field, caught.value.value) == (field, value)


def test_a_missing_id_or_start_is_refused() -> None:
    with pytest.raises(TypeError, match="id"):
        ChildSpec(start=Idle)  # type: ignore[call-arg]  # the mistake under test
    with pytest.raises(TypeError, match="start"):
        ChildSpec(id="child")  # type: ignore[call-arg]  # the mistake under test


def test_a_permanent_child_cannot_be_significant() -> None:
    with pytest.raises(ChildSpecError, match="significant must be False for a permanent child"):
        spec(significant=True)
    assert spec(significant=True, restart=Restart.TRANSIENT).significant


def test_a_specification_cannot_be_changed_after_it_was_checked() -> None:
    child = spec()
    with pytest.raises(FrozenInstanceError):
        child.id = ""  # type: ignore[misc]  # the mistake under test


def test_an_id_that_stands_twice_is_refused() -> None:
    check_unique_ids([spec(id="a"), spec(id="b")])
    with pytest.raises(ChildSpecError, match="id must be unique among its siblings, got 'a'"):
        check_unique_ids([spec(id="a"), spec(id="b"), spec(id="a")])
