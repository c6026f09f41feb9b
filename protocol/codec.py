"""Stanzas to bytes and back: CBOR through cbor2, checked against the stanza table.

A transport frame's plaintext is the inside of one CBOR array: stanza after stanza, each an array
`[type, *fields]`, or the bare integer `type` if it has no fields. A CBOR *break* (0xff) ends it early, and
what follows is padding, with which a sender may hide the length of what it says.

Decoding has three steps, so that the connection can refuse a stanza before its fields are looked at, and so
that a Bind takes effect on the very next stanza of the same frame:
`split_frame` (bytes to CBOR items), `spec_of` (which stanza is it?), `read_stanza` (checked, typed, frozen).

Measured by bench/micro/bench_protocol.py; what makes it fast is that loops over fields run in C (`map` and
`operator.call`) and that a frame is one call of cbor2 in each direction.
Guarantees: of any input only MalformedError and UnknownStanzaError come out.
"""

from collections.abc import Callable, Sequence
from operator import call
from typing import Any, Final, NoReturn, TypeAlias

import cbor2

from protocol.errors import LocalProtocolError, MalformedError, UnknownStanzaError
from protocol.fields import FieldError
from protocol.ids import Address, Handle, address_to_bytes
from protocol.limits import MAX_CBOR_DEPTH, MAX_CIPHERTEXT_BYTES, MAX_STANZAS_PER_FRAME
from protocol.schema import SPEC_OF_CLASS, SPEC_OF_NUMBER, Sender, StanzaSpec
from protocol.stanzas import Bind, Part, Send, Stanza

WireItem: TypeAlias = int | tuple[object, ...]
"""A stanza as CBOR has it: `type` or `(type, *fields)`, a chat being a handle."""


def _refuse_tag(_value: object, _immutable: bool) -> NoReturn:
    raise ValueError("no tags")


# Tags turn data into dates, decimals, regular expressions and shared references: nothing that a stanza holds,
# and work (a bignum's power, a cyclic list) that a hostile peer would like us to do. These are the tags that
# cbor2 decodes by itself; it hands the others to the tag hook. A test tries every tag there is a decoder for.
_CBOR2_TAGS: Final = (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004)
_CBOR2_LARGE_TAGS: Final = (43_000, 55_799)
_NO_TAGS: Final = dict.fromkeys((*_CBOR2_TAGS, *_CBOR2_LARGE_TAGS), _refuse_tag)
_ARRAY_OPEN: Final = b"\x9f"
_BREAK: Final = b"\xff"


def decode_cbor(data: bytes) -> object:
    """Decode one CBOR item with the limits of the wire; arrays become tuples.

    Raises:
        MalformedError: broken CBOR, too deep, a tag, a map key that is neither text nor bytes.
    """
    try:
        return cbor2.loads(
            data,
            immutable=True,
            max_depth=MAX_CBOR_DEPTH,
            strict_hashable_types=True,
            semantic_decoders=_NO_TAGS,
            tag_hook=_refuse_tag,
        )
    except cbor2.CBORDecodeError:
        # What exactly is wrong with a hostile peer's CBOR is of no use to anybody.
        raise MalformedError("not valid CBOR") from None


def split_frame(plaintext: bytes) -> Sequence[object]:
    """Return the CBOR items of a transport frame, unchecked.

    Raises:
        MalformedError: broken CBOR or too many stanzas.
    """
    items = decode_cbor(b"".join((_ARRAY_OPEN, plaintext, _BREAK)))
    assert isinstance(items, tuple)  # an array was opened in front of it
    if len(items) > MAX_STANZAS_PER_FRAME:
        raise MalformedError("too many stanzas in a frame", stanzas=len(items))
    return items


def spec_of(item: object) -> StanzaSpec:
    """Return the row of the table for a CBOR item.

    Raises:
        MalformedError: the item is no stanza at all.
        UnknownStanzaError: its type is not in the table.
    """
    number = item[0] if type(item) is tuple and item else item
    if type(number) is not int or number < 0:
        raise MalformedError("neither [type, ...] nor a type")
    spec = SPEC_OF_NUMBER.get(number)
    if spec is None:
        raise UnknownStanzaError(number)
    return spec


def read_stanza(
    spec: StanzaSpec, item: object, sender: Sender, address_of: Callable[[Handle], Address]
) -> Stanza:
    """Check the fields of a CBOR item and build its stanza; unknown trailing fields are skipped.

    Args:
        spec: what `spec_of` said of the item.
        item: one of `split_frame`'s.
        sender: the side that it came from.
        address_of: resolves the handle of a chat; raises MalformedError if it is not bound.

    Raises:
        MalformedError: a field is missing, of the wrong type, or outside its limits.
    """
    values = item[1:] if type(item) is tuple else ()
    if len(values) < spec.required:
        raise MalformedError(f"{spec.name} has {len(values)} fields", stanza=spec.name)
    try:
        # map ends with the shorter: unknown trailing values are skipped, absent ones have defaults.
        fields: list[Any] = list(map(call, spec.readers, values))
    except FieldError as error:
        raise MalformedError(f"{spec.name}: {error}", stanza=spec.name) from None
    chat = spec.chat
    if chat is not None:
        address = fields[chat] = address_of(fields[chat])
        if type(address) not in spec.chat_classes[sender]:
            raise MalformedError(f"{spec.name}: the handle is not of the right kind", stanza=spec.name)
    stanza: Stanza = spec.stanza(*fields)
    return stanza


def write_stanza(stanza: Stanza, sender: Sender, handle_for: Callable[[Address], Handle]) -> WireItem:
    """Check a stanza of our own and return its CBOR item.

    Args:
        stanza: what to say.
        sender: our own side.
        handle_for: gives the handle for the address of a chat, binding one if need be.

    Raises:
        LocalProtocolError: a field is of the wrong type or outside its limits, or this is no stanza.
    """
    spec = SPEC_OF_CLASS.get(type(stanza))
    if spec is None:
        raise LocalProtocolError(f"{type(stanza).__name__} is not a stanza")
    values: list[Any] = list(spec.values(stanza))
    chat = spec.chat
    if chat is not None:
        address = values[chat]
        if type(address) not in spec.chat_classes[sender]:
            raise LocalProtocolError(f"{spec.name}: the chat is not of the right kind")
        values[chat] = 0  # a handle is found, or bound, only once all else is known to be right
    elif type(stanza) is Bind:
        values[1] = address_to_bytes(stanza.address)
    _check(spec, values)
    if type(stanza) is Send and type(stanza.parts) is tuple:
        _check_fits(stanza.parts)
    while len(values) > spec.required and values[-1] is None:
        values.pop()
    if chat is not None:
        values[chat] = handle_for(address)
    return (spec.number, *values) if values else spec.number


def _check(spec: StanzaSpec, values: Sequence[object]) -> None:
    """Hold our own fields to the table."""
    try:
        list(map(call, spec.readers, values))
    except FieldError as error:
        raise LocalProtocolError(f"{spec.name}: {error}") from None


def _check_fits(parts: tuple[Part, ...]) -> None:
    """Each part is within its limit; together they must fit one frame, or nobody could ever send them."""
    if sum(len(part.ciphertext) for part in parts) > MAX_CIPHERTEXT_BYTES:
        raise LocalProtocolError(f"Send: all parts together are over {MAX_CIPHERTEXT_BYTES} bytes")


def join_frame(items: Sequence[WireItem]) -> bytes:
    """Return the plaintext that holds these items."""
    # One call encodes them all, as one array; the array's own header does not travel.
    return cbor2.dumps(items)[_header_bytes(len(items)) :]


def _header_bytes(length: int) -> int:
    """How long CBOR's header of an array of this length is."""
    if length < 24:
        return 1
    return 2 if length < 256 else 3
