"""The stanza table agrees with the stanza classes, and its numbers are those of the wire for ever."""

import dataclasses
from typing import get_args

import pytest

from protocol import stanzas
from protocol.fields import Chat
from protocol.schema import SCHEMA, SPEC_OF_CLASS, SPEC_OF_NUMBER, Sender, StanzaSpec

# Written out once more on purpose: a changed number in the table must break something.
NUMBERS = {
    "Ping": 0, "Pong": 1, "Ack": 2, "Accepted": 3, "Delivered": 4, "Read": 5, "Typing": 6, "Paused": 7,
    "Send": 8, "Deliver": 9, "Refused": 10, "Bind": 11, "Error": 12, "Failed": 13, "Expired": 14,
    "Presence": 15, "Subscribe": 16, "Unsubscribe": 17, "Available": 18, "Unavailable": 19,
    "Welcome": 24,
    "RequestCode": 32, "CodeSent": 33, "Register": 34, "Registered": 35, "UploadPrekeys": 36, "Done": 37,
    "FetchBundles": 38, "Bundles": 39, "Lookup": 40, "Found": 41, "FetchProgress": 42, "Progresses": 43,
    "TestCrash": 44, "ChangeSettings": 46, "Settings": 47, "StoreProfile": 48, "ProfileStored": 49,
    "FetchProfile": 50, "Profile": 51, "SetPin": 52, "PinSet": 53, "DeleteAccount": 54, "AccountDeleted": 55,
    "FetchAccount": 56, "AccountPage": 57, "RequestNumberCode": 58, "ChangeNumber": 59, "NumberChanged": 60,
    "PublishDevices": 80, "DevicesPublished": 81, "LeaveAccount": 82, "AccountLeft": 83, "OpenLink": 84,
    "LinkOpened": 85, "ClaimLink": 86, "LinkClaimed": 87, "AnswerLink": 88, "ConfirmLink": 89, "PollLink": 90,
    "LinkState": 91, "CompleteLink": 92, "CancelLink": 93,
    "SendGroup": 96, "AppendEntries": 97, "EntriesAppended": 98, "FetchLog": 99, "Log": 100,
    "FetchGroupProgress": 101, "GroupProgress": 102, "RequestJoin": 103, "JoinRequested": 104,
    "FetchJoinRequests": 105, "JoinRequests": 106, "DismissJoins": 107, "JoinsDismissed": 108,
    "JoinAsked": 109,
}  # fmt: skip


def test_the_numbers_are_fixed() -> None:
    assert {spec.name: spec.number for spec in SCHEMA} == NUMBERS


def test_every_stanza_has_one_row() -> None:
    assert [spec.stanza for spec in SCHEMA] == list(SPEC_OF_CLASS)
    assert len(SPEC_OF_NUMBER) == len(SCHEMA)
    assert set(SPEC_OF_CLASS) == set(get_args(stanzas.Stanza))


@pytest.mark.parametrize("spec", SCHEMA, ids=lambda spec: spec.name)
def test_a_row_names_the_fields_of_its_class_in_order(spec: StanzaSpec) -> None:
    fields = dataclasses.fields(spec.stanza)
    assert [field.name for field in spec.fields] == [field.name for field in fields]
    has_default = [field.default is not dataclasses.MISSING for field in fields]
    assert [field.optional for field in spec.fields] == has_default


@pytest.mark.parametrize("spec", SCHEMA, ids=lambda spec: spec.name)
def test_optional_fields_come_last(spec: StanzaSpec) -> None:
    assert all(field.optional for field in spec.fields[spec.required :])


@pytest.mark.parametrize("spec", SCHEMA, ids=lambda spec: spec.name)
def test_a_chat_says_what_it_names_for_exactly_those_who_send_it(spec: StanzaSpec) -> None:
    if spec.chat is None:
        assert not any(isinstance(field.type, Chat) for field in spec.fields)
        return
    senders = [Sender.CLIENT, Sender.RELAY] if spec.sender is Sender.BOTH else [spec.sender]
    assert list(spec.chat_classes) == senders


@pytest.mark.parametrize("spec", SCHEMA, ids=lambda spec: spec.name)
def test_stanzas_are_frozen_and_slotted(spec: StanzaSpec) -> None:
    assert spec.stanza.__dataclass_params__.frozen
    assert not hasattr(spec.stanza, "__dict__") or "__dict__" not in dir(spec.stanza)
