"""The parent knows how each worker is doing without asking it, and never waits for one that hangs."""

from dataclasses import replace
from pathlib import Path

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors import open_actor_system
from relay.config import Config, HostPort
from relay.control import child_spec, control_path
from relay.crew import Crew, worker_commands
from relay.device_port import open_device_port
from supervisors import Reserve


async def test_a_crew_is_ready_when_the_last_of_it_is(autojump_clock: MockClock) -> None:
    crew = Crew(Path("nowhere"), 2)
    first, second = crew
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crew.wait_until_ready)
        for post in (first, second):
            post.line.began(4_711)
        first.line.is_up()
        await wait_all_tasks_blocked()
        assert ready_now(crew) is False
        second.line.is_up()
    assert ready_now(crew) is True
    first.line.ended()
    assert ready_now(crew) is False


def ready_now(crew: Crew) -> bool:
    return crew.is_ready


async def test_a_first_life_that_ends_before_it_served_is_noticed(autojump_clock: MockClock) -> None:
    crew = Crew(Path("nowhere"), 2)
    post = crew.posts[1]
    post.line.began(4_711)
    assert not post.could_not_start
    post.line.ended()
    with trio.fail_after(1):
        assert await crew.wait_for_failed_start() is post


async def test_a_later_life_that_ends_early_is_the_supervisor_s_business(autojump_clock: MockClock) -> None:
    post = Crew(Path("nowhere"), 1).posts[0]
    post.line.began(4_711)
    post.line.is_up()
    post.line.ended()
    post.line.began(4_712)
    post.line.ended()
    assert not post.could_not_start
    assert post.restarts == 1


async def test_all_are_asked_at_once_and_those_who_answer_are_listed_in_order(tmp_path: Path) -> None:
    (tmp_path / "volatile").mkdir()

    async def seven() -> int:
        return 7

    async with open_actor_system() as system:
        for number in (2, 0):
            await system.start(child_spec(control_path(tmp_path, number), {"number": seven}).start)
        assert list((await Crew(tmp_path, 3).ask("number")).items()) == [(0, 7), (2, 7)]


async def test_a_worker_s_command_shows_no_setting_to_who_lists_processes() -> None:
    port = await open_device_port(HostPort("127.0.0.1", 0), 2)
    config = Config(sms="webhook:https://sms.example/send?key=a-secret", workers=2)
    first, second = worker_commands(config, "1.2", port, ["--log", "json"], Reserve())
    assert first.argv[1:] == ["-m", "roost", "worker", "--log", "json"]
    assert "a-secret" not in repr(first)
    assert b"a-secret" in first.input
    assert first.pass_fds == port.descriptors
    # One that waits can become either: they differ in nothing but what they are told.
    assert replace(first, input=second.input) == second
    port.close()


async def test_workers_that_start_side_by_side_are_given_more_time_the_more_there_are() -> None:
    async def patience(workers: int) -> float:
        port = await open_device_port(HostPort("127.0.0.1", 0), workers)
        commands = worker_commands(Config(workers=workers), "1.2", port, [], Reserve())
        port.close()
        return min(command.start_seconds for command in commands)

    # A start takes two seconds of a core at most, so 64 of them are ready on one core before that.
    assert await patience(64) >= 60 + 64 * 2
    assert await patience(64) > await patience(2)
