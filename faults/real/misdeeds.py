"""Everything that can be said in a state in which it may not, or not so: made from the protocol's own tables.

Stanzas × states × ways to get the fields wrong. What the relay must do is worked out from the same tables: a
stanza that the state does not allow is `not-allowed-here` whatever its fields are; fields that their types do
not allow are `malformed`; everything else is dealt with, and never answered with `internal`.
Not here: who says it (hostile.py), and what is wrong although every table allows it (crimes.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cbor2

from faults.real.samples import Handles, right, wrong
from protocol import ErrorCode, stanzas
from protocol.codec import WireItem
from protocol.limits import MAX_PLAINTEXT_BYTES
from protocol.schema import SCHEMA, SPEC_OF_NUMBER, StanzaSpec
from protocol.state import CLIENT_MAY_SEND_IN_PRODUCTION, State

STATES: Final = (State.STRANGER, State.ONLINE)
"""In which a peer can say anything at all: what comes earlier is no stanza."""

REQUEST: Final = 77
"""The number of every request here, which its answer must carry."""

UNKNOWN_TYPES: Final = tuple(
    number for number in (20, 23, 31, 45, 79, 95, 127, 255, 65_536, 2**63) if number not in SPEC_OF_NUMBER
)

ROOM_BYTES: Final = 64
"""Of a frame, for what is said besides."""


@dataclass(frozen=True, slots=True)
class Misdeed:
    """Something to be said, and what must come of it."""

    state: State
    what: str
    item: Any
    """As CBOR has it."""
    ends_with: ErrorCode | None = None
    """With which word the relay ends the connection; None: it does not."""
    is_asked: bool = False
    """Whether an answer must come: a request's own, or a refusal by name."""
    is_goodbye: bool = False
    """Whether the connection ends without a word."""

    def __str__(self) -> str:
        return f"in state {self.state.value}: {self.what}"


def misdeeds(handles: Handles, *, test_hooks: bool = False) -> Iterator[Misdeed]:
    """All of them, for somebody who has bound these handles.

    Args:
        handles: in state online; a stranger binds nothing.
        test_hooks: whether the relay has been started with them: then TestCrash is what it says.
    """
    for state in STATES:
        bound = handles if state is State.ONLINE else {}
        yield from (
            Misdeed(state, f"the unknown type {number}", (number, 1), ErrorCode.UNKNOWN_STANZA)
            for number in UNKNOWN_TYPES
        )
        for spec in SCHEMA:
            if spec.stanza is stanzas.TestCrash and test_hooks:
                continue
            if spec.stanza in CLIENT_MAY_SEND_IN_PRODUCTION[state]:
                yield from _said_rightly(state, spec, bound)
                yield from _said_wrongly(state, spec, bound)
            else:
                yield _said_out_of_place(state, spec, bound)


def _said_out_of_place(state: State, spec: StanzaSpec, handles: Handles) -> Misdeed:
    is_hidden = spec.stanza is stanzas.TestCrash
    code = ErrorCode.UNKNOWN_STANZA if is_hidden else ErrorCode.NOT_ALLOWED_HERE
    return Misdeed(state, f"{spec.name}, out of place", _item(spec, _values(spec, handles)), code)


def _said_rightly(state: State, spec: StanzaSpec, handles: Handles) -> Iterator[Misdeed]:
    """As the table has it: with the smallest values, with the largest, and with fields that nobody knows."""
    smallest, largest = _values(spec, handles), _values(spec, handles, largest=True)
    for what, values in (
        ("with the smallest values", smallest),
        ("with the largest values", largest),
        ("with fields that nobody knows", [*smallest, None, {"x": [1, "y"]}]),
    ):
        if what.endswith("knows") and len(smallest) < len(spec.fields):
            continue  # what stands there would be taken for an optional field
        item = _item(spec, values)
        if fits(item):
            yield _in_order(state, spec, f"{spec.name}, {what}", item)


def _in_order(state: State, spec: StanzaSpec, what: str, item: WireItem) -> Misdeed:
    """What comes of a stanza that nothing is wrong with."""
    if spec.stanza is stanzas.Pong:
        return Misdeed(state, what, item, ErrorCode.MALFORMED)  # it answers nothing
    if spec.stanza is stanzas.Error:
        return Misdeed(state, what, item, is_goodbye=True)
    if spec.stanza is stanzas.Bind and "largest" in what:
        return Misdeed(state, what, item, ErrorCode.MALFORMED)  # an odd handle is the relay's
    is_asked = spec.fields[:1] != () and spec.fields[0].name == "request"
    is_message = spec.stanza in (stanzas.Send, stanzas.SendGroup)
    return Misdeed(state, what, item, is_asked=is_asked or is_message)


def _said_wrongly(state: State, spec: StanzaSpec, handles: Handles) -> Iterator[Misdeed]:
    """With a field too few, and with each field wrong in each way."""
    values = _values(spec, handles)
    for count in range(spec.required):
        item = (spec.number, *values[:count])
        yield Misdeed(state, f"{spec.name}, with {count} fields", item, ErrorCode.MALFORMED)
    for place, field in enumerate(spec.fields):
        before = _values(spec, handles, until=place)
        after = values[place + 1 :]
        for what, value in wrong(field.type, handles):
            item = (spec.number, *before, value, *after)
            if fits(item):
                name = f"{spec.name}, {field.name}: {what}"
                yield Misdeed(state, name, item, ErrorCode.MALFORMED)


def _values(
    spec: StanzaSpec, handles: Handles, *, largest: bool = False, until: int | None = None
) -> list[Any]:
    """Fields that the table allows: those that must be there, or all, or all up to a place."""
    count = spec.required if until is None else until
    fields = spec.fields if largest else spec.fields[:count]
    return [
        REQUEST if field.name == "request" else right(field.type, handles, largest=largest)
        for field in fields
    ]


def _item(spec: StanzaSpec, values: Sequence[Any]) -> WireItem:
    return (spec.number, *values) if values else spec.number


def fits(item: object) -> bool:
    """Whether a frame can hold it."""
    return len(cbor2.dumps(item)) <= MAX_PLAINTEXT_BYTES - ROOM_BYTES
