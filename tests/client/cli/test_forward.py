import json
from pathlib import Path

from client.cli import forward, history, listen, rules, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN


def received(pair: Desk, text: str) -> str:
    """Ann writes to Ben; the message's id."""
    assert pair.run(send, "--home", pair.home("ann"), "--to", BEN, text).status == 0
    (event,) = pair.run(listen, "--home", pair.home("ben"), "--count", 1, "--json").objects
    return str(event["id"])


def test_a_copy_goes_out_that_says_so(pair: Desk) -> None:
    message_id = received(pair, "news")
    assert pair.run(forward, "--home", pair.home("ben"), message_id, "--to", ANN).status == 0
    (event,) = pair.run(listen, "--home", pair.home("ann"), "--count", 1, "--json").objects
    assert (event["text"], event["forwards"]) == ("news", 1)
    assert "↪ forwarded  news" in pair.run(history, "--home", pair.home("ann")).out


def test_from_a_chat_that_is_kept_here_nothing_is_forwarded_or_exported(pair: Desk, tmp_path: Path) -> None:
    message_id = received(pair, "between us")
    ben = pair.home("ben")
    assert pair.run(rules, "--home", ben, ANN, "--keep-here", "on").status == 0
    sentence = "error: kept-here: this chat is kept here: its messages are neither forwarded nor exported\n"
    refused = pair.run(forward, "--home", ben, message_id, "--to", ANN)
    assert (refused.status, refused.err) == (3, sentence)
    refused = pair.run(history, "--home", ben, "--with", ANN, "--export", tmp_path / "one.jsonl")
    assert (refused.status, refused.err) == (3, sentence)
    rest = pair.run(history, "--home", ben, "--export", tmp_path / "all.jsonl")
    assert (rest.status, rest.out) == (0, f"0 messages written to {tmp_path / 'all.jsonl'}\n")
    assert rest.err == "left out: 2 messages of chats that are kept here\n"


def test_an_export_is_a_file_for_its_owner_alone_and_written_over_none(pair: Desk, tmp_path: Path) -> None:
    received(pair, "for the archive")
    path = tmp_path / "archive.jsonl"
    assert pair.run(history, "--home", pair.home("ben"), "--export", path).status == 0
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["text"] == "for the archive"
    assert path.stat().st_mode & 0o777 == 0o600
    assert pair.run(history, "--home", pair.home("ben"), "--export", path).status == 2
