"""Correspondents, sources and boards at other workers: what is said to them is said over the bus."""

from protocol import DeviceAddress, DeviceId, ErrorCode, MessageNumber, Run, UserId
from relay.bus import messages as m
from relay.bus.remote import RemoteBoard, RemoteDevice, RemoteSource
from tests.helpers.bus_end import BusEnd

ANNA = DeviceAddress(UserId(2**63 - 1), DeviceId(1))
BEN = UserId(7)
TWO = MessageNumber(2)


def make() -> BusEnd:
    end = BusEnd()
    end.come_up()
    return end


async def test_every_tick_goes_to_the_worker_of_the_device() -> None:
    end = make()
    device = RemoteDevice(end.peer, ANNA)
    device.accepted(BEN, TWO)
    device.delivered(BEN, TWO)
    device.read(BEN, TWO)
    device.expired(BEN, [Run(TWO, TWO)])
    device.presence(BEN, True, None)
    device.close(ErrorCode.STORAGE_FULL)
    assert end.said() == [
        m.Accepted(ANNA, BEN, TWO),
        m.Delivered(ANNA, BEN, TWO),
        m.Read(ANNA, BEN, TWO),
        m.Expired(ANNA, BEN, (Run(TWO, TWO),)),
        m.Presence(ANNA, BEN, 1, None),
        m.Close(ANNA, ErrorCode.STORAGE_FULL),
    ]


async def test_a_refusal_names_the_connection_and_the_round() -> None:
    end = make()
    RemoteSource(end.peer, ANNA, 17, 3).refused(BEN, TWO, ErrorCode.OUT_OF_ORDER, 1)
    RemoteSource(end.peer, ANNA, 17).voided(BEN, TWO, TWO, ErrorCode.OVERLOADED)
    assert end.said() == [
        m.Refused(ANNA, 17, BEN, TWO, ErrorCode.OUT_OF_ORDER, 1, 3),
        m.Voided(ANNA, 17, BEN, TWO, TWO, ErrorCode.OVERLOADED),
    ]


async def test_a_source_of_an_era_that_is_over_is_silent_and_replaced() -> None:
    """In the next, connection 17 may be somebody else's."""
    end = make()
    source = RemoteSource(end.peer, ANNA, 17)
    assert not RemoteDevice(end.peer, ANNA).replaces(source)
    end.come_up()
    assert RemoteDevice(end.peer, ANNA).replaces(source)
    source.refused(BEN, TWO, ErrorCode.WAIT)
    source.voided(BEN, TWO, TWO, ErrorCode.WAIT)
    assert end.said() == []


async def test_a_board_elsewhere_is_told_who_watches() -> None:
    end = make()
    board = RemoteBoard(end.peer)
    board.watch(ANNA, BEN)
    board.unwatch(ANNA, BEN)
    assert end.said() == [m.Watch(ANNA, BEN), m.Unwatch(ANNA, BEN)]
