from trio.testing import MockClock

from client.chat_rules import ChatRules
from client.cli.chat_orders import VIEW_SECONDS, rules_lines
from client.records import EntryKind, MessageState
from tests.client.cli.test_talk import talking
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until


async def test_a_rule_is_chosen_and_seen_as_a_line_on_both_sides(
    autojump_clock: MockClock, town: Town
) -> None:
    async with (
        town.open(ANN) as ann,
        town.open(BEN) as ben,
        talking(town, ann) as (surface, _),
        talking(town, ben, ANN) as (bens, _),
    ):
        surface.type("/rules disappear 7d")
        await until(lambda: surface.texts[-1:] == ["you let new messages disappear after 7 days"])
        await until(lambda: "let new messages disappear after 7 days" in "".join(bens.texts[-1:]))
        surface.type("/rules disappear 7d")
        await until(lambda: surface.texts[-1:] == ["it is so already"])
        surface.type("/rules keep-here on")
        await until(lambda: "asked to keep this chat here" in "".join(bens.texts[-1:]))
        bens.type("/rules")
        await until(lambda: any("disappear after 7 days; nothing may" in text for text in bens.texts))


async def test_wrong_rules_are_explained(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN), talking(town, ann) as (surface, _):
        for line, said in (
            ("/rules disappear soon", "'soon' is no time like"),
            ("/rules what", "/rules alone shows them"),
            ("/once", "/once needs a text"),
            ("/view", "nothing here that is to be viewed once"),
        ):
            surface.type(line)
            await until(lambda said=said: said in "".join(surface.texts[-1:]))  # type: ignore[misc]


async def test_what_is_shown_once_is_seen_for_a_moment_and_gone(
    autojump_clock: MockClock, town: Town
) -> None:
    async with (
        town.open(ANN) as ann,
        town.open(BEN) as ben,
        talking(town, ann) as (surface, _),
        talking(town, ben, ANN) as (bens, _),
    ):
        surface.type("/once the code is 4711")
        await until(lambda: "not opened yet" in "".join(bens.texts))
        bens.type("/view")
        await until(lambda: bens.texts == ["① (opened)", "① the code is 4711"])
        await until(lambda: bens.texts == ["① (opened)"], VIEW_SECONDS + 5)
        await until(lambda: surface.texts == ["① (opened)"])


async def test_a_message_is_forwarded_unless_its_chat_is_kept_here(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben, talking(town, ann) as (surface, _):
        await ben.wait_for(ben.send_text(ANN, "a rumour"), MessageState.READ)
        surface.type("/forward")
        await until(lambda: surface.texts[-1:] == ["/forward needs a number or a group"])
        surface.type(f"/forward {BEN}")
        await until(lambda: [entry.forwards for entry in ben.history()] == [0, 1])
        assert surface.texts[-1] == "↪ forwarded  a rumour"
        surface.type("/rules keep-here on")
        await until(lambda: ben.history()[-1].kind is EntryKind.RULE)
        surface.type(f"/forward {BEN}")
        await until(lambda: "stay" in surface.texts[-1] or "kept" in surface.texts[-1])


def test_what_holds_in_a_chat_is_said_in_words() -> None:
    assert "messages here stay; may be forwarded" in rules_lines(ChatRules())[0]
    assert "disappear after 1 day; nothing may" in rules_lines(ChatRules(86_400, keep_here=True))[0]
