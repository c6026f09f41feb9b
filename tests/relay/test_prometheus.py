"""What `/metrics` says: every figure by its documented name, true to what the node counts."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock

from protocol import Refused
from relay.prometheus import FAMILIES, Exposition
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage

TEXT = "text/plain;version=0.0.4"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"


def scrape(stage: Stage) -> dict[tuple[str, str], float]:
    """All samples, as {(name, value of the label or ""): value}."""
    body, _ = Exposition(stage.running.worker).render(TEXT)
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


async def test_every_family_is_exposed_and_nothing_of_ours_beside_them(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        body, _ = Exposition(stage.running.worker).render(TEXT)
        lines = body.decode().splitlines()
        helped = dict(line.removeprefix("# HELP ").split(" ", 1) for line in lines if line[:6] == "# HELP")
        ours = {name: text for name, text in helped.items() if name.startswith("roost_")}
        assert ours == FAMILIES


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
        before = scrape(stage)
        ben = await stage.ben.connect()
        ben.ack((await ben.expect_deliveries(2))[-1].seq)
        await stage.settled(ben)
        after = scrape(stage)
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
        figures = scrape(stage)
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
        figures = scrape(stage)
    assert figures["roost_journal_commit_seconds_count", ""] == commits > 0
    buckets = [value for (name, _), value in figures.items() if name == "roost_journal_commit_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert buckets[-1] == commits


async def test_readiness_is_a_figure_with_its_reasons(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        assert scrape(stage)["roost_ready", ""] == 1
        stage.running.worker.presence.handshakes = stage.running.worker.config.max_handshakes
        figures = scrape(stage)
        assert (figures["roost_ready", ""], figures["roost_not_ready", "handshakes"]) == (0, 1)


async def test_a_restart_is_counted_under_its_supervisor(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await stage.ben.connect()
        dead = stage.crash_mailbox(stage.ben)
        await stage.until_mailbox_restarted(stage.ben, dead)
        figures = scrape(stage)
    assert figures["roost_actor_restarts_total", "mailboxes"] == 1
    assert figures["roost_actor_crashes_total", ""] == 1


async def test_the_process_has_its_own_figures(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        figures = scrape(stage)
    assert figures["process_resident_memory_bytes", ""] > 0
    assert figures["process_open_fds", ""] > 0


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS, ""])
async def test_the_format_is_the_one_that_was_asked_for(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, accept: str
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        body, content_type = Exposition(stage.running.worker).render(accept)
    wanted = "application/openmetrics-text" if accept == OPENMETRICS else "text/plain"
    assert content_type.startswith(wanted)
    assert body.endswith(b"# EOF\n") == (accept == OPENMETRICS)


def test_names_follow_the_conventions() -> None:
    for name in FAMILIES:
        assert name.startswith("roost_")
        assert name == name.lower()
        assert not name.endswith(("_count", "_sum", "_bucket", "_ms", "_milliseconds", "_kb"))


def test_every_metric_is_in_the_operations_manual_with_its_help() -> None:
    text = MANUAL.read_text()
    for name, help_text in FAMILIES.items():
        assert f"| `{name}` | {help_text} |" in text
