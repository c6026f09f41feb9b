"""Show others who you are: a name, a line about yourself, a small picture. Whom you write to can read it.

  roost profile set --home ann --name Ann --about 'at the sea' --picture ann.jpg
  roost profile show --home ann
  roost profile show --home ben +4915112345678 --picture-to ann.jpg
  roost profile remove --home ann

It is encrypted on this device; its key goes to people inside your messages, if 'roost privacy' allows it.
"""

import argparse
from functools import partial
from pathlib import Path

import trio

from client.cli.choices import WAIT_SECONDS, bring, open_store, outcome
from client.cli.command import DONE, add_home, add_json, print_json, run_command
from client.cli.rendering import safe_text
from client.errors import (
    HomeInUseError,
    NotConnectedError,
    ProfileError,
    RelayRefusedError,
    RequestTimeoutError,
)
from client.phone import open_phone
from client.phone_numbers import checked_number, readable_number
from client.store import Store
from protocol.e2e import Profile
from protocol.e2e.profile import MAX_PICTURE_BYTES, picture_kind
from protocol.ids import UserId


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost profile``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    change = actions.add_parser("set", help="change your profile; what is not named stays")
    change.add_argument("--name", help="what you are called, up to 64 characters")
    change.add_argument("--about", help="a line about yourself, up to 140 characters")
    picture = change.add_mutually_exclusive_group()
    picture.add_argument("--picture", type=Path, metavar="FILE", help="a JPEG or PNG of up to 64 KB")
    picture.add_argument("--no-picture", action="store_true", help="show no picture any more")
    show = actions.add_parser("show", help="show yours, or somebody else's")
    show.add_argument("number", nargs="?", metavar="NUMBER", help="whose; yours if there is none")
    show.add_argument("--picture-to", type=Path, metavar="FILE", help="write the picture into this file")
    remove = actions.add_parser("remove", help="show nothing any more")
    for action in (change, show, remove):
        add_home(action)
        add_json(action)


def run(args: argparse.Namespace) -> int:
    """Change or show; 0 done, 2 wrong usage, 3 refused, 4 the relay has not heard it yet."""
    return run_command(partial(_profile, args))


async def _profile(args: argparse.Namespace) -> int:
    with open_store(args.home) as store:
        if args.action == "show":
            return await _show(store, args)
        if args.action == "set":
            own = store.profiles.own()
            store.profiles.set_own(_changed(Profile() if own is None else own.profile, args))
        else:
            store.profiles.remove_own()
        brought = await bring(args.home, lambda: not store.profiles.is_due)
        _show_own(store, args)
        return outcome(brought, None)


def _changed(profile: Profile, args: argparse.Namespace) -> Profile:
    picture = profile.picture
    if args.picture is not None:
        picture = _read_picture(args.picture)
    elif args.no_picture:
        picture = None
    name = profile.name if args.name is None else args.name.strip()
    about = profile.about if args.about is None else args.about.strip()
    return Profile(name, about, picture)


def _read_picture(path: Path) -> bytes:
    """The bytes of a picture; a little more than the limit at most, so that a film is not read to its end."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_PICTURE_BYTES + 1)
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror or error}") from None


# ---- showing ----


async def _show(store: Store, args: argparse.Namespace) -> int:
    if args.number is None:
        _show_own(store, args)
        return DONE
    number = checked_number(args.number)
    user = store.user_of(number)
    if user is not None:
        await _refresh(user, args.home)
    known = None if user is None else store.profiles.of(user)
    profile = known.profile if known is not None and known.version else None
    _tell(number, profile, args, known=profile is not None)
    return DONE


async def _refresh(user: UserId, home: Path) -> None:
    """Ask for the newest if anybody can be asked; what is known is shown in any case."""
    try:
        async with open_phone(home) as phone:
            with trio.move_on_after(WAIT_SECONDS):
                await phone.wait_online()
                await phone.refresh_profile(user)
    except* (HomeInUseError, NotConnectedError, RequestTimeoutError, RelayRefusedError):
        pass


def _show_own(store: Store, args: argparse.Namespace) -> None:
    own, account = store.profiles.own(), store.account()
    assert account is not None  # open_store has looked
    profile = own.profile if own is not None and own.version else None
    _tell(account.phone, profile, args, stored=not store.profiles.is_due)


def _tell(number: str, profile: Profile | None, args: argparse.Namespace, **facts: object) -> None:
    picture = None if profile is None else profile.picture
    kind = None if picture is None else picture_kind(picture)
    save_to = getattr(args, "picture_to", None)
    if picture is not None and save_to is not None:
        _write_picture(save_to, picture)
    if args.json:
        shown = None if picture is None else {"kind": kind, "bytes": len(picture)}
        name, about = (None, None) if profile is None else (profile.name, profile.about)
        print_json(phone=number, name=name, about=about, picture=shown, **facts)
        return
    if profile is None:
        print(f"{readable_number(number)} shows no profile here.")
        return
    print(f"{readable_number(number)}  {safe_text(profile.name) or '(no name)'}")
    if profile.about:
        print(f"  about    {safe_text(profile.about)}")
    if picture is not None and kind is not None:
        print(f"  picture  {kind.name}, {len(picture):,} bytes")


def _write_picture(path: Path, picture: bytes) -> None:
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise ProfileError(f"{path} cannot be written: {error.strerror or error}") from None
