"""The new device's side of linking: shown, renewed, spoilt, completed, resumed."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from actors.ports import system_entropy
from client.errors import AccountExistsError, LinkingError, RelayRefusedError
from client.linking import MOST_SPOILT
from client.phone import Phone
from client.relay_url import RelayUrl
from protocol.e2e.linking import PrimaryLinking
from protocol.stanzas import ClaimLink
from tests.client.family import ANN, WAIT_SECONDS, Shown, open_family

BEN = "+491713920002"


@pytest.mark.parametrize("way", ["text", "code"])
async def test_a_folder_becomes_a_device_of_the_account(
    autojump_clock: MockClock, tmp_path: Path, way: str
) -> None:
    async with open_family(tmp_path) as family:
        owner = await family.register()
        async with family.open("ann") as ann:
            await ann.wait_online()
            device, account = await family.link(ann, "kitchen", lambda shown: str(getattr(shown, way)))
        assert (device.device, device.name) == (2, "kitchen")
        assert (account.user, account.device, account.phone) == (owner.user, 2, ANN)
        assert account.relay_key == family.url.key
        assert family.home("kitchen").stat().st_mode & 0o777 == 0o700
        async with family.open("kitchen") as kitchen:
            await kitchen.wait_online()
        with family.store("kitchen") as store, family.store("ann") as other:
            assert store.devices.signed_list() == other.devices.signed_list()
            assert [each.device for each in store.devices.all()] == [1, 2]
            assert not store.devices.is_primary()
            assert store.devices.kept_grant() is None


async def test_a_new_device_reads_what_somebody_writes_to_whom_it_has_not_written_yet(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """It knows the writer's primary and the number of the list from its own, and has not seen the list."""
    async with open_family(tmp_path) as family:
        await family.register("ann", ANN)
        await family.register("ben", BEN)
        async with family.open("ann") as ann, family.open("ben") as ben:
            ben.send_text(ANN, "to somebody whose list Ben has seen")
            await shows(ann, "to somebody whose list Ben has seen")
            await family.link(ben, "pad")
            async with family.open("pad") as pad:
                ann.send_text(BEN, "to all your devices")
                await shows(pad, "to all your devices")
                assert [entry.error_name for entry in pad.history()] == [None] * len(pad.history())
                pad.send_text(ANN, "from the new one")
                await shows(ann, "from the new one")


async def shows(phone: Phone, text: str) -> None:
    """Wait until a phone has this in its history."""
    with trio.fail_after(WAIT_SECONDS), phone.events.subscribe() as events:
        while text not in [entry.text for entry in phone.history()]:
            await events.next()


async def test_a_link_that_nobody_takes_is_renewed_each_minute_and_only_the_new_one_is_good(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann, family.newcomer("kitchen") as newcomer:
            await ann.wait_online()
            shown = Shown()
            async with trio.open_nursery() as nursery:

                async def wait() -> None:
                    await newcomer.link(shown.show, shown.complain)

                nursery.start_soon(wait)
                first = await shown.next()
                began = trio.current_time()
                second = await shown.next()
                assert 55 < trio.current_time() - began < 62
                with pytest.raises(RelayRefusedError) as caught:
                    await ann.link_device(first.text, system_entropy)
                assert caught.value.name == "link-gone"
                await ann.link_device(second.code, system_entropy)
            assert shown.complaints == []


async def test_a_wrong_code_is_told_on_both_sides_and_the_next_one_is_good(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann, family.newcomer("kitchen") as newcomer:
            await ann.wait_online()
            shown = Shown()
            async with trio.open_nursery() as nursery:

                async def wait() -> None:
                    await newcomer.link(shown.show, shown.complain)

                nursery.start_soon(wait)
                first = await shown.next()
                with pytest.raises(LinkingError) as caught:
                    await ann.link_device(mistyped(first.code), system_entropy)
                assert caught.value.name == "wrong-link-code"
                second = await shown.next()
                assert second.code != first.code
                await ann.link_device(second.code, system_entropy)
            assert len(shown.complaints) == 1


async def test_after_some_wrong_codes_a_person_has_to_look(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann, family.newcomer("kitchen") as newcomer:
            await ann.wait_online()
            shown = Shown()
            async with trio.open_nursery() as nursery:

                async def wait() -> None:
                    with pytest.raises(LinkingError) as caught:
                        await newcomer.link(shown.show, shown.complain)
                    assert caught.value.name == "link-taken"

                nursery.start_soon(wait)
                for _ in range(MOST_SPOILT):
                    with pytest.raises(LinkingError):
                        await ann.link_device(mistyped((await shown.next()).code), system_entropy)


async def test_a_second_claim_ends_the_link_visibly(autojump_clock: MockClock, tmp_path: Path) -> None:
    """Somebody else has seen the code on the screen."""
    async with open_family(tmp_path) as family:
        await family.register()
        await family.register("ben", "+491713920002")
        async with family.open("ann") as ann, family.open("ben") as ben, family.newcomer("new") as newcomer:
            await ann.wait_online()
            await ben.wait_online()
            shown = Shown()
            async with trio.open_nursery() as nursery:

                async def wait() -> None:
                    with pytest.raises(LinkingError):
                        await newcomer.link(shown.show, shown.complain)

                nursery.start_soon(wait)
                for _ in range(MOST_SPOILT):
                    invitation = await shown.next()
                    claim = PrimaryLinking(invitation.code, system_entropy)
                    await ben._connection.request(
                        lambda request, claim=claim: ClaimLink(request, claim.link, claim.claim)  # type: ignore[misc] # mypy cannot type a default in a lambda
                    )
                    with pytest.raises(RelayRefusedError) as caught:
                        await ann.link_device(invitation.text, system_entropy)
                    assert caught.value.name == "link-taken"
        with family.store("ann") as store:
            assert [each.device for each in store.devices.all()] == [1]


async def test_what_was_completed_without_our_hearing_it_is_found_by_the_next_try(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """Killed between the relay's last step and the phone's: the grant is on disk, the account is not."""
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            await ann.wait_online()
            async with family.newcomer("kitchen") as newcomer:
                adopt = newcomer._store.devices.adopt
                newcomer._store.devices.adopt = _killed  # type: ignore[method-assign, assignment]  # as by SIGKILL
                shown = Shown()
                async with trio.open_nursery() as nursery:

                    async def wait() -> None:
                        with pytest.raises(_KilledError):
                            await newcomer.link(shown.show, shown.complain)

                    nursery.start_soon(wait)
                    await ann.link_device((await shown.next()).code, system_entropy)
                newcomer._store.devices.adopt = adopt  # type: ignore[method-assign]  # the process is another
            async with family.newcomer("kitchen") as newcomer:
                account = await newcomer.resumed()
                assert account is not None
                assert account.phone == ANN


class _KilledError(Exception):
    """The process is gone."""


def _killed(_grant: object) -> None:
    raise _KilledError


async def test_a_folder_with_an_account_is_left_alone(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        with pytest.raises(AccountExistsError):
            async with family.newcomer("ann"):
                pass


async def test_a_text_of_another_relay_is_refused_before_anything_is_said(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann, family.newcomer("kitchen") as newcomer:
            await ann.wait_online()
            newcomer._relay = RelayUrl("elsewhere", 5252, b"x" * 32)
            shown = Shown()
            async with trio.open_nursery() as nursery:

                async def wait() -> None:
                    await newcomer.link(shown.show, shown.complain)

                nursery.start_soon(wait)
                with pytest.raises(LinkingError, match="another relay"):
                    await ann.link_device((await shown.next()).text, system_entropy)
                nursery.cancel_scope.cancel()


def mistyped(code: str) -> str:
    """The last character is another one."""
    return code[:-1] + ("0" if code[-1] != "0" else "1")
