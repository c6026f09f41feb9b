"""Groups: make them, see who is in them, change them.

  roost group create --home ann --name Friends +4915112345679 +4915112345680
  roost group list --home ann
  roost group info --home ann Friends
  roost group add|remove|promote|demote --home ann Friends +4915112345681
  roost group settings --home ann Friends --name 'Old friends' --only-admins-send on
  roost group link --home ann Friends
  roost group join --home dan roost-group:...
  roost group leave --home ben Friends
  roost send --home ann --to Friends 'hello'

A group is meant by its name, or by its id (g and 16 hex digits) if several have that name. What you want is
in the home's store before anything else happens: if the time is up (status 4) it goes to the relay with the
next connection. Works while 'roost listen' or 'roost chat' runs on the same home, too.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from actors.ports import system_entropy
from client.cli.addressees import looks_like_number
from client.cli.choices import bring, find, open_online, open_store
from client.cli.command import DONE, REFUSED, TIME_IS_UP, add_home, add_json, print_json, run_command
from client.cli.group_info import show_group, show_groups
from client.cli.message_json import group_id
from client.errors import GroupError, HomeInUseError, RequestTimeoutError, UserInputError
from client.groups.records import Group, WishState
from client.groups.wishes import (
    Wish,
    WishAdd,
    WishDemote,
    WishDescribe,
    WishDismiss,
    WishInvite,
    WishJoin,
    WishLeave,
    WishPromote,
    WishRemove,
    WishRevoke,
    WishSettings,
)
from client.phone_numbers import checked_number
from client.relay_url import parse_relay_url
from client.store import Store
from protocol.codes import ErrorCode
from protocol.e2e.errors import BadLinkError
from protocol.e2e.group_info import GroupInfo
from protocol.e2e.group_link import parse_group_link
from protocol.errors import InvalidAddressError
from protocol.ids import GroupId, UserId, parse_user_id
from protocol.membership import Settings

_SENTENCES = {code.wire_name: code.sentence for code in ErrorCode} | {
    "no-info-key": "The key to the group's name has not come yet; an admin who is online brings it.",
}
_SWITCHES = {
    "only_admins_send": Settings.ADMINS_SEND,
    "only_admins_edit": Settings.ADMINS_DESCRIBE,
    "approve_joins": Settings.ADMINS_APPROVE,
}
_PEOPLE: dict[str, Callable[[tuple[UserId, ...]], Wish]] = {
    "add": WishAdd,
    "remove": WishRemove,
    "promote": WishPromote,
    "demote": WishDemote,
}
_PEOPLE_HELP = {
    "add": "take people in, or let in who has asked for it",
    "remove": "put people out, or dismiss who has asked to be let in",
    "promote": "make members admins",
    "demote": "make admins plain members",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost group``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = _action(actions, "create", "make a group of these people and you", group=False)
    create.add_argument("numbers", nargs="*", metavar="NUMBER", help="with + and country code")
    create.add_argument("--name", required=True, help="what it is called")
    _add_description(create)
    _add_switches(create)
    for name, text in _PEOPLE_HELP.items():
        action = _action(actions, name, text)
        action.add_argument(
            "people", nargs="+", metavar="NUMBER", help="with + and country code, or an id that 'info' shows"
        )
    _action(actions, "leave", "be a member no more")
    info = _action(actions, "info", "say who is in it and what holds in it")
    info.add_argument("--message", metavar="ID", help="who has this message of yours, and who has read it")
    link = _action(actions, "link", "make or show a link by which people join")
    link.add_argument("--revoke", action="store_true", help="have no link hold any more")
    join = _action(actions, "join", "join by a link", group=False)
    join.add_argument("link", metavar="LINK", help="roost-group:...")
    settings = _action(actions, "settings", "change what it is called, and who may do what")
    settings.add_argument("--name", help="another name")
    _add_description(settings)
    settings.add_argument("--no-picture", action="store_true", help="take the picture away")
    _add_switches(settings)
    _action(actions, "list", "list the groups of this phone", group=False)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    text: str,
    *,
    group: bool = True,
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=text, description=text)
    add_home(action)
    if group:
        action.add_argument("group", metavar="GROUP", help="its name, or its id")
    add_json(action)
    return action


def _add_description(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--description", help="what it is about")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="a JPEG or PNG of at most 24 KB")


def _add_switches(parser: argparse.ArgumentParser) -> None:
    for name, text in (
        ("--only-admins-send", "whether only admins write"),
        ("--only-admins-edit", "whether only admins change name, description and picture"),
        ("--approve-joins", "whether an admin has to let in who comes by a link"),
    ):
        parser.add_argument(name, choices=("on", "off"), help=text)


def run(args: argparse.Namespace) -> int:
    """Do it; 0 done, 2 wrong usage, 3 refused, 4 the relay has not heard it yet."""
    return run_command(partial(_run, args))


async def _run(args: argparse.Namespace) -> int:
    with open_store(args.home) as store:
        match args.action:
            case "list":
                show_groups(store, as_json=args.json)
                return DONE
            case "create":
                return await _create(store, args)
            case "join":
                return await _join(store, args)
        group = store.groups.find(args.group)
        match args.action:
            case "info":
                return await _info(store, group, args)
            case "link":
                return await _link(store, group, args)
            case "settings":
                return await _settings(store, group, args)
            case "leave":
                return await _want(store, group.id, [WishLeave()], args)
        return await _change_people(store, group, args)


# ---- what is wanted ----


async def _create(store: Store, args: argparse.Namespace) -> int:
    numbers = [checked_number(number) for number in args.numbers]
    users = list(dict.fromkeys([await find(args.home, store, number) for number in numbers]))
    account = store.account()
    if account is not None and account.user in users:
        users.remove(account.user)  # who makes a group is in it anyway
    info = GroupInfo(args.name, args.description or "", _picture(args.picture))
    group, row = store.groups.create(users, info, _switched(args, "on"))
    return await _wait(store, group, [row], args)


async def _change_people(store: Store, group: Group, args: argparse.Namespace) -> int:
    users = tuple(dict.fromkeys([await _person(store, text, args) for text in args.people]))
    members = {member.person.user: member for member in group.members}
    if args.action == "remove":
        asking = tuple(user for user in users if user not in members)
        there = tuple(user for user in users if user in members)
        wishes: list[Wish] = [WishDismiss(asking)] if asking else []
        return await _want(store, group.id, wishes + ([WishRemove(there)] if there else []), args)
    if args.action == "add" and all(user in members for user in users):
        raise GroupError("already-there", "they are in this group already")
    if args.action != "add" and not all(user in members for user in users):
        raise GroupError("not-a-member", "not all of them are in this group; see roost group info")
    return await _want(store, group.id, [_PEOPLE[args.action](users)], args)


async def _person(store: Store, text: str, args: argparse.Namespace) -> UserId:
    if looks_like_number(text) and not _is_user_id(text):
        return await find(args.home, store, checked_number(text))
    try:
        return parse_user_id(text)
    except InvalidAddressError:
        raise UserInputError(f"{text} is neither a phone number nor the id of somebody") from None


def _is_user_id(text: str) -> bool:
    return len(text) == 16 and not text.startswith("+")


async def _settings(store: Store, group: Group, args: argparse.Namespace) -> int:
    wishes: list[Wish] = []
    on, off = _switched(args, "on"), _switched(args, "off")
    if on or off:
        wishes.append(WishSettings(on, off))
    picture = b"" if args.no_picture else _picture(args.picture)
    if (args.name, args.description, picture) != (None, None, None):
        wishes.append(WishDescribe(args.name, args.description, picture))
    if not wishes:
        show_group(store, group, [], as_json=args.json)
        return DONE
    return await _want(store, group.id, wishes, args)


def _switched(args: argparse.Namespace, to: str) -> Settings:
    chosen = Settings(0)
    for name, setting in _SWITCHES.items():
        if getattr(args, name) == to:
            chosen |= setting
    return chosen


def _picture(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserInputError(f"{file} cannot be read: {error.strerror}") from None


async def _link(store: Store, group: Group, args: argparse.Namespace) -> int:
    if args.revoke:
        return await _want(store, group.id, [WishRevoke()], args)
    link = store.groups.link(group.id)
    if link is None:
        row = store.groups.want(group.id, WishInvite(system_entropy(32)))
        status = await _wait(store, group.id, [row], args, is_quiet=True)
        link = store.groups.link(group.id)
        if link is None:
            return status
    if args.json:
        print_json(group=group_id(group.id), link=link.text())
    else:
        print(link.text())
    return DONE


async def _join(store: Store, args: argparse.Namespace) -> int:
    try:
        link = parse_group_link(args.link)
    except BadLinkError as error:
        raise UserInputError(f"this is no link to a group: {error}") from None
    account = store.account()
    assert account is not None  # open_store has looked
    here, there = parse_relay_url(account.relay_url), parse_relay_url(link.relay)
    if (here.host, here.port, here.key) != (there.host, there.port, there.key):
        raise GroupError(
            "other-relay", f"the group is at the relay {there.place}, and this phone at {here.place}"
        )
    row = store.groups.want(link.group, WishJoin(link.invite.seed, link.info_key))
    return await _wait(store, link.group, [row], args)


async def _want(store: Store, group: GroupId, wishes: list[Wish], args: argparse.Namespace) -> int:
    rows = [store.groups.want(group, wish) for wish in wishes]
    return await _wait(store, group, rows, args)


async def _wait(
    store: Store, group: GroupId, rows: list[int], args: argparse.Namespace, *, is_quiet: bool = False
) -> int:
    """Wait until the relay has heard, and say what came of it."""
    outcomes = store.groups.wishes.outcome
    await bring(args.home, lambda: all(outcomes(row).state is not WishState.DUE for row in rows))
    refusals = [outcomes(row).error_name for row in rows if outcomes(row).state is WishState.REFUSED]
    if refusals:
        name = refusals[0] or "refused"
        print(f"error: {name}: {_SENTENCES.get(name, 'The relay refused it.')}", file=sys.stderr)
        return REFUSED
    if any(outcomes(row).state is WishState.DUE for row in rows):
        print(
            "error: time-is-up: it is stored here and goes to the relay with the next connection",
            file=sys.stderr,
        )
        return TIME_IS_UP
    is_asked = any(outcomes(row).state is WishState.ASKED for row in rows)
    found = store.groups.group(group)
    if found is not None and not is_quiet:
        _tell(store, found, args, is_asked=is_asked)
    return DONE


def _tell(store: Store, group: Group, args: argparse.Namespace, *, is_asked: bool) -> None:
    if is_asked and not args.json:
        print("The group's admins have been asked to let you in.")
    else:
        show_group(store, group, [], as_json=args.json)


# ---- looking ----


async def _info(store: Store, group: Group, args: argparse.Namespace) -> int:
    """What is known here; and, if the relay can be asked, who asks to be let in and how far a message is."""
    ticks, asking = None, []
    if args.message is not None or group.is_admin:
        try:
            async with open_online(args.home) as phone:
                if args.message is not None:
                    ticks = await phone.groups.ticks(args.message)
                if group.is_admin:
                    asking = await phone.groups.asking(group.id)
        except (HomeInUseError, RequestTimeoutError) as error:
            if args.message is not None:
                raise
            print(f"· who asks to be let in is not known: {error}", file=sys.stderr)
    show_group(store, group, asking, ticks=ticks, as_json=args.json)
    return DONE
