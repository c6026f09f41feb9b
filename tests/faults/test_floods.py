"""Floods: what a mob does, what a node lets through, and a promise that is broken is found out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from faults.real import floods
from faults.real.fault import Broken
from faults.real.floods import FAULTS, between
from faults.real.garbage import INSIDES, OPENINGS, UNANSWERED, how_it_ended
from faults.real.intruder import Intruder
from faults.real.mob import obey, send_mob
from faults.real.mob_acts import ACTS, LEFT
from faults.real.mob_order import Order, Tally
from faults.real.toll import take_toll
from faults.real.watching import Watched, setting
from protocol import ErrorCode
from relay.config import Config
from relay.rate_limits import Limit
from tests.faults.inside_node import CONFIG, InsideNode, arena_of, open_inside_node, stroke

BY_NAME = {fault.name: fault for fault in FAULTS}


async def tally_of(node: InsideNode, kind: str, **order: Any) -> Tally:
    """What a mob of this process has seen."""
    phones = (node.stage.anna, node.stage.ben)
    people = tuple((each.keys.private.private_bytes_raw().hex(), *each.address) for each in phones)
    tally = Tally()
    await obey(Order(kind, node.port, node.key.hex(), accounts=people, **order), tally)
    return tally


def outcomes(tally: Tally) -> Mapping[str, int]:
    return {what: count for what, count in tally.outcomes.items() if count}


# ---- what mobs do ----


async def test_not_more_stay_who_say_nothing_than_there_are_places(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path, replace(CONFIG, max_handshakes=10)) as node:
        tally = await tally_of(node, "silence", count=30, seconds=0.5)
    assert outcomes(tally) == {LEFT: 10, "overloaded": 20}


async def test_a_byte_a_second_holds_a_place_and_is_no_handshake(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        tally = await tally_of(node, "trickle", count=5, seconds=0.2)
        assert node.worker.counters.handshakes == 0
    assert outcomes(tally) == {LEFT: 5}


@pytest.mark.parametrize(
    ("kind", "came_to"),
    [
        ("half_handshakes", "answered"),
        ("replayed_handshakes", "answered"),
        ("whole_handshakes", "welcomed"),
        ("logins", "welcomed"),
    ],
)
async def test_they_come_again_and_again(tmp_path: Path, kind: str, came_to: str) -> None:
    async with open_inside_node(tmp_path) as node:
        tally = await tally_of(node, kind, count=2, seconds=0.3)
        logins = node.worker.counters.logins
    assert tally.outcomes[came_to] >= 2
    assert bool(logins) == (kind == "logins")  # a replay is nobody


async def test_messages_beyond_the_limit_are_told_to_wait(tmp_path: Path) -> None:
    config = replace(CONFIG, limit_messages=Limit(1, "h", 250))
    async with open_inside_node(tmp_path, config) as node:
        tally = await tally_of(node, "messages", seconds=2.0)
    assert tally.outcomes["accepted"] == 200
    assert tally.outcomes["wait"] >= 100


async def test_codes_beyond_the_limit_are_told_to_wait(tmp_path: Path) -> None:
    config = replace(CONFIG, limit_codes=Limit(1, "h", 3))
    async with open_inside_node(tmp_path, config) as node:
        tally = await tally_of(node, "codes", count=2, seconds=0.4)
        assert node.codes_sent == tally.outcomes["code sent"] == 3
    assert tally.outcomes["wait"] > 0


async def test_small_talk_is_heard_by_whom_it_is_about(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        tally = await tally_of(node, "small_talk", seconds=0.5)
    assert tally.outcomes["said"] >= 1_000
    assert tally.outcomes["heard"] > 0


async def test_every_kind_of_garbage_is_refused_by_name(tmp_path: Path) -> None:
    random, said = Random(3), Counter[str]()
    async with open_inside_node(tmp_path) as node:
        for opening in OPENINGS.values():
            intruder = await Intruder.at(node.door)
            await intruder.throw(opening(random))
            said[await how_it_ended(intruder)] += 1
            intruder.hang_up()
        for inside in INSIDES.values():
            intruder = await Intruder.log_in(node.door, node.stage.anna.keys)
            await inside(intruder, random)
            said[await how_it_ended(intruder)] += 1
            intruder.hang_up()
        assert node.worker.counters.crashes == 0
    allowed = (
        ErrorCode.MALFORMED,
        ErrorCode.FRAME_TOO_LARGE,
        ErrorCode.HANDSHAKE_FAILED,
        ErrorCode.UNSUPPORTED_VERSION,
    )
    assert set(said) - {UNANSWERED} == {code.wire_name for code in allowed}
    assert said[UNANSWERED] <= 1  # random bytes may begin as something that could still come


# ---- a mob is a process ----


async def test_a_mob_tells_what_it_saw_and_ends_when_it_was_enough(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:

        async def until_there() -> None:
            while node.worker.presence.handshakes < 3:  # noqa: ASYNC110 - the relay has no event for it
                await trio.sleep(0.01)

        tally = await send_mob(node, "silence", until=until_there, count=3, seconds=60.0)  # type: ignore[arg-type]
    assert outcomes(tally) == {LEFT: 3}


async def test_a_mob_that_fails_itself_says_nothing_of_the_node(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        with pytest.raises(Broken, match="the mob itself failed: messages"):
            await send_mob(node, "messages", seconds=1.0)  # type: ignore[arg-type]  # it has nobody


def test_orders_and_tallies_travel_as_they_are() -> None:
    order = Order("silence", 1, "00ff", 3, 0.5, 7, 8, (("aa", 1, 2),))
    assert Order.from_json(order.to_json()) == order
    tally = Tally(Counter({LEFT: 2}), 1.5)
    assert Tally.from_json(tally.to_json()) == tally
    assert {order.kind} <= set(ACTS)


# ---- what is judged ----


async def test_a_flood_of_an_honest_node_breaks_nothing(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        said = await BY_NAME["handshake flood"].strike(arena_of(node), stroke(0.3))
    assert "handshakes that are never ended, 8 at a time:" in said
    assert "messages of others: the longest wait" in said


async def test_who_stays_too_long_or_is_too_many_is_found_out(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path, settings={"max_handshakes": 10}) as node:
        toll = await take_toll(node)  # type: ignore[arg-type]
    seen = Watched(Tally(Counter({"overloaded": 5, LEFT: 10}), 12.0), toll, toll, 0, "")
    floods._check_held(node, seen, 15)  # type: ignore[arg-type]
    with pytest.raises(Broken, match="11 were let stay who had not said who they are; 10 are allowed"):
        floods._check_held(node, seen, 16)  # type: ignore[arg-type]
    late = replace(seen, did=Tally(seen.did.outcomes, 16.0))
    with pytest.raises(Broken, match="one was let be for 16"):
        floods._check_held(node, late, 15)  # type: ignore[arg-type]


def test_more_than_a_limit_allows_is_found_out() -> None:
    limit = Limit(10, "s", 100)
    floods._check_limit(limit, 130, 1.0, "things")
    with pytest.raises(Broken, match=r"131 things were let through in 1.0 s, and 130 are allowed"):
        floods._check_limit(limit, 131, 1.0, "things")
    floods._check_limit(limit, 260, 1.0, "things", workers=2)


async def test_a_node_that_lets_one_account_log_in_without_limit_is_found_out(tmp_path: Path) -> None:
    """Its setting says less than it keeps to: it was started with another."""
    async with open_inside_node(tmp_path, settings={"limit_logins": "1/h burst 1"}) as node:
        with pytest.raises(Broken, match="logins of one account were let through"):
            await BY_NAME["login storm"].strike(arena_of(node), stroke(0.5))


def test_a_setting_is_what_was_said_or_the_default() -> None:
    node: Any = SimpleNamespace(config={"limit_logins": "3/s burst 4", "max_handshakes": 5})
    assert setting(node, "limit_logins") == Limit(3, "s", 4)
    assert setting(node, "max_handshakes") == 5
    assert setting(node, "max_unsent_bytes") == Config().max_unsent_bytes


def test_the_size_of_a_stroke_is_the_size_of_the_mob() -> None:
    assert [between(10, 20, size) for size in (0.0, 0.5, 1.0)] == [10, 15, 20]


def test_no_flood_takes_more_descriptors_than_it_may() -> None:
    assert floods.MOST + 1_000 < 8_000


def test_every_fault_says_where_it_strikes_and_what_must_hold() -> None:
    for fault in FAULTS:
        assert fault.point
        assert fault.promise.endswith(".")
        assert fault.seconds[0] < fault.seconds[1]
