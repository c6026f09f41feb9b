"""Contact discovery: who is found by a number, and that nothing but the answer tells why somebody is not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from trio.testing import MockClock

from protocol import Audience, ErrorCode, Failed, Found, Lookup, Privacy, UserId
from relay.config import NEW_ACCOUNT_SECONDS
from relay.contacts import Discovery, plain_number
from relay.rate_limits import Limit
from relay.visibility import Visibility
from storage import Environment, InlineJournal, JournalError, Op, Reader, Table, accounts, settings
from storage.accounts import UserRecord
from storage.environment import open_environment
from tests.helpers.people import change, settle
from tests.helpers.relay_node import TEST_CONFIG, SettableClock
from tests.helpers.several_workers import open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

ANNA, BEN, CLARA, DORA = UserId(7), UserId(8), UserId(9), UserId(10)
NUMBERS = {ANNA: "+491713920001", BEN: "+491713920002", CLARA: "+491713920003", DORA: "+491713920004"}
NOBODYS = "+491713920009"


class CountingReader(Reader):
    """Notes which tables are looked into."""

    __slots__ = ("_looks",)

    def __init__(self, environment: Environment, looks: list[Table]) -> None:
        super().__init__(environment)
        self._looks = looks

    def get(self, table: Table, key: bytes) -> bytes | None:
        self._looks.append(table)
        return super().get(table, key)


@pytest.fixture
def looks() -> list[Table]:
    return []


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as environment:
        for user, number in NUMBERS.items():
            store(environment, *accounts.put_user(user, UserRecord(number, 0)))
        yield environment


@pytest.fixture
def discovery(environment: Environment, looks: list[Table]) -> Discovery:
    def read() -> Reader:
        return CountingReader(environment, looks)

    return Discovery(read, lambda _user: read(), Visibility(lambda _user: read()))


def store(environment: Environment, *ops: Op) -> None:
    def settled(error: JournalError | None) -> None:
        assert error is None

    InlineJournal(environment).submit(list(ops), settled)


def test_numbers_are_found_however_they_are_written(discovery: Discovery) -> None:
    phones = ["+49 (171) 392-0002", NOBODYS, "rubbish", "", "0171 3920002", NUMBERS[BEN]]
    assert discovery.find(ANNA, phones) == (BEN, 0, 0, 0, 0, BEN)


@pytest.mark.parametrize(
    "text", ["", "+", "49171392", "+049171392", "+49171CALLME", "+" + "1" * 16, "+49171\n"]
)
def test_what_cannot_be_a_number_is_none(text: str) -> None:
    assert plain_number(text) is None


def test_whoever_does_not_want_to_be_found_is_not_but_by_themselves(
    environment: Environment, discovery: Discovery
) -> None:
    store(environment, settings.put_privacy(BEN, Privacy(discoverable=Audience.NOBODY)))
    assert discovery.find(ANNA, [NUMBERS[BEN]]) == (0,)
    assert discovery.find(BEN, [NUMBERS[BEN]]) == (BEN,)


def test_whoever_is_there_for_contacts_is_found_by_those_they_have_named(
    environment: Environment, discovery: Discovery
) -> None:
    store(environment, settings.put_privacy(BEN, Privacy(discoverable=Audience.CONTACTS)))
    store(environment, settings.add_contact(ANNA, BEN))  # that he is her contact says nothing
    assert discovery.find(ANNA, [NUMBERS[BEN]]) == (0,)
    store(environment, settings.add_contact(BEN, ANNA))
    assert discovery.find(ANNA, [NUMBERS[BEN]]) == (BEN,)


def test_whoever_is_blocked_finds_nobody_and_the_blocker_still_finds_them(
    environment: Environment, discovery: Discovery
) -> None:
    store(environment, settings.add_block(BEN, ANNA, 1), settings.add_contact(BEN, ANNA))
    assert discovery.find(ANNA, [NUMBERS[BEN]]) == (0,)
    assert discovery.find(BEN, [NUMBERS[ANNA]]) == (ANNA,)


def test_unknown_blocked_hidden_and_found_numbers_cost_the_same_work(
    environment: Environment, discovery: Discovery, looks: list[Table]
) -> None:
    store(environment, settings.add_block(BEN, ANNA, 1))
    store(environment, settings.put_privacy(CLARA, Privacy(discoverable=Audience.NOBODY)))
    work = {}
    for number in (NOBODYS, NUMBERS[BEN], NUMBERS[CLARA], NUMBERS[DORA]):
        looks.clear()
        answer = discovery.find(ANNA, [number])
        work[number] = (tuple(looks), len(answer))
    assert len(set(work.values())) == 1
    assert len(looks) == 5


def test_a_number_that_its_owner_has_changed_leads_to_nobody(
    environment: Environment, discovery: Discovery
) -> None:
    for op in accounts.put_user(BEN, UserRecord(NOBODYS, 0)):  # in the order of a change that is cut off
        store(environment, op)
    assert discovery.find(ANNA, [NUMBERS[BEN], NOBODYS]) == (0, BEN)


def test_the_choice_of_whoever_has_made_none_is_decoded_too(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []
    unpack = settings.PRIVACY_CODEC.unpack

    def count(_codec: object, key: bytes, data: bytes) -> Privacy:
        decoded.append(key)
        return unpack(key, data)

    monkeypatch.setattr(type(settings.PRIVACY_CODEC), "unpack", count)
    with environment.read() as reader:
        assert settings.load_privacy_evenly(reader, UserId(99)) == Privacy()
    assert len(decoded) == 1


def test_a_number_that_is_asked_for_again_and_again_is_looked_at_once(
    discovery: Discovery, looks: list[Table]
) -> None:
    assert discovery.find(ANNA, [NUMBERS[BEN]] * 256) == (BEN,) * 256
    assert len(looks) == 5


async def test_whom_any_worker_has_is_found_at_any_other_as_far_as_they_allow(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_workers(tmp_path, sim, 2) as node:
        anna, ben = node.add_user(0, NUMBERS[ANNA]), node.add_user(1, NUMBERS[BEN])
        phone, other = await anna.connect(), await ben.connect()
        phone.say(Lookup(1, (ben.number, NOBODYS), in_bulk=1))
        assert (await phone.expect(Found)).users == (ben.address.user, 0)
        await settle(other, change(Privacy(discoverable=Audience.NOBODY)))
        phone.say(Lookup(2, (ben.number, NOBODYS)))
        assert (await phone.expect(Found)).users == (0, 0)
        await settle(other, change(Privacy(), block=(anna.address.user,)))
        phone.say(Lookup(3, (ben.number, NOBODYS)))
        assert (await phone.expect(Found)).users == (0, 0)
        await settle(other, change(unblock=(anna.address.user,)))
        phone.say(Lookup(4, (ben.number,)))
        assert (await phone.expect(Found)).users == (ben.address.user,)


async def test_an_account_in_its_first_week_looks_up_less(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    clock = SettableClock(100.0)  # its account is of second 0
    config = replace(TEST_CONFIG, limit_lookups_of_new=Limit(1, "s", 2))
    async with open_stage(tmp_path, sim, config=config, clock=clock) as stage:
        anna = await stage.anna.connect()
        anna.say(Lookup(1, (stage.ben.number,) * 2))
        await anna.expect(Found)
        anna.say(Lookup(2, (stage.ben.number,)))
        assert (await anna.expect(Failed)).code == ErrorCode.WAIT
        clock.time = NEW_ACCOUNT_SECONDS
        anna.say(Lookup(3, (stage.ben.number,) * 200))
        await anna.expect(Found)
