"""Choose who may see what of you.

  roost privacy --home ann
  roost privacy --home ann set last-seen=contacts read-receipts=nobody
  roost privacy --home ann --discoverable nobody

What there is: last-seen (online and last seen), read-receipts, profile, discoverable (who finds you by your
number). Who: everyone, contacts, nobody. Contacts are those to whom you have written, and whoever of your
address book is here; the relay is told who they are only while one of the four says contacts. Last seen and
read receipts are mutual: what you do not show to somebody, they do not show to you. Whoever knows you already
can still write to you when nobody finds you any more; block them if that is not wanted.
"""

import argparse
from functools import partial

from client.cli.choices import bring, open_store, outcome
from client.cli.command import DONE, add_json, home_of, optional_home, print_json, run_command
from client.errors import UserInputError
from protocol.stanzas import Audience, Privacy

_NAMES = {field.replace("_", "-"): field for field in Privacy._fields}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost privacy``."""
    optional_home(parser)
    add_json(parser)
    parser.add_argument(
        "--discoverable", choices=tuple(map(str, Audience)), help="who finds you by your number, in short"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    show = actions.add_parser("show", help="say how it stands (the default)")
    change = actions.add_parser("set", help="choose anew")
    for action in (show, change):
        optional_home(action, default=argparse.SUPPRESS)
        action.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="as one JSON object"
        )
    change.add_argument(
        "choices", nargs="+", metavar="WHAT=WHO", help="for example last-seen=contacts; several at once"
    )


def run(args: argparse.Namespace) -> int:
    """Show or choose; 0 done, 2 wrong usage, 3 refused, 4 the relay has not heard it yet."""
    return run_command(partial(_privacy, args))


async def _privacy(args: argparse.Namespace) -> int:
    home, status = home_of(args), DONE
    with open_store(home) as store:
        choices = args.choices if args.action == "set" else []
        if args.discoverable is not None:
            choices = [*choices, f"discoverable={args.discoverable}"]
        if choices:
            store.choose_privacy(_chosen(store.settings.privacy(), choices))
            brought = await bring(home, lambda: not store.settings.is_due)
            status = outcome(brought, store.settings.refusal)
        _tell(store.settings.privacy(), not store.settings.is_due, args.json)
    return status


def _chosen(privacy: Privacy, choices: list[str]) -> Privacy:
    """The privacy after these choices. Raises UserInputError."""
    for choice in choices:
        what, _, who = choice.partition("=")
        if what not in _NAMES:
            raise UserInputError(f"{what!r} is none of {', '.join(_NAMES)}")
        if who not in tuple(Audience):
            raise UserInputError(f"{what} can be {', '.join(Audience)}, not {who!r}")
        privacy = privacy._replace(**{_NAMES[what]: Audience(who)})
    return privacy


def _tell(privacy: Privacy, stored: bool, as_json: bool) -> None:
    if as_json:
        print_json(**privacy._asdict(), stored=stored)
        return
    for what, field in _NAMES.items():
        print(f"{what:14} {getattr(privacy, field)}")
