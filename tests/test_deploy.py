"""What operators copy from deploy/ says what the code does."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from relay.config import SETTINGS, Config, load
from roost.__main__ import _parser
from tests.helpers.source_tree import ROOT

DEPLOY = ROOT / "deploy"
EXAMPLE = DEPLOY / "roost.example.toml"


def test_the_example_of_settings_is_the_defaults() -> None:
    assert load(EXAMPLE, {}, {}) == Config()


def test_the_example_has_every_key_once_with_its_meaning_above_it() -> None:
    described = re.findall(r"^# (.+)\n#?(\w+) = ", EXAMPLE.read_text(), re.MULTILINE)
    assert [(key, text) for text, key in described] == [(key, row.help) for key, row in SETTINGS.items()]


def test_what_the_example_has_commented_out_can_be_used_too(tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text(re.sub(r"^#(\w+ = )", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE))
    assert list(tomllib.loads(file.read_text())) == list(SETTINGS)
    load(file, {}, {})


def _unit() -> dict[str, list[str]]:
    """The service's directives, as {name: its values}."""
    directives: dict[str, list[str]] = {}
    for line in (DEPLOY / "roost.service").read_text().splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            directives.setdefault(name, []).append(value)
    return directives


def test_the_service_may_have_as_many_descriptors_as_connections_by_default() -> None:
    assert int(_unit()["LimitNOFILE"][0]) > Config().max_connections * 2


def test_the_service_runs_a_command_that_exists_with_words_that_it_knows() -> None:
    words = _unit()["ExecStart"][0].split()
    assert words[0] == "/opt/roost/bin/roost"
    args = _parser(words[1:]).parse_args(words[1:])
    assert args.data == _state_folder()


def _state_folder() -> str:
    return f"/var/lib/{_unit()['StateDirectory'][0]}"


def test_settings_that_cannot_be_used_are_not_tried_again_and_a_drain_stays_one() -> None:
    unit = _unit()
    assert unit["Restart"] == ["on-failure"]
    assert unit["RestartPreventExitStatus"] == ["2"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
@pytest.mark.slow
def test_systemd_finds_the_service_well_protected() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", "roost.service"],
        cwd=DEPLOY,
        capture_output=True,
        text=True,
        env={"SYSTEMD_UNIT_PATH": str(DEPLOY), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_container_copies_every_package_that_is_installed() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {name.rstrip("*") for name in settings["tool"]["setuptools"]["packages"]["find"]["include"]}
    copied = set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE))
    assert copied == packages


def test_the_container_s_variables_are_settings() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    variables = dict(re.findall(r"(ROOST_[A-Z_]+)=(\S+)", text))
    assert load(None, variables, {}).data == Path("/var/lib/roost")
