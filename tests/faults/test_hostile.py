"""Malicious clients: an honest relay passes, and one that lets something through is found out."""

from pathlib import Path
from random import Random

import pytest

from actors import CallTimeoutError
from faults.real import crimes, hostile
from faults.real.crimes import Crime
from faults.real.estate import Estate, ask, found_estate, take_stock
from faults.real.fault import Broken
from faults.real.hostile import FAULTS, Culprits, commit_crime
from faults.real.intruder import Door, Intruder
from faults.real.misdeeds import Misdeed
from faults.real.rogues import Account
from protocol import ErrorCode, FetchBundles, FetchProgress, GroupId, connection, stanzas
from protocol.schema import SPEC_OF_CLASS, Sender
from protocol.state import CLIENT_MAY_SEND, State
from relay import requests
from relay.group import requests as group_requests
from tests.faults.inside_node import InsideNode, arena_of, open_inside_node, stroke
from tests.helpers.stage import Phone

BY_NAME = {fault.name: fault for fault in FAULTS}


def as_account(phone: Phone) -> Account:
    return Account(
        phone.number,
        phone.keys.private.private_bytes_raw(),
        int(phone.address.user),
        int(phone.address.device),
    )


async def commit(node: InsideNode, misdeed: Misdeed) -> None:
    culprits = Culprits(node.door, [as_account(node.stage.anna)], as_account(node.stage.ben))
    try:
        await culprits.commit(misdeed)
    finally:
        culprits.hang_up()


def misdeed_called(what: str, state: State = State.ONLINE) -> Misdeed:
    everything = hostile.choose(Random(0), 10_000)
    return next(each for each in everything if each.what == what and each.state is state)


async def test_an_honest_relay_refuses_a_rule_breaker_by_name(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        said = await BY_NAME["rule breaker"].strike(arena_of(node), stroke())
    assert said.startswith("100 misdeeds, each answered as the tables say")


async def test_an_honest_relay_gives_a_thief_nothing(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        said = await BY_NAME["thief"].strike(arena_of(node), stroke())
    assert "(0 were told to wait); nothing of theirs was touched" in said


def test_the_same_seed_chooses_the_same_misdeeds() -> None:
    first, again, other = (hostile.choose(Random(seed), 50) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 50


# ---- relays that are not honest, or not well ----


async def test_a_relay_that_fails_inside_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def time_out(_asker: object, _request: object) -> stanzas.Stanza:
        raise CallTimeoutError("somebody", "something", 5.0)

    monkeypatch.setitem(requests.ANSWERS, FetchProgress, time_out)
    async with open_inside_node(tmp_path) as node:
        with pytest.raises(Broken, match=r"FetchProgress, with the smallest values: .*(internal|inside)"):
            await commit(node, misdeed_called("FetchProgress, with the smallest values"))


async def test_a_relay_that_lets_strangers_say_everything_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lax = {**CLIENT_MAY_SEND, State.STRANGER: CLIENT_MAY_SEND[State.ONLINE]}
    monkeypatch.setattr(connection, "CLIENT_MAY_SEND_IN_PRODUCTION", lax)
    async with open_inside_node(tmp_path) as node:
        with pytest.raises(Broken, match=r"FetchBundles, out of place: .*(went on|internal)"):
            await commit(node, misdeed_called("FetchBundles, out of place", State.STRANGER))


async def test_a_relay_that_takes_what_its_table_does_not_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SPEC_OF_CLASS[FetchBundles]
    monkeypatch.setattr(spec, "readers", (lambda value: 77, *spec.readers[1:]))
    async with open_inside_node(tmp_path) as node:
        with pytest.raises(Broken, match=r"FetchBundles, request: a float: the connection went on"):
            await commit(node, misdeed_called("FetchBundles, request: a float"))


async def test_a_relay_that_shows_a_log_to_anybody_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_requests, "may_read_log", lambda state, user, invite: True)
    async with open_inside_node(tmp_path) as node:
        with pytest.raises(Broken, match=r"the log.*: it was done, instead of"):
            await BY_NAME["thief"].strike(arena_of(node), stroke())


async def test_what_was_changed_by_somebody_else_is_found_by_its_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hide(door: Door, estate: Estate, *_: object) -> tuple[int, int]:
        owner = await Intruder.log_in(door, estate.owners[1].keys)
        change = SPEC_OF_CLASS[stanzas.ChangeSettings].number
        await ask(owner, (change, 1, ("nobody", "nobody", "nobody"), (), (), (), ()))
        owner.hang_up()
        return 1, 0

    monkeypatch.setattr(hostile, "_do_all", hide)
    async with open_inside_node(tmp_path) as node:
        with pytest.raises(Broken, match=r"somebody else has changed the (settings|profile) of"):
            await BY_NAME["thief"].strike(arena_of(node), stroke())


async def test_a_refusal_by_another_name_is_found_out(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        anna, ben = as_account(node.stage.anna), as_account(node.stage.ben)
        estate = await found_estate(node.door, [ben, anna])
        crime = next(each for each in crimes.crimes(estate, anna, 1) if each.what == "leaving as the primary")
        device = await Intruder.log_in(node.door, anna.keys)
        assert await commit_crime(device, crime)
        with pytest.raises(Broken, match="refused with bad-device-list, instead of not-a-member"):
            await commit_crime(device, Crime(crime.what, crime.item, frozenset({ErrorCode.NOT_A_MEMBER})))
        device.hang_up()


async def test_an_estate_looks_the_same_twice_if_nobody_has_touched_it(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        owners = [as_account(node.stage.anna), as_account(node.stage.ben)]
        estate = await found_estate(node.door, owners)
        before = await take_stock(node.door, estate)
        assert await take_stock(node.door, estate) == before
    assert len(before) == 10


def test_every_stanza_about_a_group_or_a_link_is_a_crime() -> None:
    owners = [Account(f"+491577000000{user}", bytes(32), user) for user in (1, 2)]
    culprit = Account("+4915770000003", bytes(32), 3)
    all_of_them = crimes.crimes(Estate(owners, GroupId(9), (b"",)), culprit, 1)
    done = {each.item[0] for each in all_of_them if type(each.item) is tuple}
    for spec in SPEC_OF_CLASS.values():
        names = {field.name for field in spec.fields}
        if (
            spec.sender is Sender.CLIENT
            and names & {"group", "link"}
            and spec.stanza is not stanzas.ConfirmLink
        ):
            assert spec.number in done, spec.name
