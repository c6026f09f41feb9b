import cbor2
import pytest

from protocol.e2e import BadContentError, Text
from protocol.e2e.content import decode, encode
from protocol.e2e.group_content import (
    GROUP_KEY_KIND,
    GROUP_WELCOME_KIND,
    GroupKey,
    GroupService,
    GroupWelcome,
    encode_group_service,
    read_group_service,
)
from protocol.e2e.membership import Vouched
from protocol.e2e.sender_keys import SharedKey
from protocol.ids import GroupId

ID = b"8 bytes."
GROUP = GroupId(0x6702)
KEY, HASH = b"k" * 32, b"h" * 32
SERVICES: list[GroupService] = [
    GroupKey(ID, 7, GROUP, SharedKey(KEY, 300, HASH)),
    GroupWelcome(ID, 7, GROUP, KEY, Vouched(12, HASH)),
]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_comes_out_as_it_went_in(service: GroupService) -> None:
    assert read_group_service(decode(encode_group_service(service))) == service


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_shows_no_key(service: GroupService) -> None:
    assert "kkkk" not in repr(service)


def test_what_is_something_else_is_no_service() -> None:
    assert read_group_service(decode(encode(Text(ID, 7, "hello")))) is None
    assert read_group_service(decode(cbor2.dumps([4_000, ID, 7, 1, 2, 3, 4]))) is None


def test_fields_of_a_later_version_are_skipped() -> None:
    for service in SERVICES:
        later = cbor2.dumps([*cbor2.loads(encode_group_service(service)), "later"])
        assert read_group_service(decode(later)) == service


@pytest.mark.parametrize(
    "fields",
    [
        [], [GROUP], [GROUP, KEY, 3], [0, KEY, 3, HASH], [2**63, KEY, 3, HASH], [True, KEY, 3, HASH],
        [GROUP, b"", 3, HASH], [GROUP, "k" * 32, 3, HASH], [GROUP, KEY, -1, HASH], [GROUP, KEY, 2**63, HASH],
        [GROUP, KEY, True, HASH], [GROUP, KEY, 3, b""], [GROUP, KEY, 3, None], [GROUP, KEY, {}, HASH],
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [GROUP_KEY_KIND, GROUP_WELCOME_KIND])
def test_a_malformed_service_is_the_senders_fault(kind: int, fields: list[object]) -> None:
    with pytest.raises(BadContentError):
        read_group_service(decode(cbor2.dumps([kind, ID, 7, *fields])))
