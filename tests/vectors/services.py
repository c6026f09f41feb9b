"""Vectors of what phones tell each other and people do not see: content from kind 32 on."""

from protocol.e2e.content import decode, encode
from protocol.e2e.group_content import (
    GroupKey,
    GroupService,
    GroupWelcome,
    encode_group_service,
    read_group_service,
)
from protocol.e2e.membership import Vouched
from protocol.e2e.retry import Resent, RetryRequest, Service, encode_service, read_service
from protocol.e2e.sender_keys import SharedKey
from protocol.e2e.siblings import (
    Aside,
    DeviceName,
    History,
    HistoryLine,
    Names,
    Seen,
    SeenMark,
    Sent,
    Sibling,
    encode_line,
    encode_sibling,
    read_sibling,
)
from protocol.ids import DeviceId, GroupId, MessageNumber, UserId
from tests.protocol.e2e.content_samples import AT, ID, SAMPLES
from tests.vectors.draws import Json

ABOUT = (
    "Contents that no person sees, each with its fields behind kind, id and time; content.json has "
    "the others."
)

BOB = UserId(0x1122334455667788)
GROUP = GroupId(0x4702_0000_0000_0001)
RETRIES: dict[str, Service] = {
    "please send these again": RetryRequest(ID, AT, DeviceId(2), (MessageNumber(3), MessageNumber(300))),
    "here is one again": Resent(ID, AT, (MessageNumber(3),), encode(SAMPLES["text"])),
    "please send these again, of a group": RetryRequest(ID, AT, DeviceId(2), (MessageNumber(3),), GROUP),
    "it is gone": Resent(ID, AT, (MessageNumber(3), MessageNumber(5)), None),
}
GROUPS: dict[str, GroupService] = {
    "a sender key": GroupKey(ID, AT, GROUP, SharedKey(b"\x11" * 32, 300, b"\x22" * 32)),
    "a welcome": GroupWelcome(ID, AT, GROUP, b"\x33" * 32, Vouched(12, b"\x44" * 32)),
}
_LINE = HistoryLine(
    BOB,
    "+4915112345679",
    outgoing=False,
    device=1,
    number=4,
    id=ID,
    kind=0,
    content=encode(SAMPLES["text"]),
    stored_at=1_790_000_000_000,
    accepted_at=None,
    state=0,
    error_name=None,
)
SIBLINGS: dict[str, Sibling] = {
    "sent from another device": Sent(ID, AT, BOB, False, encode(SAMPLES["text"]), "+4915112345679"),
    "seen on another device": Seen(ID, AT, (SeenMark(BOB, 1, 4), SeenMark(UserId(GROUP), 0, 9))),
    "some of the history": History(ID, AT, DeviceId(2), 1, 3, True, (encode_line(_LINE),)),
    "for another device alone": Aside(ID, AT, DeviceId(2)),
    "what the devices are called": Names(
        ID, AT, (DeviceName(DeviceId(1), "Phone", None), DeviceName(DeviceId(2), "Kitchen", 1_790_000_000))
    ),
}


def build() -> Json:
    """The file."""
    encoded = {name: encode_service(service) for name, service in RETRIES.items()}
    encoded |= {name: encode_group_service(service) for name, service in GROUPS.items()}
    encoded |= {name: encode_sibling(service) for name, service in SIBLINGS.items()}
    vectors = [
        {"name": name, "kind": decode(each).kind, "encoded": each.hex()}  # type: ignore[union-attr]  # Unknown
        for name, each in encoded.items()
    ]
    return {"about": ABOUT, "vectors": vectors}


def check(file: Json) -> None:
    """They are read as what they are named for."""
    for vector in file["vectors"]:
        content = decode(bytes.fromhex(vector["encoded"]))
        read = read_service(content) or read_group_service(content) or read_sibling(content)
        named = [kinds[vector["name"]] for kinds in (RETRIES, GROUPS, SIBLINGS) if vector["name"] in kinds]
        assert [read] == named
