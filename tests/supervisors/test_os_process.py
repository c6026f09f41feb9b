"""OS processes as children: real processes, real signals, and no sleeping."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from actors import KILLED, NORMAL, SHUTDOWN, ActorRef, ActorSystem, StartError
from supervisors import (
    ChildSpecError,
    ChildStartError,
    ChildState,
    Command,
    OsProcess,
    ProcessEndedError,
    ProcessNotReadyError,
    Restart,
    Shutdown,
    Succession,
    Supervisor,
    SupervisorHandle,
    WhatPid,
    process_spec,
    tell_failure,
    tell_ready,
)
from supervisors.process import READY_FD_VARIABLE

READY = "import os; os.write(int(os.environ['ROOST_READY_FD']), b'ready');"
UNTIL_PARENT_DIES = "import sys; sys.stdin.read()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"


def python(
    code: str, ready: bool = True, start_seconds: float = 30.0, in_background: bool = False
) -> Command:
    # -I -S: a child that starts in 10 ms instead of 50.
    argv = [sys.executable, "-I", "-S", "-c", code]
    return Command(argv, ready=ready, start_seconds=start_seconds, in_background=in_background)


STAYS = python(READY + UNTIL_PARENT_DIES)
STAYS_DEAF = python(DEAF + READY + UNTIL_PARENT_DIES)


async def pid_of(ref: ActorRef) -> int:
    pid = await ref.ask(WhatPid())
    assert isinstance(pid, int)
    return pid


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_process_runs_when_its_start_returns(system: ActorSystem) -> None:
    ref = await system.start(lambda: OsProcess(STAYS))
    assert is_running(await pid_of(ref))


async def test_a_process_that_says_nothing_counts_as_ready_if_nothing_is_expected(
    system: ActorSystem,
) -> None:
    ref = await system.start(lambda: OsProcess(python(UNTIL_PARENT_DIES, ready=False)))
    assert is_running(await pid_of(ref))


async def test_a_process_of_which_no_word_is_expected_has_nobody_to_tell(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(READY_FD_VARIABLE, "1")  # as if we had been started by a supervisor ourselves
    checks = f"import os; raise SystemExit({READY_FD_VARIABLE!r} in os.environ)"
    ref = await system.start(lambda: OsProcess(python(checks, ready=False)))
    assert await ref.wait_stopped() == NORMAL


async def test_a_process_that_ends_before_it_is_ready_is_a_failed_start(system: ActorSystem) -> None:
    with pytest.raises(StartError) as caught:
        await system.start(lambda: OsProcess(python("raise SystemExit(3)")))
    error = caught.value.reason.error
    assert isinstance(error, ProcessEndedError)
    assert error.status == 3
    assert "exited with status 3" in str(error)


async def test_a_process_that_is_not_ready_in_time_is_killed(system: ActorSystem) -> None:
    slow = python(UNTIL_PARENT_DIES, start_seconds=0.05)
    with pytest.raises(StartError) as caught:
        await system.start(lambda: OsProcess(slow))
    assert isinstance(caught.value.reason.error, ProcessNotReadyError)
    await trio.testing.wait_all_tasks_blocked()
    with trio.fail_after(30):
        for ref in system.actors:
            await ref.wait_stopped()


async def test_a_program_that_is_not_there_is_a_failed_start(system: ActorSystem) -> None:
    with pytest.raises(StartError) as caught:
        await system.start(lambda: OsProcess(Command(["/no/such/program"])))
    assert isinstance(caught.value.reason.error, FileNotFoundError)


async def test_exit_status_zero_is_a_normal_end(system: ActorSystem) -> None:
    ref = await system.start(lambda: OsProcess(python(READY)))
    assert await ref.wait_stopped() == NORMAL


async def test_any_other_exit_status_is_a_crash_that_carries_it(system: ActorSystem) -> None:
    ref = await system.start(lambda: OsProcess(python(READY + "raise SystemExit(7)")))
    error = (await ref.wait_stopped()).error
    assert isinstance(error, ProcessEndedError)
    assert error.status == 7


async def test_a_process_ended_by_a_signal_is_a_crash_that_names_it(system: ActorSystem) -> None:
    ref = await system.start(lambda: OsProcess(STAYS))
    os.kill(await pid_of(ref), signal.SIGKILL)
    error = (await ref.wait_stopped()).error
    assert isinstance(error, ProcessEndedError)
    assert (error.status, str(error).split(" ", 1)[1]) == (-9, "was ended by SIGKILL")


async def test_stopping_asks_by_sigterm_and_waits(system: ActorSystem) -> None:
    ref = await system.start(lambda: OsProcess(STAYS))
    pid = await pid_of(ref)
    await ref.stop(SHUTDOWN)
    assert ref.exit_reason == SHUTDOWN
    assert not is_running(pid)


async def test_a_process_that_crashes_over_its_end_is_reported(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    crashes = "import os, signal; signal.signal(signal.SIGTERM, lambda *_: os._exit(3));"
    spec = process_spec("clumsy", python(crashes + READY + UNTIL_PARENT_DIES))
    sup = await system.start(lambda: Supervisor([spec]))
    await sup.stop()
    [report] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert (report.message, vars(report)["exit_status"]) == ("child_shutdown_failed", 3)
    assert "stack" not in vars(report)


async def test_a_process_that_is_deaf_to_sigterm_is_killed_after_its_shutdown_time(
    system: ActorSystem,
) -> None:
    spec = process_spec("deaf", STAYS_DEAF, shutdown=0.05)
    sup = SupervisorHandle(await system.start(lambda: Supervisor([spec])))
    [child] = await sup.which_children()
    assert child.ref is not None
    pid = await pid_of(child.ref)
    await sup.terminate_child("deaf")
    assert child.ref.exit_reason == KILLED
    await wait_until_only(system, sup)
    assert not is_running(pid)


async def test_a_killed_actor_takes_its_process_along(system: ActorSystem) -> None:
    ref = await system.start(lambda: OsProcess(STAYS_DEAF))
    pid = await pid_of(ref)
    ref.kill()
    with trio.fail_after(30):
        for left in system.actors:
            await left.wait_stopped()
    assert not is_running(pid)


async def test_a_system_that_closes_leaves_no_process(system: ActorSystem) -> None:
    ref = await system.start(lambda: OsProcess(STAYS))
    pid = await pid_of(ref)
    await system.shutdown()
    assert not is_running(pid)


async def test_a_process_that_dies_is_restarted_and_counted(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    sup = SupervisorHandle(await system.start(lambda: Supervisor([process_spec("worker", STAYS)])))
    first = await pid_when_running(sup)
    os.kill(first, signal.SIGKILL)
    await (await ref_of(sup)).wait_stopped()
    second = await pid_when_running(sup)
    assert second != first
    [child] = await sup.which_children()
    assert child.restarts == 1
    [report] = [record for record in caplog.records if record.name == "roost.supervisors"]
    assert (report.message, vars(report)["exit_status"]) == ("child_terminated", -9)


async def test_a_process_that_keeps_dying_ends_its_supervisor_like_any_child(system: ActorSystem) -> None:
    spec = process_spec("worker", python(READY + "raise SystemExit(1)"))
    ref = await system.start(lambda: Supervisor([spec], intensity=2, period=60))
    with trio.fail_after(30):
        reason = await ref.wait_stopped()
    assert not reason.is_abnormal


async def test_a_transient_process_that_ends_well_is_not_restarted(system: ActorSystem) -> None:
    spec = process_spec("job", python(READY), Restart.TRANSIENT)
    sup = SupervisorHandle(await system.start(lambda: Supervisor([spec])))
    ref = (await sup.which_children())[0].ref
    if ref is not None:
        await ref.wait_stopped()
    assert (await sup.which_children())[0].state is ChildState.STOPPED


async def test_the_next_life_begins_when_the_process_before_is_gone(
    system: ActorSystem, tmp_path: Path
) -> None:
    # The child holds a lock file that a second one could not create.
    lock = tmp_path / "lock"
    code = f"import os; os.open({str(lock)!r}, os.O_CREAT | os.O_EXCL);" + READY + UNTIL_PARENT_DIES
    spec = process_spec("worker", python(code), shutdown=Shutdown.NOW)
    sup = SupervisorHandle(await system.start(lambda: Supervisor([spec])))
    pid = await pid_when_running(sup)
    await sup.terminate_child("worker")
    lock.unlink()
    await sup.restart_child("worker")
    assert not is_running(pid)


async def test_a_process_learns_that_its_parent_is_gone_by_the_end_of_its_input(system: ActorSystem) -> None:
    ref = await system.start(lambda: OsProcess(STAYS))
    pid = await pid_of(ref)
    assert os.readlink(f"/proc/{pid}/fd/0").startswith(("pipe:", "socket:"))


class Watching:
    """Somebody who looks at a child's lives, and is woken by each change."""

    def __init__(self) -> None:
        self.line = Succession(self._changed)
        self._change = trio.Event()

    def _changed(self) -> None:
        self._change.set()
        self._change = trio.Event()

    async def until(self, condition: Callable[[Succession], bool]) -> None:
        with trio.fail_after(30):
            while not condition(self.line):
                await self._change.wait()


async def test_started_in_the_background_it_is_waited_for_by_nobody(system: ActorSystem) -> None:
    # Each waits for the other's word: started one after the other they would never be ready.
    reader, writer = os.pipe()
    first = f"import os; os.read({reader}, 1);" + READY + UNTIL_PARENT_DIES
    second = f"import os; os.write({writer}, b'!');" + READY + UNTIL_PARENT_DIES
    watching = [Watching(), Watching()]
    specs = [
        process_spec(
            name, replace(python(code, in_background=True), pass_fds=(reader, writer)), line=each.line
        )
        for name, code, each in zip(("a", "b"), (first, second), watching, strict=True)
    ]
    sup = await system.start(lambda: Supervisor(specs))
    for each in watching:
        await each.until(lambda line: line.is_ready)
    await sup.stop()
    assert [each.line.pid for each in watching] == [None, None]
    os.close(reader)
    os.close(writer)


async def test_in_the_background_an_end_before_it_is_ready_is_a_crash_like_any_other(
    system: ActorSystem,
) -> None:
    watching = Watching()
    command = python("raise SystemExit(3)", in_background=True)
    ref = await system.start(lambda: OsProcess(command, watching.line))
    error = (await ref.wait_stopped()).error
    assert isinstance(error, ProcessEndedError)
    assert error.status == 3
    assert (watching.line.lives, watching.line.times_ready, watching.line.pid) == (1, 0, None)


async def test_in_the_background_who_is_not_ready_in_time_is_killed(system: ActorSystem) -> None:
    deaf = python(DEAF + UNTIL_PARENT_DIES, start_seconds=0.05, in_background=True)
    pids: list[int | None] = []
    line = Succession(lambda: pids.append(line.pid))
    ref = await system.start(lambda: OsProcess(deaf, line))
    assert isinstance((await ref.wait_stopped()).error, ProcessNotReadyError)
    begun, ended = pids
    assert begun is not None
    assert ended is None
    assert not is_running(begun)


async def test_a_restart_in_the_background_shows_in_the_succession(system: ActorSystem) -> None:
    watching = Watching()
    command = python(READY + UNTIL_PARENT_DIES, in_background=True)
    await system.start(lambda: Supervisor([process_spec("worker", command, line=watching.line)]))
    await watching.until(lambda line: line.is_ready)
    first = watching.line.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await watching.until(lambda line: line.times_ready == 2)
    assert watching.line.pid not in (None, first)
    assert watching.line.lives == 2


async def test_what_it_is_told_stands_on_its_input_and_the_input_stays_open(
    system: ActorSystem, tmp_path: Path
) -> None:
    heard = tmp_path / "heard"
    code = f"import sys; open({str(heard)!r}, 'w').write(sys.stdin.readline());" + READY + UNTIL_PARENT_DIES
    command = replace(python(code), input=b"a secret\n")
    ref = await system.start(lambda: OsProcess(command))
    assert heard.read_text() == "a secret\n"
    assert is_running(await pid_of(ref))
    assert "secret" not in repr(command)


async def test_a_process_that_does_not_listen_to_what_it_is_told_is_no_failure(system: ActorSystem) -> None:
    command = Command(["true"], input=b"nobody reads this\n")
    ref = await system.start(lambda: OsProcess(command))
    assert await ref.wait_stopped() == NORMAL


async def test_it_is_out_of_reach_of_the_terminal_s_signals(system: ActorSystem) -> None:
    ref = await system.start(lambda: OsProcess(STAYS))
    pid = await pid_of(ref)
    assert os.getpgid(pid) == pid != os.getpgid(0)


@pytest.mark.parametrize(
    ("field", "value"),
    [("argv", ""), ("argv", []), ("argv", "ls -l"), ("start_seconds", -1), ("input", b"x" * 40_000)],
    ids=lambda value: str(value)[:20],
)
def test_a_faulty_command_is_refused(field: str, value: object) -> None:
    with pytest.raises(ChildSpecError, match=f"^{field} must be"):
        Command(**{"argv": ["true"], field: value})  # type: ignore[arg-type] # the mistake under test


def test_telling_that_one_is_ready_writes_to_the_descriptor_and_closes_it() -> None:
    reader, writer = os.pipe()
    assert tell_ready({READY_FD_VARIABLE: str(writer)})
    assert os.read(reader, 100) == b"ready\n"
    assert os.read(reader, 100) == b""
    os.close(reader)


def test_a_program_that_was_started_by_hand_has_nobody_to_tell() -> None:
    assert not tell_ready({})


async def test_a_failed_start_on_request_names_the_program_and_not_its_arguments(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sup = SupervisorHandle(await system.start(lambda: Supervisor([])))
    secret = Command([sys.executable, "-I", "-S", "-c", "raise SystemExit('s3cret')"], ready=True)
    with pytest.raises(ChildStartError) as caught:
        await sup.start_child(process_spec("worker", secret))
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in caplog.text


async def ref_of(sup: SupervisorHandle) -> ActorRef:
    [child] = await sup.which_children()
    assert child.ref is not None
    return child.ref


async def pid_when_running(sup: SupervisorHandle) -> int:
    """The pid of the only child; a supervisor answers when the restart that it is busy with is over."""
    return await pid_of(await ref_of(sup))


async def wait_until_only(system: ActorSystem, sup: SupervisorHandle) -> None:
    """Wait until no actor but the supervisor is left."""
    with trio.fail_after(30):
        for ref in system.actors:
            if ref is not sup.ref:
                await ref.wait_stopped()


@pytest.mark.parametrize("in_background", [False, True])
async def test_a_process_that_cannot_be_ready_can_say_why(system: ActorSystem, in_background: bool) -> None:
    line = Succession()
    complaint = (
        "import os; os.write(int(os.environ['ROOST_READY_FD']), b'the disk is full'); raise SystemExit(1)"
    )
    command = python(complaint, in_background=in_background)
    sup = await system.start(lambda: Supervisor([]))
    spec = process_spec("worker", command, Restart.TEMPORARY, line=line)
    try:
        ref = await SupervisorHandle(sup).start_child(spec)
        assert ref is not None
        await ref.wait_stopped()
    except ChildStartError:
        assert not in_background
    assert (line.complaint, line.times_ready) == ("the disk is full", 0)


def test_telling_a_failure_writes_it_instead_of_the_word() -> None:
    reader, writer = os.pipe()
    assert tell_failure("no room", {READY_FD_VARIABLE: str(writer)})
    assert os.read(reader, 100) == b"no room"
    os.close(reader)
    assert not tell_failure("no room", {})
