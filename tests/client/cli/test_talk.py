from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from trio.testing import MockClock

from client.cli.conversation import Entry
from client.cli.rendering import Line, painted
from client.cli.surface import Surface
from client.cli.talk import TYPING_SECONDS, Talk, status_line
from client.events import ConnectionChanged, Connectivity
from client.phone import Phone
from client.records import MessageState
from client.store import Store
from protocol.codes import ErrorCode
from protocol.e2e import Profile
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until

ANN_NAME, BEN_NAME = "+49 1511 2345678", "+49 1511 2345679"


class SurfaceDouble:
    """Keeps what it was told, and says what the test types."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.states: list[tuple[str, MessageState]] = []
        self.status = ""
        self.typing: str | None = None
        self.presence = ""
        self.addressee: str | None = None
        self.notes: list[str | None] = []
        self.removed: list[str] = []
        self._typed, self._lines = trio.open_memory_channel[str | None](10)

    def type(self, line: str | None) -> None:
        self._typed.send_nowait(line)

    @property
    def texts(self) -> list[str]:
        return [entry.text for entry in self.entries]

    def show(self, entry: Entry) -> None:
        self.entries.append(entry)

    def change(self, message_id: str, state: MessageState) -> None:
        self.states.append((message_id, state))

    def update(self, entry: Entry, note: str | None) -> None:
        self.entries = [entry if each.id == entry.id else each for each in self.entries]
        self.notes.append(note)

    def remove(self, message_ids: Sequence[str]) -> None:
        self.entries = [each for each in self.entries if each.id not in message_ids]
        self.removed += message_ids

    def clear(self) -> None:
        self.entries.clear()

    def set_status(self, status: Line) -> None:
        self.status = painted(status, colour=False)

    def set_typing(self, name: str | None) -> None:
        self.typing = name

    def set_presence(self, text: str) -> None:
        self.presence = text

    def set_addressee(self, name: str | None) -> None:
        self.addressee = name

    async def next_line(self) -> str | None:
        return await self._lines.receive()


@asynccontextmanager
async def talking(
    town: Town, phone: Phone, peer: str | None = BEN
) -> AsyncIterator[tuple[SurfaceDouble, Talk]]:
    """A talk that the test types into; it leaves at the end of the block."""
    surface: Surface = SurfaceDouble()
    assert isinstance(surface, SurfaceDouble)
    talk = Talk(phone, surface, town.clock, peer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk.run)
        yield surface, talk
        surface.type(None)


async def test_what_is_typed_goes_out_and_its_tick_moves(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben, talking(town, ann) as (surface, _):
        surface.type("hello")
        await until(lambda: len(ben.unread()) == 1)
        ben.mark_seen()
        await until(lambda: bool(surface.states) and surface.states[-1][1] is MessageState.READ)
        assert surface.texts == ["hello"]
        assert surface.entries[0].state is MessageState.PENDING
        assert {message_id for message_id, _ in surface.states} == {surface.entries[0].id}


async def test_what_comes_in_is_shown_once_and_counts_as_read(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben, talking(town, ann) as (surface, _):
        message_id = ben.send_text(ANN, "hello Ann")
        entry = await ben.wait_for(message_id, MessageState.READ)
        assert entry.state is MessageState.READ
        assert surface.texts == ["hello Ann"]
        assert surface.entries[0].name == BEN_NAME


async def test_the_past_is_shown_on_entry(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_for(ann.send_text(BEN, "long ago"), MessageState.ACCEPTED)
        async with talking(town, ann) as (surface, _):
            await until(lambda: surface.texts == ["long ago"])


async def test_without_a_partner_the_first_who_writes_is_the_one(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben, talking(town, ann, None) as (surface, _):
        surface.type("anybody?")
        await until(lambda: "to whom?" in "".join(surface.texts[-1:]))
        ben.send_text(ANN, "me")
        await until(lambda: surface.addressee == BEN_NAME)
        surface.type("hello you")
        await until(lambda: len(ben.unread()) == 1)


async def test_one_turns_to_somebody_else_with_a_command(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben, talking(town, ann, None) as (surface, _):
        surface.type("/to 12")
        surface.type("/to +49 1511 2345679")
        surface.type("//etc/hosts")
        await until(lambda: len(ben.unread()) == 1)
        assert "12 is not a phone number" in surface.texts[0]
        assert ben.unread()[0].text == "/etc/hosts"
        assert surface.entries[-1].name == f"you → {BEN_NAME}"


async def test_commands_are_explained_and_unknown_ones_named(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, talking(town, ann) as (surface, _):
        surface.type("/help")
        surface.type("/nonsense")
        await until(lambda: "/nonsense is not a command here; /help lists them" in surface.texts)
        assert any(text.startswith("/to") for text in surface.texts)
        assert all(entry.notice for entry in surface.entries)


async def test_a_message_that_was_refused_says_why(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, talking(town, ann, "+4915112340000") as (surface, _):
        surface.type("hello")
        await until(lambda: "was not sent: unknown-user" in "".join(surface.texts[-1:]))
        assert surface.states[-1][1] is MessageState.FAILED


async def test_the_state_of_the_line_is_shown(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, talking(town, ann) as (surface, _):
        await until(lambda: surface.status == "● online")
        town.network.unreachable["relay"] = None
        town.relay.cut_all()
        await until(lambda: surface.status.startswith("○ offline, reconnecting …"))
        del town.network.unreachable["relay"]
        await until(lambda: surface.status == "● online")


async def test_typing_is_shown_until_it_ends_or_is_forgotten(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await ann.wait_for(ann.send_text(BEN, "hello"), MessageState.DELIVERED)
        async with talking(town, ann) as (_, talk), talking(town, ben, ANN) as (surface, _):
            await trio.sleep(1)
            talk.set_typing(True)
            await until(lambda: surface.typing == ANN_NAME)
            talk.set_typing(False)
            await until(lambda: surface.typing is None)
            talk.set_typing(True)
            await until(lambda: surface.typing == ANN_NAME)
            began = trio.current_time()
            await until(lambda: surface.typing is None)
            assert trio.current_time() - began > TYPING_SECONDS - 1


async def test_who_is_there_is_shown_while_the_chat_is_open_and_no_longer(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await ann.wait_for(ann.send_text(BEN, "hello"), MessageState.DELIVERED)
        async with talking(town, ann) as (surface, _):
            async with talking(town, ben, ANN):
                await until(lambda: surface.presence == f"{BEN_NAME}: online")
            await until(lambda: surface.presence.startswith(f"{BEN_NAME}: last seen"))
            town.relay.cut_all()
            await until(lambda: surface.presence == "")
            await until(lambda: surface.presence != "")  # on the next connection
        await until(lambda: not town.relay.watchers[town.relay.device_of(BEN).address.user])


async def test_somebody_met_during_the_chat_is_watched_from_then_on(
    autojump_clock: MockClock, town: Town
) -> None:
    async with (
        town.open(ANN) as ann,
        town.open(BEN) as ben,
        talking(town, ann) as (surface, _),
        talking(town, ben, None),
    ):
        surface.type("hello")
        await until(lambda: surface.presence == f"{BEN_NAME}: online")


async def test_the_other_sides_name_is_fetched_and_shown_beside_the_number(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben, talking(town, ann) as (surface, _):
        ben._store.profiles.set_own(Profile("Ben"))
        ben.send_text(ANN, "hello")
        await until(lambda: surface.addressee == f"~Ben {BEN_NAME}")


async def test_a_full_relay_is_said_to_be_waited_for(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, talking(town, ann) as (surface, _):
        town.relay.refusals = [(ErrorCode.STORAGE_FULL, None)]
        surface.type("hello")
        await until(lambda: "a message of yours is waiting: the relay's storage is full" in surface.texts)
        await until(lambda: bool(surface.states) and surface.states[-1][1] is MessageState.ACCEPTED)


async def test_what_another_command_sends_on_the_same_home_is_shown_too(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, talking(town, ann) as (surface, _):
        await until(lambda: surface.status == "● online")
        with Store.open(town.home(ANN), town.entropy, town.clock) as store:
            store.queue_text(BEN, "from the command line")
        await until(lambda: surface.texts == ["from the command line"])
        assert surface.entries[0].name == f"you → {BEN_NAME}"


async def test_leaving_waits_a_moment_for_the_last_message(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        async with talking(town, ann) as (surface, _):
            surface.type("last words")
        assert [entry.state for entry in ann.history()] == [MessageState.ACCEPTED]


async def test_leaving_while_offline_says_what_still_waits(autojump_clock: MockClock, town: Town) -> None:
    town.network.unreachable["relay"] = None
    async with town.open(ANN) as ann:
        async with talking(town, ann) as (surface, _):
            surface.type("one")
            surface.type("two")
        assert surface.texts[-1] == "2 messages wait in the outbox and will go out next time"


def test_every_state_of_the_line_has_its_words() -> None:
    words = [painted(status_line(ConnectionChanged(each, "why")), colour=False) for each in Connectivity]
    assert len(dict.fromkeys(words)) == len(Connectivity)
    assert "(why)" in words[2]


async def test_answers_reactions_edits_and_deletions_are_seen_on_both_sides(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben, talking(town, ann) as (surface, _):
        surface.type("helo")
        await until(lambda: [entry.text for entry in ben.history()] == ["helo"])
        surface.type("/edit hello")
        await until(lambda: [entry.text for entry in ben.history()] == ["hello"])
        ben.react(ben.history()[0].message_id, "👍")
        await until(lambda: surface.texts == ["hello  (edited)  [👍]"])
        assert surface.notes[-1] == f"{BEN_NAME} reacted 👍 to “hello”"
        surface.type("/ids")
        await until(lambda: any(text.endswith("hello  (edited)  [👍]") for text in surface.texts[1:]))
        surface.type("/delete")
        await until(lambda: [entry.text for entry in ben.history()] == [None])
        assert surface.texts[0] == "(this message was deleted)"
        assert surface.notes == [
            "now: hello  (edited)",
            f"{BEN_NAME} reacted 👍 to “hello”",
            surface.notes[-1],
        ]
        assert surface.notes[-1] == "now: (this message was deleted)"


async def test_what_disappears_leaves_the_surface_with_what_quotes_it(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben, talking(town, ann) as (surface, _):
        surface.type("hello")
        await until(lambda: len(ben.unread()) == 1)
        surface.type("/rules disappear 30s")
        await until(lambda: surface.texts[-1] == "you let new messages disappear after 30 seconds")
        message_id = ben.send_text(ANN, "soon gone")
        await until(lambda: surface.texts[-1] == "soon gone")
        surface.type("/rules disappear off")
        await until(lambda: surface.texts[-1].startswith("you turned off"))
        surface.type(f"/reply #{message_id[:4]} seen")
        await until(lambda: surface.texts[-1] == "↩ “soon gone”  seen")
        await until(lambda: surface.removed == [message_id])
        assert surface.texts[-1] == "↩ “…”  seen"
        assert "soon gone" not in surface.texts


async def test_the_screen_is_cleared_and_the_messages_stay(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, talking(town, ann) as (surface, _):
        surface.type("hello")
        await until(lambda: surface.texts == ["hello"])
        surface.type("/clear")
        await until(lambda: surface.texts == [])
        assert [entry.text for entry in ann.history()] == ["hello"]


async def test_the_devices_of_the_account_are_shown_in_the_chat(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, talking(town, ann) as (surface, _):
        surface.type("/devices")
        await until(lambda: any("this one" in text for text in surface.texts))


async def test_a_device_is_linked_from_the_chat_and_what_is_wrong_is_said_there(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, talking(town, ann) as (surface, _):
        surface.type("/link hello")
        await until(lambda: any(text.startswith("not linked: ") for text in surface.texts))
