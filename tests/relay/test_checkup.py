"""The checks of machine, installation and settings: each finds what it is for, and says what to change."""

import resource
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from actors.ports import system_clock
from relay.checkup import (
    Patient,
    Verdict,
    check_address_space,
    check_admin,
    check_clock,
    check_descriptors,
    check_libraries,
    check_listen_backlog,
    check_port,
    check_python,
    check_sms,
    examine_machine,
)
from relay.config import Config, HostPort
from relay.descriptors import needed
from storage.environment import DEFAULT_MAP_BYTES
from tests.helpers.relay_node import SettableClock

NOBODY_RUNS = Patient(Config(), None, system_clock)


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ((3, 10), Verdict.PROBLEM),
        ((3, 11), Verdict.OK),
        ((3, 13), Verdict.OK),
        ((3, 14), Verdict.WARNING),
    ],
)
def test_python_must_be_one_that_is_tested(version: tuple[int, int], verdict: Verdict) -> None:
    assert check_python(version).verdict is verdict


def test_libraries_that_are_there_and_new_enough_are_fine() -> None:
    assert check_libraries(["trio>=0.30", "X3DH<2,>=1.3", 'nowhere>=1; extra == "dev"']).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("requirement", "seen"),
    [("no-such-library>=1", "no-such-library is missing"), ("trio>=99.1", "is older than 99.1")],
)
def test_a_library_that_is_missing_or_old_is_named(requirement: str, seen: str) -> None:
    finding = check_libraries(["lmdb>=1.6", requirement])
    assert finding.verdict is Verdict.PROBLEM
    assert seen in finding.seen
    assert "pip install" in finding.advice


def test_descriptors_must_suffice_for_all_connections_and_some_more() -> None:
    config = Config(max_connections=1_000)
    enough = needed(config)
    assert check_descriptors(config, enough).verdict is Verdict.OK
    assert check_descriptors(config, resource.RLIM_INFINITY).verdict is Verdict.OK
    finding = check_descriptors(config, enough - 1)
    assert finding.verdict is Verdict.WARNING
    assert f"raise it to {enough}" in finding.advice
    assert check_descriptors(config, 70).verdict is Verdict.PROBLEM


def test_a_limit_of_address_space_below_the_map_is_a_problem() -> None:
    assert check_address_space(Config(), resource.RLIM_INFINITY).verdict is Verdict.OK
    assert check_address_space(Config(), 1 << 32).verdict is Verdict.PROBLEM


def test_a_worker_needs_room_and_descriptors_for_what_it_reads_of_the_others() -> None:
    one, eight = Config(max_connections=1_000), Config(max_connections=1_000, workers=8)
    for_one = needed(one)
    assert check_descriptors(one, for_one).verdict is Verdict.OK
    assert check_descriptors(eight, for_one).verdict is Verdict.WARNING
    assert check_address_space(one, 3 * DEFAULT_MAP_BYTES).verdict is Verdict.OK
    assert check_address_space(eight, 3 * DEFAULT_MAP_BYTES).verdict is Verdict.PROBLEM


def test_a_short_listen_backlog_is_a_warning_where_the_system_tells(tmp_path: Path) -> None:
    file = tmp_path / "somaxconn"
    assert check_listen_backlog(file).verdict is Verdict.OK
    file.write_text("4096\n")
    assert check_listen_backlog(file).verdict is Verdict.OK
    file.write_text("128\n")
    assert check_listen_backlog(file).verdict is Verdict.WARNING


def test_a_clock_that_cannot_be_right_is_a_problem() -> None:
    assert check_clock(SettableClock(0.0)).verdict is Verdict.PROBLEM
    assert check_clock(SettableClock(1_900_000_000.0)).verdict is Verdict.OK


def test_a_port_that_another_program_has_is_a_problem_unless_it_is_the_node() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = HostPort("127.0.0.1", taken.getsockname()[1])
        finding = check_port(NOBODY_RUNS, "port for devices", place, "--listen")
        assert finding.verdict is Verdict.PROBLEM
        assert "--listen HOST:PORT" in finding.advice
        running = replace(NOBODY_RUNS, holder=4711)
        assert check_port(running, "port for devices", place, "--listen").verdict is Verdict.OK
    assert check_port(NOBODY_RUNS, "port for devices", place, "--listen").verdict is Verdict.OK


def test_an_address_of_another_machine_is_a_problem() -> None:
    finding = check_port(NOBODY_RUNS, "port for devices", HostPort("192.0.2.1", 5252), "--listen")
    assert finding.verdict is Verdict.PROBLEM


def test_an_admin_endpoint_in_the_network_is_a_warning_for_it_speaks_in_clear() -> None:
    assert check_admin(Config()).verdict is Verdict.OK
    assert check_admin(Config(admin=HostPort("10.0.0.1", 5280))).verdict is Verdict.WARNING


def test_codes_on_the_console_are_a_warning_once_others_can_connect() -> None:
    assert check_sms(Config()).verdict is Verdict.OK
    assert check_sms(Config(listen=HostPort("0.0.0.0", 5252))).verdict is Verdict.WARNING
    unsigned = check_sms(Config(sms="webhook:https://a-secret.example"))
    assert (unsigned.verdict, "a-secret" in unsigned.advice) == (Verdict.WARNING, False)
    finding = check_sms(
        Config(listen=HostPort("0.0.0.0", 5252), sms="webhook:https://a-secret.example", sms_secret="s" * 16)
    )
    assert finding.verdict is Verdict.OK
    assert "secret" not in finding.seen


def test_every_check_is_made_and_has_advice_if_it_is_not_fine() -> None:
    config = Config(listen=HostPort("127.0.0.1", 0), admin=HostPort("127.0.0.1", 0))
    findings = list(examine_machine(Patient(config, None, system_clock)))
    assert len({finding.check for finding in findings}) == len(findings) == 10
    assert all(finding.advice for finding in findings if finding.verdict is not Verdict.OK)
