"""What a worker says of itself: every figure by its documented name, true to what it counts."""

import json
from pathlib import Path

from trio.testing import MockClock

from protocol import Refused
from relay.figures import FAMILIES, worker_figures
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage

MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"


def figures_of(stage: Stage) -> dict[tuple[str, str], float]:
    """All samples, as {(name, values of the labels): value}."""
    return {
        (family["name"] + suffix, ",".join(labels.values())): value
        for family in worker_figures(stage.running.worker)
        for suffix, labels, value in family["samples"]
    }


async def test_every_family_is_there_once_and_nothing_beside_them(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        families = worker_figures(stage.running.worker)
        assert json.loads(json.dumps(families))
    assert {family["name"]: family["help"] for family in families} == FAMILIES
    assert len(families) == len(FAMILIES)


async def test_messages_and_queues_are_counted(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        for number in (1, 2):
            anna.send(stage.ben.address.user, number)
        await anna.expect_accepted(2)
        anna.send(stage.ben.address.user, 2)
        anna.send(stage.ben.address.user, 9)
        await anna.expect(Refused)
        before = figures_of(stage)
        ben = await stage.ben.connect()
        ben.ack((await ben.expect_deliveries(2))[-1].seq)
        await stage.settled(ben)
        after = figures_of(stage)
    assert before["roost_messages_accepted_total", ""] == 2
    assert before["roost_messages_duplicate_total", ""] == 1
    assert before["roost_refusals_total", "out-of-order"] == 1
    assert (before["roost_queued_messages", ""], after["roost_queued_messages", ""]) == (2, 0)
    assert after["roost_deliveries_acknowledged_total", ""] == 2
    assert after["roost_actors", "Mailbox"] == 2


async def test_connections_are_counted_by_state(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await stage.anna.connect()
        await stage.stranger()
        figures = figures_of(stage)
    states = {state: figures["roost_connections", state] for state in ("handshake", "stranger", "online")}
    assert states == {"handshake": 0, "stranger": 1, "online": 1}


async def test_commits_are_a_histogram_whose_buckets_add_up(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        commits = stage.running.worker.journal.raw.statistics().commits
        figures = figures_of(stage)
    assert figures["roost_journal_commit_seconds_count", ""] == commits > 0
    buckets = [value for (name, _), value in figures.items() if name == "roost_journal_commit_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert buckets[-1] == commits


async def test_readiness_is_a_figure_with_its_reasons(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        assert figures_of(stage)["roost_ready", ""] == 1
        stage.running.worker.presence.handshakes = stage.running.worker.config.max_handshakes
        figures = figures_of(stage)
        assert (figures["roost_ready", ""], figures["roost_not_ready", "handshakes"]) == (0, 1)


async def test_a_restart_is_counted_under_its_supervisor(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await stage.ben.connect()
        dead = stage.crash_mailbox(stage.ben)
        await stage.until_mailbox_restarted(stage.ben, dead)
        figures = figures_of(stage)
    assert figures["roost_actor_restarts_total", "mailboxes"] == 1
    assert figures["roost_actor_crashes_total", ""] == 1


def test_names_follow_the_conventions() -> None:
    for name in FAMILIES:
        assert name.startswith("roost_")
        assert name == name.lower()
        assert not name.endswith(("_count", "_sum", "_bucket", "_ms", "_milliseconds", "_kb"))


def test_every_metric_is_in_the_operations_manual_with_its_help() -> None:
    text = MANUAL.read_text()
    for name, help_text in FAMILIES.items():
        assert f"| `{name}` | {help_text} |" in text
