from client.entry_kinds import READABLE, kind_of
from client.records import EntryKind
from protocol.e2e import Change, Unknown
from protocol.e2e.content_schema import CONTENT_SCHEMA
from tests.protocol.e2e.content_samples import SAMPLES


def test_every_kind_of_content_makes_a_line_or_is_a_change() -> None:
    kinds = {type(content): kind_of(content) for content in SAMPLES.values()}
    assert set(kinds) == {spec.content for spec in CONTENT_SCHEMA}
    assert all((kind is EntryKind.CHANGE) == issubclass(each, Change) for each, kind in kinds.items())


def test_what_nobody_understands_is_kept_as_such_and_never_counts_as_read() -> None:
    assert kind_of(Unknown(b"\0" * 8, 0, 99, b"")) is EntryKind.UNKNOWN
    assert EntryKind.UNKNOWN not in READABLE
