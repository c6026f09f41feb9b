import pytest

from roost.__main__ import main
from roost.status import duration, render_status

STATUS = {
    "version": "1.2.3",
    "phase": "ready",
    "uptime_s": 61.4,
    "connections": 12345,
    "users_online": 7,
    "queued_messages": 1000,
    "messages_per_s": 0.25,
    "actors": 31,
    "workers": [
        {"number": 0, "pid": 4711, "restarts": 0, "state": "ready", "uptime_s": 61.4, "connections": 12345},
        {"number": 1, "pid": None, "restarts": 2, "state": "missing"},
    ],
}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3_601, "1 h 0 min"), (200_000, "2 d 7 h")],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_every_figure_of_the_status_is_shown() -> None:
    text = render_status(STATUS)
    for shown in ("1.2.3", "ready, for 1 min 1 s", "12,345", "1,000", "0.2", "31"):
        assert shown in text


def test_each_worker_has_a_line() -> None:
    lines = [" ".join(line.split()) for line in render_status(STATUS).splitlines()]
    assert lines[-2:] == [
        "worker 0 ready, process 4711, for 1 min 1 s, 12,345 connections",
        "worker 1 missing, no process, restarts 2",
    ]


def test_a_node_that_starts_is_shown_without_figures() -> None:
    text = render_status({"version": "1.2.3", "phase": "starting", "uptime_s": 0, "workers": []})
    assert "starting, for 0 s" in text


def test_a_node_that_cannot_be_asked_is_one_clear_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["status", "--admin", "http://127.0.0.1:1"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: admin-unreachable: http://127.0.0.1:1")
    assert captured.err.count("\n") == 1


def test_one_of_home_and_admin_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["status"])
    assert ended.value.code == 2
    assert "--home" in capsys.readouterr().err
