"""docs/wire-protocol.md is true: its tables and diagrams are the code's, its examples replay byte by byte."""

import re
from pathlib import Path

import pytest

from protocol import (
    Accepted,
    Available,
    Bind,
    ChangeSettings,
    ChatProgress,
    ClientConnection,
    DeviceAddress,
    DeviceId,
    FetchProfile,
    Hello,
    KeyPair,
    MessageNumber,
    Part,
    Presence,
    Profile,
    ProfileStored,
    Progresses,
    Refused,
    RelayConnection,
    Run,
    Send,
    Seq,
    Stanza,
    Subscribe,
    UserId,
    Welcome,
)
from protocol.channel import Channel
from protocol.codec import join_frame, write_stanza
from protocol.errors import RemoteProtocolError
from protocol.ids import Handle
from protocol.schema import Sender
from protocol.tables import BLOCKS, main, rewrite, table

PAGE = Path(__file__).parents[2] / "docs" / "wire-protocol.md"
TEXT = PAGE.read_text(encoding="utf-8")

RELAY_KEY = KeyPair.from_private_bytes(b"\x11" * 32)
DEVICE_KEY = KeyPair.from_private_bytes(b"\x22" * 32)
ALICE, BOB = UserId(0x0123456789ABCDEF), UserId(0x1122334455667788)
WELCOME = Welcome(ALICE, DeviceId(1), 1_700_000_000_000, 30, 256, 0)
SEND = Send(BOB, MessageNumber(1), b"hello")
ACCEPTED = Accepted(BOB, MessageNumber(1))


def test_the_page_has_every_block_as_the_code_says_it_today() -> None:
    assert rewrite(TEXT) == TEXT, "run: python -m protocol.tables --write docs/wire-protocol.md"
    for name in BLOCKS:
        assert f"<!-- table: {name} -->" in TEXT


def test_writing_puts_a_changed_block_right(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: errors -->\nwrong\n<!-- end -->\nafter\n")
    assert main(["--write", str(page)]) == 0
    assert page.read_text() == f"before\n<!-- table: errors -->\n{BLOCKS['errors']()}<!-- end -->\nafter\n"


def test_without_a_page_everything_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(block() in printed for block in BLOCKS.values())


def test_a_bar_inside_a_cell_does_not_break_the_table() -> None:
    assert table(("a",), [("x|y",)]) == "| a |\n| --- |\n| x\\|y |\n"


@pytest.mark.parametrize("pattern", ["XX", "IK"])
def test_the_conversation_of_the_page_comes_out_byte_for_byte(pattern: str) -> None:
    block = re.search(rf"```example {pattern}\n(.*?)```", TEXT, re.DOTALL)
    assert block is not None
    *lines, name = block[1].splitlines()
    relay_key = RELAY_KEY.public if pattern == "IK" else None
    client = ClientConnection(
        DEVICE_KEY, relay_key, Hello(resume_seq=Seq(41), client_name="doc/1"), lambda size: b"\x33" * size
    )
    relay = RelayConnection(RELAY_KEY, lambda size: b"\x44" * size, knows=lambda key: True)
    written = carry(client, relay)
    for end, stanza in ((relay, WELCOME), (client, SEND), (relay, ACCEPTED)):
        end.send(stanza)
        written += carry(client, relay)
    assert written == lines
    assert relay.handshake_hash is not None
    assert name == f"# {relay.handshake_hash.hex()}"


def carry(client: ClientConnection, relay: RelayConnection) -> list[str]:
    """Carry bytes until both are silent; return what was written, as the page shows it."""
    written = []
    ways: list[tuple[str, Channel, Channel]] = [("C", client, relay), ("R", relay, client)]
    while client.has_data_to_send or relay.has_data_to_send:
        for letter, speaker, listener in ways:
            data = speaker.data_to_send()
            if data:
                written.append(f"{letter} {data.hex()}")
                listener.receive_data(data)
                relay.proceed()
    return written


def test_the_plaintexts_of_the_page_are_right() -> None:
    def plaintext(name: str) -> str:
        line = re.search(rf"^{name}  +(.*)$", TEXT, re.MULTILINE)
        assert line is not None
        return line[1].replace(" ", "")

    welcome = join_frame([write_stanza(WELCOME, Sender.RELAY, lambda address: Handle(0))])
    assert plaintext("Welcome") == welcome.hex()
    send = join_frame([write_stanza(SEND, Sender.CLIENT, lambda address: Handle(0))])
    assert (
        plaintext("Bind, Send") == join_frame([(11, 0, bytes.fromhex("1122334455667788"))]).hex() + send.hex()
    )
    accepted = join_frame([write_stanza(ACCEPTED, Sender.RELAY, lambda address: Handle(0))])
    assert plaintext("Accepted") == accepted.hex()


PEER = UserId(1_311_768_467_463_790_320)
N = MessageNumber
NAMED: dict[str, tuple[Sender, Stanza]] = {
    "Send(0, 1, ((1, b'hello'),))": (
        Sender.CLIENT, Send(PEER, MessageNumber(1), (Part(DeviceId(1), b"hello"),)),
    ),
    "Bind(1, 1122334455667788.1, '+491713920001')": (
        Sender.RELAY, Bind(Handle(1), DeviceAddress(BOB, DeviceId(1)), "+491713920001"),
    ),
    "Refused(0, 3, 66, 2)": (Sender.RELAY, Refused(PEER, MessageNumber(3), 66, 2)),
    "Refused(0, 3, 65, (1, 2))": (Sender.RELAY, Refused(PEER, MessageNumber(3), 65, (1, 2))),
    "Progresses(9, ((5, 7, 4, 4, ((5, 6),)),))": (
        Sender.RELAY, Progresses(9, (ChatProgress(UserId(5), N(7), N(4), N(4), (Run(N(5), N(6)),)),)),
    ),
    "Available()": (Sender.CLIENT, Available()),
    "Subscribe(0)": (Sender.CLIENT, Subscribe(PEER)),
    "Presence(0, 1)": (Sender.RELAY, Presence(PEER, 1)),
    "Presence(0, 0, 1700000000)": (Sender.RELAY, Presence(PEER, 0, 1_700_000_000)),
    f"FetchProfile(7, {PEER}, 0, 0)": (Sender.CLIENT, FetchProfile(7, PEER, 0, 0)),
    "Profile(7, 0, b'')": (Sender.RELAY, Profile(7, 0, b"")),
    "ChangeSettings(8, None, (5,), (), (), ())": (
        Sender.CLIENT, ChangeSettings(8, None, (UserId(5),), (), (), ()),
    ),
    "ProfileStored(9)": (Sender.RELAY, ProfileStored(9)),
}  # fmt: skip
"""Stanzas as the page writes them; a chat is written as its handle, 0."""


def test_the_other_stanzas_are_what_the_page_says() -> None:
    block = re.search(r"```stanzas\n(.*?)```", TEXT, re.DOTALL)
    assert block is not None
    shown = [re.split(r"  +", line[2:]) for line in block[1].splitlines()]
    assert [name for name, _ in shown] == list(NAMED)
    for (name, hexadecimal), line in zip(shown, block[1].splitlines(), strict=True):
        sender, stanza = NAMED[name]
        assert line[0] == sender.value
        written = join_frame([write_stanza(stanza, sender, lambda address: Handle(0))])
        assert hexadecimal.replace(" ", "") == written.hex(), name


def test_the_keys_of_the_page_are_right() -> None:
    assert RELAY_KEY.public.hex() in TEXT
    assert DEVICE_KEY.public.hex() in TEXT


def test_the_page_names_every_kind_of_fault() -> None:
    for error in RemoteProtocolError.__subclasses__():
        assert f"`{error.kind}`" in TEXT
