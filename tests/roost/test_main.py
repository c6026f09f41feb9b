import argparse
import importlib
import logging
import subprocess
import sys
import types

import pytest

from roost.__main__ import COMMANDS, Command, main


@pytest.fixture(autouse=True)
def _this_process_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roost.__main__.end_with_the_starter", lambda: None)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: roost {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_module_explains_itself_in_its_docstring(name: str) -> None:
    assert len(importlib.import_module(COMMANDS[name].module).__doc__ or "") > 40


def test_help_names_every_command_and_imports_none() -> None:
    script = (
        "import sys; from roost.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'relay', 'client', 'trio', 'cryptography'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for name, command in COMMANDS.items():
        assert (f"    {name} " in done.stdout) is not command.hidden


def test_a_wrong_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fly"])
    assert ended.value.code == 2
    assert "fly" in capsys.readouterr().err


def test_no_command_at_all_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_a_command_that_logs_does_so_as_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Speaking(types.ModuleType):
        """Says one thing."""

        @staticmethod
        def add_arguments(parser: argparse.ArgumentParser) -> None:
            pass

        @staticmethod
        def run(args: argparse.Namespace) -> int:
            logging.getLogger("roost.relay").debug("detail", extra={"port": 1})
            return 0

    monkeypatch.setitem(sys.modules, "speaking", Speaking("speaking"))
    monkeypatch.setitem(COMMANDS, "speak", Command("speaking", "say something", logs=True))
    assert main(["speak", "--log", "json", "--log-level", "debug"]) == 0
    assert '"event": "detail", "port": 1}' in capsys.readouterr().err
    assert main(["speak"]) == 0
    assert capsys.readouterr().err == ""
