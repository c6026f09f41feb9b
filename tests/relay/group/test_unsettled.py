"""The fan-out rows of a worker: how many there may be, how old they are, and what they have for a device."""

from protocol import DeviceAddress, DeviceId, GroupId, GroupSeq, MemberAddress, MessageNumber, UserId
from relay.group.unsettled import MAX_DELIVERIES, Bearer, Unsettled
from storage.fanouts import Fanout
from storage.mailboxes import GroupMessage

ANNA, BEN, CARLA = (DeviceAddress(UserId(user), DeviceId(1)) for user in (1, 2, 3))


def message(gseq: int, group: int = 7) -> GroupMessage:
    sender = MemberAddress(GroupId(group), *ANNA)
    return GroupMessage(sender, GroupSeq(gseq), MessageNumber(gseq), 1, 99, False, b"sealed")


def bearer(*gseqs: int, group: int = 7, at: float = 0.0, is_durable: bool = True, **firsts: int) -> Bearer:
    devices = {"anna": ANNA, "ben": BEN, "carla": CARLA}
    fanout = Fanout(
        [message(gseq, group) for gseq in gseqs],
        [(devices[name].user, devices[name].device) for name in firsts],
        list(firsts.values()),
    )
    return Bearer(fanout, at, is_durable=is_durable)


def unsettled(*bearers: Bearer) -> Unsettled:
    every = Unsettled((), 0.0)
    for each in bearers:
        every.add(each)
    return every


def test_a_device_finds_what_is_borne_for_it_in_the_order_of_its_seqs() -> None:
    every = unsettled(
        bearer(4, 5, ben=3, carla=1), bearer(1, group=8, ben=2), bearer(6, ben=9, is_durable=False)
    )
    assert [(seq, each.number) for seq, each in every.borne_for(BEN)] == [(2, 1), (3, 4), (4, 5)]
    assert [seq for seq, _ in every.borne_for(CARLA)] == [1, 2]
    assert every.borne_for(ANNA) == []


def test_a_senders_own_device_ends_where_its_share_does() -> None:
    assert list(bearer(1, 2, anna=4, ben=7).last_seqs()) == [(*ANNA, 3), (*BEN, 8)]
    assert bearer(1, anna=4, ben=7).count_of(message(1)) == 1


def test_only_what_is_durable_and_old_enough_is_due() -> None:
    old, young, on_its_way = bearer(1, ben=1), bearer(2, at=5.0, ben=2), bearer(3, ben=3, is_durable=False)
    assert unsettled(old, young, on_its_way).before(4.0) == [old]


def test_there_is_a_limit_and_room_again_when_rows_go() -> None:
    every = Unsettled((), 0.0)
    many = Bearer(
        Fanout([message(1)], [(UserId(5), DeviceId(1))] * MAX_DELIVERIES, [1] * MAX_DELIVERIES), 0.0
    )
    rooms = [every.has_room]
    every.add(many)
    rooms.append(every.has_room)
    every.remove(many)
    every.remove(many)
    assert [*rooms, every.has_room] == [True, False, True]
    assert len(every) == 0


def test_what_an_earlier_life_has_left_is_durable() -> None:
    every = Unsettled([bearer(1, ben=1).fanout], 3.0)
    assert len(every.before(3.0)) == 1
    assert list(every.payloads()) == [(7, 1)]
