"""`roost top`: draws what a node serves, and says so plainly when there is nothing to draw."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from actors import Actor, open_actor_system
from roost import top
from supervisors import ChildSpec, Supervisor, tree_as_data


class Sleeper(Actor):
    async def handle(self, message: object) -> None:
        await trio.sleep_forever()


@pytest.fixture
def tree() -> dict[str, Any]:
    """A real tree: root over a and b, three messages waiting at b."""
    return trio.run(_grow, clock=MockClock(autojump_threshold=0))


async def _grow() -> dict[str, Any]:
    async with open_actor_system() as system:
        specs = [ChildSpec("a", Sleeper), ChildSpec("b", Sleeper)]
        await system.start(lambda: Supervisor(specs, name="root"))
        for _ in range(4):
            await system.actors[-1].tell("work")
        await trio.testing.wait_all_tasks_blocked()
        return tree_as_data(system)


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    top.add_arguments(parser)
    return parser.parse_args(words)


@contextmanager
def node_answering(body: bytes, status: int = 200) -> Iterator[str]:
    """An admin endpoint that answers GET /tree."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/tree" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its parent's name

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_once_prints_the_actors_with_the_longest_mailboxes_first(
    tree: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with node_answering(json.dumps(tree).encode()) as url:
        assert top.run(parse("--admin", url, "--once")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 actors, 3 messages waiting")
    assert lines[3].split()[0] == "3"
    assert lines[3].endswith("root/b")
    assert {line.split()[-1] for line in lines[4:]} == {"root", "root/a"}
    assert "\x1b" not in "".join(lines)


def test_once_as_json_prints_the_tree_as_it_came(
    tree: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with node_answering(json.dumps(tree).encode()) as url:
        assert top.run(parse("--admin", url, "--once", "--json")) == 0
    assert json.loads(capsys.readouterr().out) == tree


@pytest.mark.parametrize(
    ("body", "status"), [(b"not json", 200), (b"[]", 200), (b"{}", 200), (b"{}", 503)], ids=str
)
def test_an_answer_that_is_no_tree_is_an_error_in_one_line(
    body: bytes, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with node_answering(body, status) as url:
        assert top.run(parse("--admin", url, "--once")) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "file:///etc/passwd", "nonsense"])
def test_a_node_that_cannot_be_reached_is_an_error_in_one_line(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert top.run(parse("--admin", url, "--once")) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_live_it_draws_until_it_is_interrupted(
    tree: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    with node_answering(json.dumps(tree).encode()) as url, pytest.raises(KeyboardInterrupt):
        top.run(parse("--admin", url))
    assert "root/b" in capsys.readouterr().out


def test_the_screen_is_never_larger_than_the_terminal(tree: dict[str, Any]) -> None:
    lines = top.render(tree, width=30, height=4).splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) <= 30


def test_what_a_node_did_not_list_is_counted(tree: dict[str, Any]) -> None:
    tree["children"][0]["children_omitted"] = 99
    assert top.render(tree, 200, None).splitlines()[0].startswith("102 actors (99 not listed)")


def test_a_tree_of_another_version_is_drawn_as_far_as_it_is_known() -> None:
    text = top.render({"name": "old", "children": [{"name": "child", "state": "restarting"}]}, 200, None)
    assert "old/child [restarting]" in text


@pytest.mark.parametrize("interval", ["0", "-1", "inf", "soon"])
def test_an_interval_that_makes_no_sense_is_a_usage_error(interval: str) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("--interval", interval)
    assert caught.value.code == 2
