"""Others who are watched say how long they waited, and what a stroke has cost is seen."""

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from faults.real import bystanders, toll
from faults.real.bystanders import open_bystanders
from faults.real.fault import Broken
from faults.real.intruder import Intruder
from faults.real.rogues import Account
from faults.real.toll import check_alive, take_toll, until_given_back
from relay.rate_limits import Limit
from tests.faults.inside_node import CONFIG, InsideNode, open_inside_node


def pair_of(node: InsideNode) -> list[Account]:
    phones = (node.stage.anna, node.stage.ben)
    return [
        Account(each.number, each.keys.private.private_bytes_raw(), int(each.address.user)) for each in phones
    ]


async def test_what_they_write_is_ticked_and_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bystanders, "PAUSE_SECONDS", 0.01)
    async with open_inside_node(tmp_path) as node:
        async with open_bystanders(node.door, pair_of(node)) as others:
            while others.ticks < 5:  # noqa: ASYNC110 - nobody has an event for it
                await trio.sleep(0.01)
        assert others.ticks >= 5
        assert 0 < others.worst_accepted <= others.worst_delivered == others.worst
        assert node.worker.counters.delivered == others.ticks


async def test_they_go_on_where_they_were_the_next_time(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        for _ in range(2):
            async with open_bystanders(node.door, pair_of(node)) as others:
                while not others.ticks:  # noqa: ASYNC110 - likewise
                    await trio.sleep(0.01)
        assert node.worker.counters.duplicates == 0
        assert "out-of-order" not in node.worker.counters.refused


async def test_a_wait_that_is_too_long_is_a_broken_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bystanders, "TICKS_WITHIN_SECONDS", 0.0)
    async with open_inside_node(tmp_path) as node:
        with pytest.raises(Broken, match="others waited for"):
            async with open_bystanders(node.door, pair_of(node)):
                await trio.sleep(0.05)


async def test_others_who_are_cut_off_are_a_broken_promise(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        pair = pair_of(node)

        async def take_the_place_of_one() -> None:
            async with open_bystanders(node.door, pair):
                (await Intruder.log_in(node.door, pair[0].keys)).hang_up()
                await trio.sleep_forever()

        with pytest.raises(Broken, match="others were cut off: replaced"):
            await take_the_place_of_one()


async def test_others_who_are_refused_are_a_broken_promise(tmp_path: Path) -> None:
    config = replace(CONFIG, limit_messages=Limit(1, "h", 1))
    async with open_inside_node(tmp_path, config) as node:
        with pytest.raises(Broken, match="a message of others was refused: wait"):
            async with open_bystanders(node.door, pair_of(node)):
                await trio.sleep_forever()


async def test_others_who_are_not_let_in_are_a_broken_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bystanders, "COME_IN_SECONDS", 0.1)
    config = replace(CONFIG, limit_connections=Limit(1, "h", 1))
    async with open_inside_node(tmp_path, config) as node:
        with pytest.raises(Broken, match="others were not let in"):
            async with open_bystanders(node.door, pair_of(node)):
                pass


async def test_what_goes_wrong_in_the_block_comes_out_of_it_as_it_is(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        with pytest.raises(Broken, match=r"^by the block$"):
            async with open_bystanders(node.door, pair_of(node)):
                raise Broken("by the block")


# ---- what a stroke has cost ----


async def test_connections_and_descriptors_that_are_held_are_seen(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        before = await take_toll(node)  # type: ignore[arg-type]  # it has what is asked of a node
        held = [await Intruder.log_in(node.door, each.keys) for each in pair_of(node)]
        with pytest.raises(Broken, match=r"still held . descriptors and 2 connections more"):
            await until_given_back(node, before, 0.1)  # type: ignore[arg-type]
        for each in held:
            each.hang_up()
        after = await until_given_back(node, before, 5.0)  # type: ignore[arg-type]
    check_alive(before, after)


async def test_restarts_and_crashes_are_seen(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        before = await take_toll(node)  # type: ignore[arg-type]
    with pytest.raises(Broken, match="workers were restarted: 1 times"):
        check_alive(before, replace(before, pids=(1,), restarts=1))
    with pytest.raises(Broken, match="2 actors crashed"):
        check_alive(before, replace(before, crashes=before.crashes + 2))


async def test_a_worker_that_says_nothing_is_a_broken_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toll, "STATUS_SECONDS", 0.05)
    async with open_inside_node(tmp_path) as node:

        async def status() -> dict[str, object]:
            return {"workers": [{"number": 0, "pid": 1, "restarts": 0, "state": "missing"}]}

        monkeypatch.setattr(node, "status", status)
        with pytest.raises(Broken, match=r"workers \[0\] are missing"):
            await take_toll(node)  # type: ignore[arg-type]
