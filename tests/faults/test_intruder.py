"""An intruder can do what a client can, and everything else besides; it has accounts that are real."""

from dataclasses import replace
from pathlib import Path

import pytest

from faults.real.fault import Broken
from faults.real.intruder import PING, WELCOME, Ended, Intruder, new_keys
from faults.real.rogues import Rogues, newest_code, rogues_at
from protocol import ErrorCode
from protocol.frames import encode_frame
from relay.rate_limits import Limit
from tests.faults.inside_node import CONFIG, InsideNode, open_inside_node


def accounts_of(node: InsideNode) -> Rogues:
    return rogues_at(node, node.folder)  # type: ignore[arg-type]  # it has what is asked of a node


@pytest.mark.parametrize("knows_the_relay", [True, False])
async def test_it_shakes_hands_as_a_client_does(tmp_path: Path, knows_the_relay: bool) -> None:
    async with open_inside_node(tmp_path) as node:
        intruder = await Intruder.at(node.door)
        await intruder.shake_hands(node.stage.anna.keys, node.key if knows_the_relay else None)
        await intruder.say(PING)
        welcome = await intruder.hear_first(WELCOME)
        intruder.hang_up()
    assert welcome[1:3] == node.stage.anna.address


async def test_it_hears_the_alert_that_answers_what_is_no_handshake(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        intruder = await Intruder.at(node.door)
        await intruder.throw(b"GET / HTTP/1.1\r\n\r\n")
        assert (await intruder.end()).code == ErrorCode.MALFORMED
        intruder.hang_up()


async def test_it_says_what_no_client_would_and_hears_with_which_word_it_is_ended(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        intruder = await Intruder.log_in(node.door, node.stage.anna.keys)
        await intruder.say((250, "what nobody knows"))
        ended = await intruder.end()
        assert (ended.code, ended.detail) == (ErrorCode.UNKNOWN_STANZA, 250)
        intruder.hang_up()


async def test_a_frame_that_was_sealed_can_be_thrown_twice(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        intruder = await Intruder.log_in(node.door, node.stage.anna.keys)
        await intruder.throw(intruder.sealed(bytes((PING,))) * 2)
        assert (await intruder.end()).code == ErrorCode.MALFORMED
        intruder.hang_up()


async def test_pings_that_were_not_answered_yet_are_not_taken_for_the_last(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        intruder = await Intruder.log_in(node.door, node.stage.anna.keys)
        await intruder.say(PING, PING)
        assert await intruder.hear_until_quiet(owed=2) == []
        await intruder.say((250, 1))
        assert (await intruder.end()).code == ErrorCode.UNKNOWN_STANZA
        intruder.hang_up()


async def test_whoever_hangs_up_is_no_longer_there(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        intruder = await Intruder.at(node.door)
        intruder.hang_up()
        with pytest.raises(Ended, match="reset"):
            await intruder.throw(encode_frame(b"x"))


# ---- accounts ----


async def test_accounts_are_registered_with_codes_and_kept_for_the_next_stroke(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        first = await accounts_of(node).take(2)
        again = await accounts_of(node).take(3)
        assert node.codes_sent == 3
    assert again[:2] == first
    assert len({account.user for account in again}) == 3


async def test_an_account_that_the_relay_does_not_know_any_more_is_registered_anew(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path / "one") as node:
        before = await accounts_of(node).take(1)
    kept = (tmp_path / "one" / "rogues.json").read_text()
    async with open_inside_node(tmp_path / "two") as node:
        (node.folder / "rogues.json").write_text(kept)
        after = await accounts_of(node).take(1)
        device = await Intruder.log_in(node.door, after[0].keys)
        device.hang_up()
    assert after[0].phone == before[0].phone
    assert after[0].private != before[0].private


async def test_whoever_is_told_to_wait_for_a_code_waits(tmp_path: Path) -> None:
    config = replace(CONFIG, limit_codes=Limit(2, "s", 1))
    async with open_inside_node(tmp_path, config) as node:
        await accounts_of(node).take(2)
        assert node.worker.counters.refused["wait"] == 1
        assert node.codes_sent == 2


def test_a_code_that_was_not_sent_is_a_broken_promise(tmp_path: Path) -> None:
    sms = tmp_path / "sms.jsonl"
    sms.write_text('{"phone": "+4915770000000", "code": "123456", "via": "sms"}\n')
    assert newest_code(sms, "+4915770000000") == "123456"
    with pytest.raises(Broken, match="no code was sent"):
        newest_code(sms, "+4915770000001")


def test_keys_of_nobody_are_new_each_time() -> None:
    assert new_keys().public != new_keys().public
