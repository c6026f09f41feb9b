"""The bus of a worker: who owns whom, who deals with what, and nothing at all with one worker."""

from pathlib import Path
from typing import Any, cast

import pytest

from protocol import UserId
from protocol.slots import first_user_of
from relay.bus import Bus, BusProtocolError, Peer
from relay.bus import messages as m
from tests.helpers.bus_end import BusEnd, TurnlessNetwork

FIRST, LAST = UserId(1), UserId(first_user_of(255))


def make(worker: int, workers: int) -> Bus:
    return Bus(cast("Any", TurnlessNetwork()), Path("folder"), worker, workers, bytes, lambda: False)


def test_with_one_worker_there_are_no_peers_and_everybody_is_ours() -> None:
    bus = make(0, 1)
    assert bus.peers == {}
    assert bus.peer_of(LAST) is None
    bus.tell_all(m.Lost(LAST))


def test_a_user_is_found_at_the_owner_of_its_slot() -> None:
    bus = make(1, 4)
    assert list(bus.peers) == [0, 2, 3]
    assert bus.peer_of(FIRST) is bus.peers[0]
    assert bus.peer_of(UserId(first_user_of(64))) is None
    assert bus.peer_of(LAST) is bus.peers[3]
    assert bus.address(3) == Path("folder/bus-3")


def test_each_message_goes_to_whoever_deals_with_it() -> None:
    bus = make(0, 2)
    heard: list[tuple[Peer, object]] = []
    bus.on(m.Lost, lambda peer, message: heard.append((peer, message)))
    bus.hear(bus.peers[1], m.Lost(FIRST))
    assert heard == [(bus.peers[1], m.Lost(FIRST))]
    assert bus.peers[1].heard == 1


def test_a_message_that_nobody_deals_with_is_a_bug() -> None:
    bus = make(0, 2)
    with pytest.raises(BusProtocolError):
        bus.hear(bus.peers[1], m.Lost(FIRST))
    with pytest.raises(ValueError, match="no message of the bus"):
        bus.on(int, lambda _peer, _message: None)


def test_everybody_interested_is_told_when_a_peer_hears_us() -> None:
    end = BusEnd()
    told: list[str] = []
    for who in ("one", "other"):
        end.bus.on_ready(who, lambda _peer, who=who: told.append(who))  # type: ignore[misc]  # of mypy's lambdas
    end.bus.on_ready("other", lambda _peer: told.append("instead"))
    end.bus.ready(end.peer)
    assert told == ["one", "instead"]
