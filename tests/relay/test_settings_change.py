"""Changes of an account's settings, at a whole relay: what is answered, kept, and refused."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from protocol import Audience, ErrorCode, Failed, Privacy, Settings, UserId
from relay import settings_change
from storage import settings
from tests.helpers.people import change, settle
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

TO_CONTACTS = Privacy(Audience.CONTACTS, Audience.EVERYONE, Audience.EVERYONE)


async def test_a_change_of_nothing_asks_how_things_stand(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        assert await settle(anna, change(request=5)) == Settings(5, Privacy(), (), 0)


async def test_what_was_chosen_is_there_after_a_restart(tmp_path: Path) -> None:
    blocked = (UserId(5), UserId(9))
    async with open_stage(tmp_path) as stage:
        phones = (stage.anna, stage.ben)
        anna = await stage.anna.connect()
        await settle(anna, change(TO_CONTACTS, block=blocked, add_contacts=(UserId(6),)))
    async with open_stage(tmp_path, phones=phones) as stage:
        anna = await stage.anna.connect()
        assert await settle(anna, change()) == Settings(1, TO_CONTACTS, blocked, 1)


async def test_contacts_are_kept_only_while_a_setting_needs_them(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, user = await stage.anna.connect(), stage.anna.address.user
        assert (await settle(anna, change(add_contacts=(UserId(6),)))).contacts == 0
        named = (UserId(6), UserId(7), UserId(8))
        assert (await settle(anna, change(TO_CONTACTS, add_contacts=named))).contacts == 3
        again = change(add_contacts=(UserId(6),), remove_contacts=(UserId(7), UserId(99)))
        assert (await settle(anna, again)).contacts == 2
        assert (await settle(anna, change(Privacy()))).contacts == 0
        with stage.running.worker.reader_of(user) as reader:
            assert settings.count_contacts(reader, user) == 0


async def test_naming_people_in_vain_or_twice_makes_no_room_in_a_list(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_change, "MAX_BLOCKED_USERS", 2)
    monkeypatch.setattr(settings_change, "MAX_CONTACTS", 2)
    four, five, six, seven = map(UserId, range(4, 8))
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        await settle(anna, change(TO_CONTACTS, block=(four, five), add_contacts=(four, five)))
        for too_much in (
            change(block=(six,), unblock=(seven,)),
            change(block=(six, seven), unblock=(four, four)),
            change(add_contacts=(six, seven), remove_contacts=(four, four)),
        ):
            anna.say(too_much)
            assert (await anna.expect(Failed)).code == ErrorCode.LIST_FULL
        swapped = change(block=(six, six), unblock=(four,), add_contacts=(six, six), remove_contacts=(four,))
        assert await settle(anna, swapped) == Settings(1, TO_CONTACTS, (five, six), 2)


async def test_a_list_that_is_full_is_refused_by_name_and_nothing_of_the_change_happens(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_change, "MAX_BLOCKED_USERS", 2)
    monkeypatch.setattr(settings_change, "MAX_CONTACTS", 1)
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        for too_much in (
            change(block=(UserId(4), UserId(5), UserId(6))),
            change(TO_CONTACTS, block=(UserId(4),), add_contacts=(UserId(5), UserId(6))),
        ):
            anna.say(too_much)
            assert (await anna.expect(Failed)).code == ErrorCode.LIST_FULL
        assert await settle(anna, change()) == Settings(1, Privacy(), (), 0)
