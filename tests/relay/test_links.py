"""Links: claimed once, told by name how they end, bounded, and nobody else's business."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from actors.ports import system_entropy
from protocol import DeviceAddress, DeviceId, ErrorCode, LinkStep, UserId
from protocol.limits import NAMEPLATE_CHARS
from relay import links as module
from relay.errors import RefusalError
from relay.links import (
    EXCHANGE_SECONDS,
    LINK_SECONDS,
    MAX_LINKS_PER_ADDRESS,
    NAMEPLATE_ALPHABET,
    NO_ADDRESS,
    Links,
    OpenLink,
)
from tests.helpers.families import signed_list

COMPANION, STRANGER = b"c" * 32, b"x" * 32
ANNA = DeviceAddress(UserId(7), DeviceId(1))
BEN = DeviceAddress(UserId(8), DeviceId(1))
NEXT = DeviceId(2)
HERE = "192.0.2.1"
LIST = signed_list(ANNA.user, 2, (1, b"i" * 32), (2, b"j" * 32))


@pytest.fixture
def links() -> Links:
    return Links(system_entropy)


def opened(links: Links) -> OpenLink:
    return links.open(COMPANION, HERE, 0.0)


def claimed(links: Links) -> OpenLink:
    return links.claim(opened(links).name, ANNA, NEXT, b"claim", 1.0)


def confirmed(links: Links) -> OpenLink:
    link = claimed(links)
    links.answer(link.name, COMPANION, b"answer", 2.0)
    return links.confirm(link.name, ANNA, COMPANION, LIST, b"confirm", 3.0)


def refusal(caught: pytest.ExceptionInfo[RefusalError]) -> ErrorCode:
    return caught.value.code


def test_a_link_goes_step_by_step_and_each_side_hears_the_other(links: Links) -> None:
    link = opened(links)
    assert (links.poll(link.name, COMPANION, 1.0).step, link.message_for(COMPANION)) == (LinkStep.OPEN, b"")
    links.claim(link.name, ANNA, NEXT, b"claim", 1.0)
    assert (link.step, link.message_for(COMPANION)) == (LinkStep.CLAIMED, b"claim")
    links.answer(link.name, COMPANION, b"answer", 2.0)
    assert (link.step, link.message_for(ANNA)) == (LinkStep.ANSWERED, b"answer")
    links.confirm(link.name, ANNA, COMPANION, LIST, b"confirm", 3.0)
    assert (link.step, link.message_for(COMPANION)) == (LinkStep.CONFIRMED, b"confirm")
    assert links.confirmed(link.name, COMPANION, 4.0) == (link, LIST)


def test_a_nameplate_is_as_good_as_the_name_in_either_case(links: Links) -> None:
    link = opened(links)
    assert len(link.nameplate) == NAMEPLATE_CHARS
    assert all(character in NAMEPLATE_ALPHABET for character in link.nameplate)
    assert links.claim(link.nameplate.lower(), ANNA, NEXT, b"claim", 1.0) is link


@pytest.mark.parametrize("second", [(BEN, b"claim"), (ANNA, b"another claim")], ids=["another", "the same"])
def test_a_second_claim_ends_the_link_for_both_sides(
    links: Links, second: tuple[DeviceAddress, bytes]
) -> None:
    link = claimed(links)
    primary, message = second
    asked: list[Callable[[], OpenLink]] = [
        lambda: links.claim(link.name, primary, NEXT, message, 2.0),
        lambda: links.poll(link.name, COMPANION, 2.0),
        lambda: links.poll(link.name, ANNA, 2.0),
        lambda: links.claim(link.nameplate, BEN, NEXT, b"third", 2.0),
    ]
    for ask in asked:
        with pytest.raises(RefusalError) as caught:
            ask()
        assert refusal(caught) is ErrorCode.LINK_TAKEN


def test_a_second_claim_ends_the_link_also_after_the_primary_has_confirmed(links: Links) -> None:
    link = confirmed(links)
    with pytest.raises(RefusalError):
        links.claim(link.nameplate, BEN, NEXT, b"claim", 3.0)
    with pytest.raises(RefusalError) as caught:
        links.confirmed(link.name, COMPANION, 3.0)
    assert refusal(caught) is ErrorCode.LINK_TAKEN


def test_a_claim_whose_answer_was_lost_is_repeated(links: Links) -> None:
    link = claimed(links)
    assert links.claim(link.name, ANNA, NEXT, b"claim", 2.0) is link
    links.answer(link.name, COMPANION, b"answer", 2.0)
    assert links.answer(link.name, COMPANION, b"answer", 2.0).step is LinkStep.ANSWERED
    links.confirm(link.name, ANNA, COMPANION, LIST, b"confirm", 2.0)
    assert links.confirm(link.name, ANNA, COMPANION, LIST, b"confirm", 2.0).step is LinkStep.CONFIRMED


def test_a_link_that_is_completed_is_nobodys_to_claim(links: Links) -> None:
    link = confirmed(links)
    link.step = LinkStep.COMPLETED
    with pytest.raises(RefusalError) as caught:
        links.claim(link.name, BEN, NEXT, b"claim", 4.0)
    assert refusal(caught) is ErrorCode.LINK_GONE
    assert links.cancel(link.name, ANNA, 4.0).step is LinkStep.COMPLETED
    assert links.poll(link.name, ANNA, 4.0).step is LinkStep.COMPLETED


def test_an_unclaimed_link_lives_a_minute_and_a_claimed_one_from_the_claim_on(links: Links) -> None:
    link = opened(links)
    with pytest.raises(RefusalError) as caught:
        links.claim(link.name, ANNA, NEXT, b"claim", LINK_SECONDS)
    assert refusal(caught) is ErrorCode.LINK_GONE
    link = claimed(links)
    assert links.poll(link.name, COMPANION, EXCHANGE_SECONDS).step is LinkStep.CLAIMED
    with pytest.raises(RefusalError):
        links.poll(link.name, COMPANION, EXCHANGE_SECONDS + 1.0)
    assert len(links) == 0


def test_either_side_may_end_it_and_the_other_is_told(links: Links) -> None:
    for who in (COMPANION, ANNA):
        link = claimed(links)
        links.cancel(link.name, who, 2.0)
        with pytest.raises(RefusalError) as caught:
            links.poll(link.name, ANNA if who == COMPANION else COMPANION, 2.0)
        assert refusal(caught) is ErrorCode.LINK_CANCELLED


def test_a_link_is_there_for_its_two_sides_only(links: Links) -> None:
    link = confirmed(links)
    for ask in (
        lambda: links.poll(link.name, STRANGER, 3.0),
        lambda: links.poll(link.name, BEN, 3.0),
        lambda: links.cancel(link.name, BEN, 3.0),
        lambda: links.answer(link.name, STRANGER, b"answer", 3.0),
        lambda: links.confirmed(link.name, STRANGER, 3.0),
        lambda: links.confirm(link.name, BEN, COMPANION, LIST, b"confirm", 3.0),
        lambda: links.claim(b"n" * 16, BEN, NEXT, b"claim", 3.0),
        lambda: links.claim("ZZZ" if link.nameplate != "ZZZ" else "YYY", BEN, NEXT, b"claim", 3.0),
    ):
        with pytest.raises(RefusalError) as caught:
            ask()
        assert refusal(caught) is ErrorCode.LINK_GONE
    assert links.poll(link.name, COMPANION, 3.0).step is LinkStep.CONFIRMED


def test_nothing_is_said_out_of_turn(links: Links) -> None:
    link = opened(links)
    for ask in (
        lambda: links.answer(link.name, COMPANION, b"answer", 1.0),
        lambda: links.confirmed(link.name, COMPANION, 1.0),
    ):
        with pytest.raises(RefusalError) as caught:
            ask()
        assert refusal(caught) is ErrorCode.LINK_GONE
    links.claim(link.name, ANNA, NEXT, b"claim", 1.0)
    with pytest.raises(RefusalError):
        links.confirm(link.name, ANNA, COMPANION, LIST, b"confirm", 1.0)


def test_a_companion_that_the_primary_does_not_mean_ends_the_link(links: Links) -> None:
    link = claimed(links)
    links.answer(link.name, COMPANION, b"answer", 2.0)
    with pytest.raises(RefusalError) as caught:
        links.confirm(link.name, ANNA, STRANGER, LIST, b"confirm", 2.0)
    assert refusal(caught) is ErrorCode.LINK_MISMATCH
    with pytest.raises(RefusalError) as caught:
        links.poll(link.name, COMPANION, 2.0)
    assert refusal(caught) is ErrorCode.LINK_MISMATCH


def test_a_companion_has_one_link_at_a_time(links: Links) -> None:
    first, second = opened(links), opened(links)
    assert len(links) == 1
    with pytest.raises(RefusalError):
        links.poll(first.name, COMPANION, 1.0)
    assert links.poll(second.name, COMPANION, 1.0) is second


def test_an_address_opens_only_so_many_and_this_machine_more(links: Links) -> None:
    for number in range(MAX_LINKS_PER_ADDRESS):
        links.open(number.to_bytes(32), HERE, 0.0)
        links.open((1_000 + number).to_bytes(32), NO_ADDRESS, 0.0)
    with pytest.raises(RefusalError) as caught:
        links.open(COMPANION, HERE, 0.0)
    assert refusal(caught) is ErrorCode.WAIT
    links.open(COMPANION, NO_ADDRESS, 0.0)
    links.open(STRANGER, HERE, LINK_SECONDS)


def test_there_are_only_so_many_links(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINKS", 3)
    for number in range(3):
        links.open(number.to_bytes(32), NO_ADDRESS, 0.0)
    with pytest.raises(RefusalError) as caught:
        links.open(COMPANION, NO_ADDRESS, 0.0)
    assert refusal(caught) is ErrorCode.OVERLOADED


def test_no_message_and_no_name_shows_in_a_repr(links: Links) -> None:
    link = replace(confirmed(links), nameplate="a nameplate", name=b"a name")
    assert "confirm" not in repr(link).replace("CONFIRMED", "")
    assert "a name" not in repr(link)
