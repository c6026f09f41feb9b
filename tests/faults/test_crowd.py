"""faults/real/crowd.py: processes that are started, told, stopped and killed; once with all that is real."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from client.relay_url import parse_relay_url
from faults.real import crowd as crowd_module
from faults.real.checker import check
from faults.real.crowd import ClientProcess, Crowd
from faults.real.fault import Broken
from faults.real.ledger import Life
from faults.real.node import NodeProcess
from faults.real.orders import Orders, Role, Word
from faults.real.orphans import Watcher
from faults.real.processes import is_running, is_stopped

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 120.0  # for what takes seconds on a machine that does nothing else
POLL_SECONDS = 0.02
CALM, ENDS, RESTLESS, STUBBORN = range(4)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients without phones."""
    monkeypatch.setattr(crowd_module, "CLIENT", "tests.faults.stand_in_client")


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    """Ends what a test leaves behind."""
    with Watcher() as watcher:
        yield watcher


def crowd_in(folder: Path, watcher: Watcher, seed: int = CALM, clients: int = 2) -> Crowd:
    """A crowd that is not there yet."""
    ports = {"c0": 4_001, "c1": 4_002}
    return Crowd(
        folder, b"k" * 32, folder / "sms.jsonl", ports.__getitem__, clients=clients, seed=seed, minder=watcher
    )


def told(client: ClientProcess) -> list[str]:
    """What a stand-in has been told in all its lives."""
    return client.ledger.read_text().split() if client.ledger.exists() else []


async def until_told(client: ClientProcess, *words: Word) -> None:
    """It has been told this."""
    with trio.fail_after(PATIENCE_SECONDS):
        while told(client) != [word.value for word in words]:  # noqa: ASYNC110 - another process
            await trio.sleep(POLL_SECONDS)


# ---- who is who ----


def test_orders_are_read_as_they_were_saved(tmp_path: Path) -> None:
    orders = Orders(
        "c0",
        "/homes",
        "/c0.jsonl",
        "/c0.traps",
        "roost://127.0.0.1:1#k",
        "/sms",
        (Role("p00", "+491713920001", has_companion=True),),
        {"p00": "+491713920001"},
        {"g0": ("p00", "p01")},
        seed=7,
        rate=0.5,
    )
    orders.save(tmp_path / "c0.json")
    assert Orders.load(tmp_path / "c0.json") == orders


def test_each_client_has_people_of_its_own_and_a_port_of_its_own(tmp_path: Path, watcher: Watcher) -> None:
    crowd = crowd_in(tmp_path, watcher)
    people = [role.person for client in crowd.clients for role in client.orders.roles]
    assert people == [f"p{number:02}" for number in range(8)]
    assert [parse_relay_url(client.orders.relay).port for client in crowd.clients] == [4_001, 4_002]
    numbers = crowd.clients[0].orders.everybody
    assert len(set(numbers.values())) == 8


def test_groups_are_of_people_of_several_clients(tmp_path: Path, watcher: Watcher) -> None:
    orders = crowd_in(tmp_path, watcher).clients[0].orders
    own = {role.person for role in orders.roles}
    for members in orders.groups.values():
        assert len(set(members)) == 4
        assert own & set(members)
        assert set(members) - own


# ---- processes ----


async def test_everybody_writes_once_all_have_joined(
    tmp_path: Path, watcher: Watcher, stand_ins: None
) -> None:
    crowd = crowd_in(tmp_path, watcher)
    try:
        await crowd.start()
        for client in crowd.clients:
            await until_told(client, Word.WRITE)
    finally:
        await crowd.close()
    assert not any(client.is_running for client in crowd.clients)


async def test_a_crowd_that_cannot_join_says_why(tmp_path: Path, watcher: Watcher, stand_ins: None) -> None:
    crowd = crowd_in(tmp_path, watcher, ENDS)
    with pytest.raises(Broken, match=r"c0 ended before it was joined: there is no relay.*; c1 ended"):
        await crowd.start()
    await crowd.close()


async def test_a_client_that_was_killed_is_told_again_what_to_do(
    tmp_path: Path, watcher: Watcher, stand_ins: None
) -> None:
    crowd = crowd_in(tmp_path, watcher)
    client = crowd.clients[0]
    try:
        await crowd.start()
        await until_told(client, Word.WRITE)
        await client.kill()
        assert not client.is_running
        client.tell(Word.QUIET)  # nobody hears it yet
        client.start()
        await until_told(client, Word.WRITE, Word.QUIET)
    finally:
        await crowd.close()


async def test_a_client_stands_still_until_it_goes_on_and_can_be_killed_meanwhile(
    tmp_path: Path, watcher: Watcher, stand_ins: None
) -> None:
    crowd = crowd_in(tmp_path, watcher)
    first, second = crowd.clients
    try:
        await crowd.start()
        for client in crowd.clients:
            client.pause()
        with trio.fail_after(PATIENCE_SECONDS):
            while not (is_stopped(first.pid) and is_stopped(second.pid)):  # noqa: ASYNC110
                await trio.sleep(POLL_SECONDS)
        first.go_on()
        first.tell(Word.QUIET)
        await first.until(Word.SETTLED)
        await second.kill()
        assert not is_running(second.pid)
    finally:
        await crowd.close()


async def test_quiet_names_who_has_not_settled_and_all_show_what_they_have(
    tmp_path: Path, watcher: Watcher, stand_ins: None
) -> None:
    crowd = crowd_in(tmp_path, watcher, RESTLESS)
    try:
        await crowd.start()
        await crowd.clients[0].kill()
        assert await crowd.quiet(0.2) == ["c1"]
        await until_told(crowd.clients[1], Word.WRITE, Word.QUIET, Word.SHOW)
    finally:
        await crowd.close()


async def test_closing_a_crowd_ends_a_client_that_stands_still_and_one_that_does_not_listen(
    tmp_path: Path, watcher: Watcher, stand_ins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd_module, "STOP_SECONDS", 0.2)
    crowd = crowd_in(tmp_path, watcher, STUBBORN)
    await crowd.start()
    crowd.clients[0].pause()
    await crowd.close()
    await crowd.close()  # harmless
    assert [client.process.returncode for client in crowd.clients if client.process is not None] == [
        -signal.SIGKILL,
        -signal.SIGKILL,
    ]


async def test_the_watcher_ends_clients_whose_run_is_gone(tmp_path: Path, stand_ins: None) -> None:
    with Watcher() as watcher:
        crowd = crowd_in(tmp_path, watcher, STUBBORN)
        await crowd.start()
    for client in crowd.clients:
        assert client.process is not None
        assert client.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    await crowd.close()


# ---- with all that is real ----


async def test_what_was_accepted_outlives_killed_clients(tmp_path: Path, watcher: Watcher) -> None:
    node = NodeProcess(tmp_path / "node", workers=1, minder=watcher)
    await node.start()
    crowd = Crowd(
        tmp_path / "crowd",
        node.key,
        node.sms,
        lambda _name: node.port,
        clients=2,
        phones=2,
        companions=1,
        rate=4.0,
        minder=watcher,
    )
    try:
        await crowd.start()
        for client in crowd.clients:
            await until_written(client, 10)
            await client.kill()
            client.start()
        for client in crowd.clients:
            await until_written(client, 20)
        assert await crowd.quiet(PATIENCE_SECONDS) == []
    finally:
        await crowd.close()
        await node.close()
    findings = check(crowd.records())
    assert findings.violations == []
    assert findings.counts["accepted"] > 30
    lives = [record.life for record in crowd.records() if isinstance(record, Life)]
    assert sorted(lives) == [1] * 6 + [2] * 6


async def until_written(client: ClientProcess, count: int) -> None:
    """A client's ledger has so many words of having written more than now."""
    begin = client.ledger.read_bytes().count(b'"wrote"')
    with trio.fail_after(PATIENCE_SECONDS):
        while client.ledger.read_bytes().count(b'"wrote"') < begin + count:  # noqa: ASYNC110
            await trio.sleep(POLL_SECONDS)
