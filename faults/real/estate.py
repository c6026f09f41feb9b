"""What two people own at a relay, so that it can be seen whether somebody else has touched it.

A group of the two, a profile piece, their device lists and settings, and how far their messages to each other
are. Looked at by their own devices, in their own words to the relay, before and after.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.load.founding import MAX_EPOCH, founding_entries
from faults.real.fault import Broken
from faults.real.intruder import Door, Intruder
from faults.real.rogues import Account
from protocol import (
    DeviceAddress,
    DeviceId,
    GroupAddress,
    GroupId,
    UserId,
    address_to_bytes,
    code_name,
    stanzas,
)
from protocol.codec import WireItem
from protocol.schema import SPEC_OF_CLASS

FAILED: Final = SPEC_OF_CLASS[stanzas.Failed].number

_ACCEPTED: Final = SPEC_OF_CLASS[stanzas.Accepted].number
_REFUSED: Final = SPEC_OF_CLASS[stanzas.Refused].number
_BIND: Final = SPEC_OF_CLASS[stanzas.Bind].number
_SEND_GROUP: Final = SPEC_OF_CLASS[stanzas.SendGroup].number
_APPEND: Final = SPEC_OF_CLASS[stanzas.AppendEntries].number
_FETCH_LOG: Final = SPEC_OF_CLASS[stanzas.FetchLog].number
_FETCH_BUNDLES: Final = SPEC_OF_CLASS[stanzas.FetchBundles].number
_FETCH_PROGRESS: Final = SPEC_OF_CLASS[stanzas.FetchProgress].number
_FETCH_PROFILE: Final = SPEC_OF_CLASS[stanzas.FetchProfile].number
_STORE_PROFILE: Final = SPEC_OF_CLASS[stanzas.StoreProfile].number
_CHANGE_SETTINGS: Final = SPEC_OF_CLASS[stanzas.ChangeSettings].number

_REQUEST: Final = 1

BUNDLE_NUMBERS: Final = 3
"""The place in a Bundles behind the bundles themselves, of which fetching uses some up."""


@dataclass(frozen=True, slots=True)
class Estate:
    """Whose it is, and their group."""

    owners: Sequence[Account]
    group: GroupId
    log: tuple[bytes, ...]

    @property
    def addresses(self) -> list[DeviceAddress]:
        return [DeviceAddress(UserId(each.user), DeviceId(each.device)) for each in self.owners]


async def found_estate(door: Door, owners: Sequence[Account]) -> Estate:
    """Give two accounts something to lose.

    Raises:
        Broken: the relay refuses it.
        Ended, OSError: it lets nobody in.
    """
    group = GroupId(int.from_bytes(os.urandom(8)) >> 1 | 1)
    first, second = owners
    author = DeviceAddress(UserId(first.user), DeviceId(first.device))
    log = tuple(founding_entries(group, author, [first.user, second.user]))
    owner = await Intruder.log_in(door, first.keys)
    try:
        await ask(owner, (_APPEND, _REQUEST, group, log))
        await ask(owner, (_STORE_PROFILE, _REQUEST, 1, 0, b"a profile"))
        await owner.say((_BIND, 0, address_to_bytes(GroupAddress(group))))
        await owner.say((_SEND_GROUP, 0, 1, MAX_EPOCH, b"between us"))
        answer = await owner.hear_first(_ACCEPTED, _REFUSED)
        if answer[0] == _REFUSED:
            raise Broken(f"a member's message to the group was refused: {code_name(answer[3])}")
    finally:
        owner.hang_up()
    return Estate(owners, group, log)


async def take_stock(door: Door, estate: Estate) -> dict[str, Any]:
    """Everything that nobody else may have touched, by the owners' own view.

    Raises:
        Broken: the relay refuses to show it to them.
        Ended, OSError: it lets them in no more.
    """
    first, second = estate.owners
    stock: dict[str, Any] = {}
    for owner, other in ((first, second), (second, first)):
        device = await Intruder.log_in(door, owner.keys)
        try:
            name = owner.phone
            bundles = await ask(device, (_FETCH_BUNDLES, _REQUEST, other.user, ()))
            stock[f"devices of {other.phone}"] = bundles[BUNDLE_NUMBERS:]
            stock[f"group's log for {name}"] = await ask(device, (_FETCH_LOG, _REQUEST, estate.group, 0))
            stock[f"settings of {name}"] = await ask(
                device, (_CHANGE_SETTINGS, _REQUEST, None, (), (), (), ())
            )
            stock[f"profile of {other.phone}"] = await ask(
                device, (_FETCH_PROFILE, _REQUEST, other.user, 0, 0)
            )
            stock[f"ticks of {name}"] = await ask(
                device, (_FETCH_PROGRESS, _REQUEST, (other.user,), (estate.group,))
            )
        finally:
            device.hang_up()
    return stock


async def ask(device: Intruder, request: WireItem) -> tuple[Any, ...]:
    """An answer that is none of the refusals.

    Raises:
        Broken: it is one.
        Ended: there is none.
    """
    answer = await answer_to(device, request)
    if answer[0] == FAILED:
        raise Broken(f"an owner asked for what is theirs, and was refused: {code_name(answer[2])}")
    return answer


async def answer_to(device: Intruder, request: WireItem) -> tuple[Any, ...]:
    """Whatever is answered to a request.

    Raises:
        Ended: nothing is.
    """
    assert type(request) is tuple
    await device.say(request)
    while True:
        item = await device.hear()
        if type(item) is tuple and len(item) > 1 and item[1] == request[1] and item[0] > _LAST_EVERYDAY:
            return item
        if type(item) is tuple and item[:2] == (FAILED, request[1]):
            return item


_LAST_EVERYDAY: Final = SPEC_OF_CLASS[stanzas.Welcome].number
"""Above it are requests and answers, whose first field is the request's number."""
