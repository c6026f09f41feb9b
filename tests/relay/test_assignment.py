"""A worker is told all it needs in one line, and nothing that it does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from relay.assignment import Assignment, decode, read_assignment
from relay.config import SETTINGS, Config, HostPort, load
from relay.errors import ConfigError, NotAssignedError
from tests.test_deploy import EXAMPLE

SETTLED = replace(
    Config(),
    listen=HostPort("::1", 5252),
    data=Path("/var/lib/roost"),
    sms="webhook:https://sms.example/send?key=1",
    workers=4,
    limit_codes=load(None, {"ROOST_LIMIT_CODES": "7/min burst 9"}, {}).limit_codes,
    test_hooks=True,
)


@pytest.mark.parametrize(
    "config", [Config(), SETTLED, load(EXAMPLE, {}, {})], ids=["plain", "settled", "file"]
)
def test_every_setting_arrives_as_it_was(config: Config) -> None:
    told = Assignment(3, "1.2.3", (7, 8, 9, 10), config)
    assert decode(told.encode()) == replace(told, config=replace(config, admin=None))


def test_what_only_the_parent_needs_stays_with_the_parent() -> None:
    config = replace(Config(), admin_token="a-secret-of-the-operator", ready_file=Path("ready.json"))
    line = Assignment(0, "1", (7,), config).encode()
    assert b"a-secret" not in line
    assert b"ready" not in line
    heard = decode(line).config
    assert (heard.admin, heard.admin_token, heard.ready_file) == (None, None, None)


def test_it_is_one_line_that_fits_into_a_pipe() -> None:
    line = Assignment(63, "1", (7,), SETTLED).encode()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert len(line) < 8 * 1024


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_it_is_read_in_whatever_pieces_it_comes(size: int) -> None:
    told = Assignment(1, "1", (7,), SETTLED)
    line = told.encode()
    pieces = [line[at : at + size] for at in range(0, len(line), size)]
    assert read_assignment(lambda _: pieces.pop(0)).number == 1
    assert pieces == []


@pytest.mark.parametrize("line", [b"", b"\n", b"{}\n", b"[]\n", b'{"number": "x"}\n', b"x" * 40_000])
def test_anything_else_is_no_assignment(line: bytes) -> None:
    pieces = [line, b""]
    with pytest.raises(NotAssignedError, match="roost serve"):
        read_assignment(lambda _: pieces.pop(0))


@pytest.mark.parametrize("key", ["colour", "admin_token"])
def test_a_setting_that_a_worker_does_not_know_is_refused_by_name(key: str) -> None:
    assert key not in SETTINGS or key == "admin_token"
    line = Assignment(0, "1", (7,), Config()).encode().replace(b'"workers"', f'"{key}"'.encode())
    with pytest.raises(ConfigError, match=key):
        decode(line)


def test_a_value_that_a_worker_cannot_use_is_refused_by_name() -> None:
    line = Assignment(0, "1", (7,), Config()).encode().replace(b'"workers": "1"', b'"workers": "1000"')
    with pytest.raises(ConfigError, match="workers"):
        decode(line)
