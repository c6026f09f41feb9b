"""What can be said wrongly is made from the protocol's tables, and so is what must come of it."""

from faults.real.misdeeds import STATES, Misdeed, misdeeds
from faults.real.samples import wrong
from protocol import ErrorCode, stanzas
from protocol.codec import join_frame, read_stanza
from protocol.errors import MalformedError
from protocol.fields import Names
from protocol.ids import DeviceAddress, DeviceId, GroupAddress, GroupId, MemberAddress, UserId
from protocol.limits import MAX_PLAINTEXT_BYTES
from protocol.schema import SCHEMA, SPEC_OF_NUMBER, Sender
from protocol.state import CLIENT_MAY_SEND_IN_PRODUCTION, State

HANDLES = {Names.USER: 0, Names.DEVICE: 2, Names.GROUP: 4, Names.MEMBER: 6}
ADDRESSES = {
    0: UserId(1),
    2: DeviceAddress(UserId(1), DeviceId(1)),
    4: GroupAddress(GroupId(2)),
    6: MemberAddress(GroupId(2), UserId(1), DeviceId(1)),
}
ALL = list(misdeeds(HANDLES))


def resolve(handle: int) -> object:
    try:
        return ADDRESSES[handle]
    except KeyError:
        raise MalformedError("an unbound handle", handle=handle) from None


def is_read(misdeed: Misdeed) -> bool:
    """Whether the codec takes it."""
    item = misdeed.item
    spec = SPEC_OF_NUMBER[item[0] if type(item) is tuple else item]
    try:
        read_stanza(spec, item, Sender.CLIENT, resolve)  # type: ignore[arg-type]  # addresses of all kinds
    except MalformedError:
        return False
    return True


def test_every_stanza_is_tried_in_every_state() -> None:
    for state in STATES:
        tried = {each.what.split(",")[0] for each in ALL if each.state is state}
        assert {spec.name for spec in SCHEMA} <= tried


def test_what_a_state_does_not_allow_is_refused_by_name_whatever_is_in_it() -> None:
    for misdeed in ALL:
        if misdeed.what.endswith("out of place"):
            spec = SPEC_OF_NUMBER[misdeed.item[0] if type(misdeed.item) is tuple else misdeed.item]
            assert spec.stanza not in CLIENT_MAY_SEND_IN_PRODUCTION[misdeed.state]
            hidden = spec.stanza is stanzas.TestCrash
            assert misdeed.ends_with == (ErrorCode.UNKNOWN_STANZA if hidden else ErrorCode.NOT_ALLOWED_HERE)


def test_everything_that_only_a_relay_says_is_tried() -> None:
    out_of_place = {each.what.split(",")[0] for each in ALL if each.what.endswith("out of place")}
    assert {spec.name for spec in SCHEMA if spec.sender is Sender.RELAY} <= out_of_place


def test_what_is_said_to_be_malformed_is_what_the_codec_refuses() -> None:
    # A Pong and an odd handle are refused by the connection, and not by the codec.
    by_connection = ("Pong, with the", "Bind, with the largest", "Pong, with fields")
    for misdeed in ALL:
        if misdeed.state is State.ONLINE and not misdeed.what.startswith(
            ("the unknown type", *by_connection)
        ):
            if misdeed.ends_with is ErrorCode.MALFORMED:
                assert not is_read(misdeed), misdeed
            elif misdeed.ends_with is None:
                assert is_read(misdeed), misdeed


def test_every_field_of_every_stanza_is_wrong_in_several_ways() -> None:
    for spec in SCHEMA:
        if spec.stanza in CLIENT_MAY_SEND_IN_PRODUCTION[State.ONLINE]:
            for field in spec.fields:
                ways = [each for each in ALL if each.what.startswith(f"{spec.name}, {field.name}: ")]
                assert len(ways) >= 2, field.name


def test_all_of_it_fits_a_frame() -> None:
    assert max(len(join_frame([each.item])) for each in ALL) <= MAX_PLAINTEXT_BYTES


def test_each_has_a_name_of_its_own() -> None:
    assert len({str(each) for each in ALL}) == len(ALL) > 1_000


def test_no_wrong_value_is_one_that_its_type_allows() -> None:
    for spec in SCHEMA:
        for field in spec.fields:
            for what, value in wrong(field.type, {}):
                try:
                    field.type.read(value)
                except ValueError:
                    continue
                assert what == "an unbound handle"  # the type cannot know
