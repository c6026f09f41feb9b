from trio.testing import MockClock

from client.cli.shown_lines import ShownLines
from client.phone import Phone
from client.records import MessageState
from tests.client.cli.test_talk import SurfaceDouble
from tests.client.conftest import ANN, BEN, Town


def shown(phone: Phone) -> tuple[ShownLines, SurfaceDouble, list[str]]:
    surface, said = SurfaceDouble(), list[str]()
    return ShownLines(phone, surface, said.append), surface, said


async def test_a_message_that_changes_changes_its_line_and_those_that_quote_it(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        lines, surface, said = shown(ann)
        first = ann.send_text(BEN, "helo")
        await ann.wait_for(first, MessageState.ACCEPTED)
        answer = ann.send_text(BEN, "as I said", first)
        for entry in ann.history():
            lines.show(entry)
        ann.edit(first, "hello")
        lines.refresh(first, "edited")
        assert surface.texts == ["hello  (edited)", "↩ “hello”  as I said"]
        assert surface.notes == ["edited", None]
        assert said == []
        assert answer in lines


async def test_a_change_of_what_is_not_shown_is_said(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        lines, surface, said = shown(ann)
        lines.refresh(ann.send_text(BEN, "hello"), "somebody did something")
        lines.refresh("00" * 8, None)
        assert said == ["somebody did something"]
        assert (surface.entries, surface.notes) == ([], [])


async def test_only_what_was_shown_is_removed_and_only_once(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        lines, surface, _ = shown(ann)
        message_id = ann.send_text(BEN, "hello")
        lines.show(ann.history()[0])
        lines.remove([message_id, "00" * 8])
        lines.remove([message_id])
        assert surface.removed == [message_id]
        assert message_id not in lines


async def test_what_is_revealed_does_not_stay_in_the_terminals_history(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        lines, surface, _ = shown(ann)
        ann.send_text(BEN, "placeholder")
        lines.remove([lines.reveal(ann.history()[0], "secret")])
        assert surface.entries == []
        lines.reveal(ann.history()[0], "secret")
        assert (surface.entries[0].text, surface.entries[0].instead) == ("① secret", "placeholder")


async def test_a_line_of_another_chat_has_all_lines_say_where_they_belong(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        lines, surface, _ = shown(ann)
        lines.peer = BEN
        ann.send_text(BEN, "here")
        ann.send_text("+4915112340000", "elsewhere")
        for entry in ann.history():
            lines.show(entry)
        assert [entry.name.partition(" → ")[0] for entry in surface.entries] == ["you", "you"]
        assert ["→" in entry.name for entry in surface.entries] == [False, True]


async def test_after_clearing_nothing_counts_as_shown(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        lines, surface, _ = shown(ann)
        message_id = ann.send_text(BEN, "hello")
        lines.show(ann.history()[0])
        lines.clear()
        assert message_id not in lines
        assert surface.entries == []
