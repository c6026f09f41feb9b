"""What `/metrics` says: the figures of all workers, told apart by a label, and what the parent adds."""

import os
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock

from relay.crew import Post
from relay.figures import FAMILIES, worker_figures
from relay.node_report import Answers
from relay.prometheus import NODE_FAMILIES, exposition
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

TEXT = "text/plain;version=0.0.4"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"


def posts(count: int) -> list[Post]:
    return [Post(number, Path("nowhere"), lambda: None) for number in range(count)]


def scrape(of: list[Post], answers: Answers) -> dict[tuple[str, str], float]:
    """All samples, as {(name, value of the label "worker" or ""): value}; the last of several stands."""
    body, _ = exposition(of, answers, TEXT)
    return {
        (sample.name, sample.labels.get("worker", "")): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


async def test_every_family_is_exposed_once_and_nothing_of_ours_beside_them(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        figures = worker_figures(stage.running.worker)
    body, _ = exposition(posts(2), {0: figures, 1: figures}, TEXT)
    lines = body.decode().splitlines()
    helped = [line.removeprefix("# HELP ").split(" ", 1) for line in lines if line[:6] == "# HELP"]
    ours = [(name, text) for name, text in helped if name.startswith("roost_")]
    assert sorted(ours) == sorted([*FAMILIES.items(), *NODE_FAMILIES.items()])


async def test_workers_are_told_apart_by_their_label(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        quiet = worker_figures(stage.running.worker)
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        busy = worker_figures(stage.running.worker)
    figures = scrape(posts(2), {0: quiet, 1: busy})
    assert figures["roost_messages_accepted_total", "0"] == 0
    assert figures["roost_messages_accepted_total", "1"] == 1
    assert figures["roost_journal_commit_seconds_count", "1"] > 0


def test_a_worker_that_did_not_answer_is_down_and_the_others_are_shown() -> None:
    figures = scrape(
        posts(2), {1: [{"name": "roost_timers", "kind": "gauge", "help": "-", "samples": [("", {}, 3)]}]}
    )
    assert figures["roost_workers", ""] == 2
    assert (figures["roost_worker_up", "0"], figures["roost_worker_up", "1"]) == (0, 1)
    assert figures["roost_timers", "1"] == 3
    assert ("roost_timers", "0") not in figures


def test_restarts_are_counted_for_each_worker() -> None:
    (post,) = posts(1)
    for _ in range(3):
        post.line.began(4_711)
    assert scrape([post], {})["roost_worker_restarts_total", "0"] == 2


def test_each_process_has_its_own_figures_and_the_parent_s_have_no_label() -> None:
    of = posts(2)
    of[1].line.began(os.getpid())  # a process that certainly lives
    figures = scrape(of, {})
    for worker in ("", "1"):
        assert figures["process_resident_memory_bytes", worker] > 0
        assert figures["process_open_fds", worker] > 0
    assert ("process_open_fds", "0") not in figures


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS, ""])
def test_the_format_is_the_one_that_was_asked_for(accept: str) -> None:
    body, content_type = exposition(posts(1), {}, accept)
    wanted = "application/openmetrics-text" if accept == OPENMETRICS else "text/plain"
    assert content_type.startswith(wanted)
    assert body.endswith(b"# EOF\n") == (accept == OPENMETRICS)


def test_what_the_parent_adds_is_in_the_operations_manual_with_its_help() -> None:
    text = MANUAL.read_text()
    for name, help_text in NODE_FAMILIES.items():
        assert f"| `{name}` | {help_text} |" in text
