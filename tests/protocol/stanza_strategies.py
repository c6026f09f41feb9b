"""Hypothesis strategies for stanzas, drawn from the schema: a new row is tested without a new line here."""

from typing import Any

from hypothesis import strategies as st

from protocol.fields import (
    AddressBytes,
    Bytes,
    Chat,
    Code,
    Either,
    FieldType,
    ListOf,
    Null,
    OneOf,
    Record,
    Text,
    Uint,
)
from protocol.ids import Address, DeviceAddress, DeviceId, GroupAddress, GroupId, MemberAddress, UserId
from protocol.limits import MAX_DEVICE_ID, MAX_UINT63
from protocol.schema import SCHEMA, Sender, StanzaSpec

users = st.integers(1, MAX_UINT63).map(UserId)
devices = st.builds(DeviceAddress, users, st.integers(1, MAX_DEVICE_ID).map(DeviceId))
groups = st.builds(GroupAddress, st.integers(1, MAX_UINT63).map(GroupId))
members = st.builds(lambda group, device: MemberAddress(group.group, *device), groups, devices)
addresses: st.SearchStrategy[Address] = users | devices | groups | members

# {class of an address: what draws one}
_BY_CLASS: dict[type, st.SearchStrategy[Any]] = {
    int: users,
    DeviceAddress: devices,
    GroupAddress: groups,
    MemberAddress: members,
}


def values(kind: FieldType, spec: StanzaSpec, sender: Sender) -> st.SearchStrategy[Any]:
    """Everything that a field of this type may hold; lists and bytes are kept short, limits have tests."""
    match kind:
        case Uint():
            return st.integers(kind.minimum, kind.maximum)
        case Bytes():
            return st.binary(min_size=kind.minimum, max_size=min(kind.maximum, max(kind.minimum, 200)))
        case Text():
            return st.text(max_size=kind.maximum)
        case OneOf():
            return st.sampled_from(kind.members)
        case Code():
            return st.integers(0, 100)
        case Null():
            return st.none()
        case Either():
            return st.one_of([values(choice, spec, sender) for choice in kind.choices])
        case ListOf():
            return st.lists(values(kind.item, spec, sender), max_size=min(kind.maximum, 4)).map(tuple)
        case Record():
            return st.builds(kind.build, *[values(inner, spec, sender) for _, inner in kind.fields])
        case AddressBytes():
            return addresses
        case Chat():
            return st.one_of([_BY_CLASS[each] for each in spec.chat_classes[sender]])
    raise AssertionError(f"no strategy for {type(kind).__name__}")


def stanzas_of(spec: StanzaSpec, sender: Sender) -> st.SearchStrategy[Any]:
    """Every stanza of one row, as this side may send it."""
    fields = []
    for field in spec.fields:
        strategy = values(field.type, spec, sender)
        fields.append(st.none() | strategy if field.optional else strategy)
    return st.builds(spec.stanza, *fields)


def stanzas_from(sender: Sender) -> st.SearchStrategy[Any]:
    """Every stanza that a side may ever send."""
    return st.one_of([stanzas_of(spec, sender) for spec in SCHEMA if spec.sender in (sender, Sender.BOTH)])


def example_of(spec: StanzaSpec, sender: Sender) -> Any:
    """One plain stanza of a row, always the same."""
    return spec.stanza(*[_example(field.type, spec, sender) for field in spec.fields if not field.optional])


def _example(kind: FieldType, spec: StanzaSpec, sender: Sender) -> Any:
    match kind:
        case Uint():
            return max(kind.minimum, 1)
        case Bytes():
            return b"\x01" * max(kind.minimum, 1)
        case Text():
            return "+4917"[: kind.maximum]
        case OneOf():
            return kind.members[0]
        case Code():
            return 1
        case Either():
            return _example(kind.choices[0], spec, sender)
        case ListOf():
            return (_example(kind.item, spec, sender),)
        case Record():
            return kind.build(*[_example(inner, spec, sender) for _, inner in kind.fields])
        case AddressBytes():
            return UserId(7)
        case Chat():
            user = UserId(7)
            examples: dict[type, Address] = {
                int: user,
                DeviceAddress: DeviceAddress(user, DeviceId(1)),
                GroupAddress: GroupAddress(GroupId(7)),
            }
            return examples[spec.chat_classes[sender][0]]
        case _:
            return None
