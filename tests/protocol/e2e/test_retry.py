from typing import Any

import cbor2
import pytest

from protocol.e2e import BadContentError, Text
from protocol.e2e.content import decode, encode
from protocol.e2e.retry import (
    MAX_REQUESTED_NUMBERS,
    MAX_RESENT_NUMBERS,
    REQUEST_KIND,
    RESENT_KIND,
    Resent,
    RetryRequest,
    Service,
    encode_service,
    read_service,
)
from protocol.ids import DeviceId, GroupId, MessageNumber

ID = b"8 bytes."
TEXT = encode(Text(b"another.", 6, "hello"))
SERVICES: list[Service] = [
    RetryRequest(ID, 7, DeviceId(2), (MessageNumber(3), MessageNumber(9))),
    Resent(ID, 7, (MessageNumber(3),), TEXT),
    Resent(ID, 7, (MessageNumber(3), MessageNumber(2**40)), None),
    RetryRequest(ID, 7, DeviceId(2), (MessageNumber(3),), GroupId(9)),
    Resent(ID, 7, (MessageNumber(3),), TEXT, GroupId(2**63 - 1)),
]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_comes_out_as_it_went_in(service: Service) -> None:
    assert read_service(decode(encode_service(service))) == service


def test_what_is_for_people_is_no_service() -> None:
    assert read_service(decode(TEXT)) is None
    assert read_service(decode(cbor2.dumps([4_000, ID, 7, "of a later version"]))) is None


def test_fields_of_a_later_version_are_skipped() -> None:
    later = cbor2.dumps([REQUEST_KIND, ID, 7, 2, [3], None, "later"])
    assert read_service(decode(later)) == RetryRequest(ID, 7, DeviceId(2), (MessageNumber(3),))


@pytest.mark.parametrize(
    "fields",
    [
        [REQUEST_KIND],
        [REQUEST_KIND, 2],
        [REQUEST_KIND, 0, [3]],
        [REQUEST_KIND, True, [3]],
        [REQUEST_KIND, 2**16, [3]],
        [REQUEST_KIND, 2, []],
        [REQUEST_KIND, 2, [0]],
        [REQUEST_KIND, 2, [-1]],
        [REQUEST_KIND, 2, [2**63]],
        [REQUEST_KIND, 2, {"3": 4}],
        [REQUEST_KIND, 2, [3], 0],
        [REQUEST_KIND, 2, [3], "group"],
        [RESENT_KIND, [3], TEXT, 2**63],
        [REQUEST_KIND, 2, [1] * (MAX_REQUESTED_NUMBERS + 1)],
        [RESENT_KIND, [3]],
        [RESENT_KIND, [3], "text"],
        [RESENT_KIND, 3, TEXT],
        [RESENT_KIND, [1] * (MAX_RESENT_NUMBERS + 1), TEXT],
    ],
)
def test_a_malformed_service_is_bad_content(fields: list[Any]) -> None:
    kind, *rest = fields
    with pytest.raises(BadContentError):
        read_service(decode(cbor2.dumps([kind, ID, 7, *rest])))


def test_an_answer_shows_no_content_in_its_repr() -> None:
    assert "hello" not in repr(SERVICES[1])
