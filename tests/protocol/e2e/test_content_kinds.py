import dataclasses

from protocol.e2e import Deletion, Edit, MessageRef, Reaction
from protocol.e2e.content_schema import CONTENT_SCHEMA
from protocol.ids import UserId

ID = b"\x01" * 8


def test_an_edit_and_a_deletion_cannot_name_whose_message_they_mean() -> None:
    for kind in (Edit, Deletion):
        assert not any(field.type is MessageRef for field in dataclasses.fields(kind))
        assert next(field.type for field in dataclasses.fields(kind) if field.name == "target") is bytes


def test_a_reaction_names_message_and_author() -> None:
    assert Reaction(ID, 7, MessageRef(UserId(5), ID), "👍").target.sender == 5


def test_every_kind_begins_with_id_and_time_and_is_frozen() -> None:
    for spec in CONTENT_SCHEMA:
        assert [field.name for field in dataclasses.fields(spec.content)][:2] == ["id", "sent_at"]
        assert spec.content.__dataclass_params__.frozen
