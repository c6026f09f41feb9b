"""The console script `roost`: finds the command that was asked for and runs it.

Only the module of that command is imported, so that `roost --help` and small commands start fast.
A command module has `add_arguments(parser)` and `run(args) -> int`, and if it logs it may have
`log_facts(args)`, what each of its log lines says. Its exit status is the script's:
0 done, 1 unexpected, 2 wrong usage, 3 refused by the relay, 4 time is up, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from roost.lifeline import end_with_the_starter

INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended (128 + SIGINT)


class CommandModule(Protocol):
    """What a command module provides."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own options to its parser."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it, and say how it went as an exit status."""


class Command(NamedTuple):
    """A row of the table of commands."""

    module: str
    help: str
    logs: bool = False  # whether log lines are its output: then it has --log and --log-level
    hidden: bool = False  # not for people: another command starts it, and it ends with that


COMMANDS: dict[str, Command] = {
    "serve": Command("relay.serve", "start a relay node", logs=True),
    "worker": Command("relay.worker_process", "one worker of a relay node", logs=True, hidden=True),
    "register": Command("client.cli.register", "make this folder a phone: prove a number, create its keys"),
    "link": Command("client.cli.link", "make this folder a companion: another device of an account"),
    "send": Command("client.cli.send", "send a message and wait for its tick"),
    "react": Command("client.cli.react", "react to a message with an emoji"),
    "edit": Command("client.cli.edit", "give a text that you have sent another wording"),
    "delete": Command("client.cli.delete", "delete a message that you have sent, for everyone"),
    "forward": Command("client.cli.forward", "forward a message to another chat"),
    "view": Command("client.cli.view", "view a message that is shown once"),
    "rules": Command("client.cli.rules", "disappearing messages, and chats that are kept here"),
    "listen": Command("client.cli.listen", "print messages and receipts as they come"),
    "history": Command("client.cli.history", "show the messages that this phone keeps"),
    "chat": Command("client.cli.chat", "talk with somebody, line by line"),
    "group": Command("client.cli.group", "make groups, see who is in them, change them"),
    "profile": Command("client.cli.profile", "show others a name, a line and a picture, or see theirs"),
    "privacy": Command("client.cli.privacy", "choose who may see what of you"),
    "contacts": Command("client.cli.contacts", "keep an address book, and find out who of it is here"),
    "block": Command("client.cli.block", "block people, and end it"),
    "devices": Command("client.cli.devices", "link, list, rename and remove the devices of your account"),
    "verify": Command("client.cli.verify", "compare a contact's security code, as digits or QR code"),
    "pin": Command("client.cli.pin", "ask for a PIN, too, when your number is registered anew"),
    "account": Command("client.cli.account", "another number; what the relay keeps of you; the end"),
    "status": Command("roost.status", "how a phone (--home) or a node (--admin) is doing"),
    "doctor": Command("relay.doctor", "check whether a node can run here, and what to change"),
    "backup": Command("relay.backup", "save a node's store and keys, while it runs or not"),
    "restore": Command("relay.restore", "put a backup in place"),
    "ban": Command("relay.ban", "ban a number from this node"),
    "unban": Command("relay.unban", "end a ban"),
    "bans": Command("relay.bans", "list the banned numbers"),
    "top": Command("roost.top", "watch a node's supervision tree live"),
    "bench": Command(
        "bench.command", "measure a node: throughput, latency, CPU a message, bytes a connection"
    ),
    "faults": Command("faults.command", "break everything on purpose, and see what holds"),
    "demo": Command("roost.demo", "see it all without typing: two phones, a killed node, nothing lost"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after `roost`; None takes them from the process.

    Returns:
        The exit status. argparse raises SystemExit(2) itself for wrong usage.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    args = _parser(words).parse_args(words)
    try:
        if args.logs:
            _configure_logging(args)
        return cast("CommandModule", args.module).run(args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`roost history | head`): no error of ours. What is left in the
        # buffer goes nowhere, so that the interpreter does not complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """A parser that knows every command by name, and in full the one that `words` ask for."""
    parser = argparse.ArgumentParser(
        prog="roost",
        description="Roost: an open messenger that anyone can run.",
        epilog="'roost COMMAND --help' says more about a command. New here? Try 'roost demo'.",
    )
    parser.add_argument("--version", action="version", version=f"roost {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, command in COMMANDS.items():
        if name == asked:
            if command.hidden:
                end_with_the_starter()
            module = importlib.import_module(command.module)
            described = commands.add_parser(name, help=command.help, description=module.__doc__)
            described.formatter_class = argparse.RawDescriptionHelpFormatter
            described.set_defaults(module=module, logs=command.logs)
            cast("CommandModule", module).add_arguments(described)
            if command.logs:
                _add_log_arguments(described)
        elif not command.hidden:
            commands.add_parser(name, help=command.help, add_help=False)
    return parser


def _add_log_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log",
        choices=("auto", "json", "text"),
        default="auto",
        help="how log lines look; auto is text on a terminal, else JSON (auto)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="what is worth a log line (info)",
    )


def _configure_logging(args: argparse.Namespace) -> None:
    from roost.logs import configure_logging  # structlog: only for those who log

    as_json = {"auto": None, "json": True, "text": False}[args.log]
    log_facts = getattr(args.module, "log_facts", None)
    facts = log_facts(args) if log_facts is not None else None
    configure_logging(json=as_json, level=args.log_level.upper(), facts=facts)


def _version() -> str:
    # importlib.metadata costs 20 ms to import; only --version and a failing parse need it, but argparse wants
    # the text beforehand, so the number is kept in one place that is cheap to import.
    from roost.version import VERSION

    return VERSION


if __name__ == "__main__":
    sys.exit(main())
