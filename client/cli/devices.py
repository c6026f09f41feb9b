"""The devices of an account: one phone, and up to four companions.

  roost devices link --home ann 7K2-M4XQ9      take in the device that shows this code (roost link), or the
                                               text that begins with roost-link:
  roost devices list --home ann
  roost devices rename --home ann 2 Kitchen
  roost devices remove --home ann 2            lock it out at once; what waits for it is gone

Only the phone that registered the number links and removes; a companion can remove itself. A name that is
given on one device is told to the others. While roost chat runs, /link CODE and /devices there do the same.
"""

import argparse
from functools import partial

from actors.ports import system_entropy
from client.cli.chat_devices import device_lines
from client.cli.choices import bring, open_online, open_store
from client.cli.command import DONE, TIME_IS_UP, add_home, add_json, print_json, run_command
from client.cli.elsewhere import history_text
from client.cli.transfers import wait_departure
from client.devices import OwnDevice, OwnDevices
from client.errors import HomeInUseError, UserInputError
from client.events import HistoryProgress
from client.phone import Phone
from protocol.e2e.linking import MAX_NAME_CHARS, Companion
from protocol.ids import DeviceId


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost devices``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    link = actions.add_parser("link", help="take a new device into the account")
    link.add_argument("invitation", metavar="CODE-OR-TEXT", help="what the new device shows")
    listing = actions.add_parser("list", help="show the devices of the account")
    rename = actions.add_parser("rename", help="call a device something")
    rename.add_argument("device", type=int, metavar="DEVICE", help="its number, as in the list")
    rename.add_argument("name", metavar="NAME")
    remove = actions.add_parser("remove", help="lock a device out, at once and for good")
    remove.add_argument("device", type=int, metavar="DEVICE", help="its number, as in the list")
    for action in (link, listing, rename, remove):
        add_home(action)
        add_json(action)


def run(args: argparse.Namespace) -> int:
    """Do it; 0 done, 2 wrong usage, 3 refused, 4 no answer."""
    actions = {"link": _link, "list": _list, "rename": _rename, "remove": _remove}
    return run_command(partial(actions[args.action], args))


async def _link(args: argparse.Namespace) -> int:
    try:
        return await _link_as_phone(args)
    except HomeInUseError:
        instead = "if it is a chat, type /link CODE there; otherwise stop it first"
        raise HomeInUseError(args.home, instead) from None


async def _link_as_phone(args: argparse.Namespace) -> int:
    async with open_online(args.home) as phone:

        def met(companion: Companion) -> None:
            if not args.json:
                print(f"{companion.name or 'The new device'} knows the code; linking ...", flush=True)

        def went(progress: HistoryProgress) -> None:
            if not args.json:
                print(history_text(progress), flush=True)

        device = await phone.link_device(args.invitation, system_entropy, met)
        if args.json:
            print_json(**_fields(device))
        else:
            print(f"Linked: device {device.device}, {device.name or 'without a name'}.", flush=True)
        if not await wait_departure(phone, device.device, went) and not args.json:
            print("The rest of its history goes to it with the next connection.")
    return DONE


async def _list(args: argparse.Namespace) -> int:
    with open_store(args.home) as store:
        devices = store.devices.all()
    if args.json:
        print_json(devices=[_fields(device) for device in devices])
        return DONE
    for line in device_lines(devices):
        print(line)
    return DONE


async def _rename(args: argparse.Namespace) -> int:
    name = args.name.strip()
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise UserInputError(f"a name has 1 to {MAX_NAME_CHARS} printable characters")
    with open_store(args.home) as store:
        device = _known(store.devices, args.device)
        word = store.devices.rename(device.device, name)
        is_told = word is None or await bring(args.home, lambda: store.devices.are_told(word))
    later = "" if is_told else " here; the other devices hear of it with the next connection"
    sentence = f"Device {device.device} is called {name}{later}."
    _say(args, sentence, device=device.device, name=name, told=is_told)
    return DONE if is_told else TIME_IS_UP


async def _remove(args: argparse.Namespace) -> int:
    async with open_online(args.home) as phone:
        device = _known(phone.devices, args.device)
        if device.is_primary:
            raise UserInputError("the phone itself cannot be removed; roost account delete ends the account")
        await _take_out(phone, device)
    return _say(args, f"Device {device.device} is locked out.", removed=device.device)


async def _take_out(phone: Phone, device: OwnDevice) -> None:
    if device.is_this:
        await phone.leave_account()
    else:
        await phone.remove_device(device.device)


def _known(devices: OwnDevices, number: int) -> OwnDevice:
    for device in devices.all():
        if device.device == DeviceId(number):
            return device
    raise UserInputError(f"this account has no device {number}; roost devices list shows them")


def _say(args: argparse.Namespace, sentence: str, **fields: object) -> int:
    if args.json:
        print_json(**fields)
    else:
        print(sentence)
    return DONE


def _fields(device: OwnDevice) -> dict[str, object]:
    return {
        "device": device.device,
        "name": device.name,
        "is_primary": device.is_primary,
        "is_this": device.is_this,
        "linked_at": device.linked_at,
    }
