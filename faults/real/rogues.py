"""Accounts for intruders: registered as any phone's, with codes that the node has written into its SMS file.

Made when a stroke needs them and kept in a file of the run's folder, so that the next stroke has them again:
codes are limited, and a relay that was restored may not know them any more (then they are registered anew).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import trio

from faults.real.fault import Broken
from faults.real.intruder import PING, WELCOME, Door, Ended, Intruder, door_of
from protocol import ErrorCode, KeyPair, code_name, stanzas
from protocol.codec import WireItem
from protocol.schema import SPEC_OF_CLASS

if TYPE_CHECKING:
    from faults.real.arena import Arena
    from faults.real.node import NodeProcess

# Numbers of a German mobile network that has given out none that begin so; the crowd has others.
PHONE_PREFIX: Final = "+491577"
PHONE_DIGITS: Final = 7

REGISTRATION_SECONDS: Final = 120.0
"""For one account: a relay that is out of codes says `wait`, and means it."""

_REQUEST_CODE: Final = SPEC_OF_CLASS[stanzas.RequestCode].number
_CODE_SENT: Final = SPEC_OF_CLASS[stanzas.CodeSent].number
_REGISTER: Final = SPEC_OF_CLASS[stanzas.Register].number
_REGISTERED: Final = SPEC_OF_CLASS[stanzas.Registered].number
_FAILED: Final = SPEC_OF_CLASS[stanzas.Failed].number

_FAILED_CODE, _FAILED_DETAIL = 2, 3


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody whom the relay knows, and who means no good."""

    phone: str
    private: bytes
    user: int
    device: int = 1

    @property
    def keys(self) -> KeyPair:
        return KeyPair.from_private_bytes(self.private)


class Rogues:
    """All accounts that intruders have at one node.

    Args:
        door: the node.
        sms: the file into which it writes codes.
        file: where the accounts are kept.
    """

    def __init__(self, door: Door, sms: Path, file: Path) -> None:
        self._door = door
        self._sms = sms
        self._file = file

    async def take(self, count: int) -> list[Account]:
        """So many accounts that the relay knows; the first of them are always the same.

        Raises:
            Broken: the relay does not register them.
        """
        kept = self._load()
        # A relay is set back as a whole: the first and the last of them stand for all.
        if kept and not (await self._is_known(kept[0]) and await self._is_known(kept[-1])):
            kept = []
        for index in range(len(kept), count):
            kept.append(await self._register(f"{PHONE_PREFIX}{index:0{PHONE_DIGITS}d}"))
            self._save(kept)
        return kept[:count]

    async def _is_known(self, account: Account) -> bool:
        intruder = await Intruder.at(self._door)
        try:
            await intruder.shake_hands(account.keys, self._door.key)
            await intruder.say(PING)
            return bool((await intruder.hear_first(WELCOME))[1] == account.user)
        except Ended as ended:
            raise Broken(f"an account was not let in: {ended}") from None
        finally:
            intruder.hang_up()

    async def _register(self, phone: str) -> Account:
        private = os.urandom(32)
        intruder = await Intruder.at(self._door)
        try:
            with trio.fail_after(REGISTRATION_SECONDS):
                await intruder.shake_hands(KeyPair.from_private_bytes(private), self._door.key)
                await ask_patiently(intruder, (_REQUEST_CODE, 1, phone, "sms"), _CODE_SENT)
                code = newest_code(self._sms, phone)
                answer = await ask_patiently(intruder, register_item(2, phone, code), _REGISTERED)
        except (Ended, trio.TooSlowError) as error:
            raise Broken(f"an account was not registered: {error or 'no answer'}") from None
        finally:
            intruder.hang_up()
        return Account(phone, private, answer[2], answer[3])

    def _load(self) -> list[Account]:
        if not self._file.exists():
            return []
        rows = json.loads(self._file.read_text())
        return [Account(phone, bytes.fromhex(key), user, device) for phone, key, user, device in rows]

    def _save(self, accounts: Sequence[Account]) -> None:
        rows = [[each.phone, each.private.hex(), each.user, each.device] for each in accounts]
        self._file.write_text(json.dumps(rows))


def rogues_of(arena: Arena) -> Rogues:
    """The intruders' accounts of a run."""
    return rogues_at(arena.node, arena.folder)


def rogues_at(node: NodeProcess, folder: Path) -> Rogues:
    """The intruders' accounts at a node, kept in a folder."""
    return Rogues(door_of(node), node.sms, folder / "rogues.json")


def register_item(request: int, phone: str, code: str) -> WireItem:
    """A Register with keys that only phones would look at; it takes the number over."""
    return (_REGISTER, request, phone, code, b"i" * 32, 1, b"s" * 32, b"g" * 64, (), 1)


def newest_code(sms: Path, phone: str) -> str:
    """The code that went to this number last.

    Raises:
        Broken: none did.
    """
    for line in reversed(sms.read_text().splitlines()):
        row: dict[str, Any] = json.loads(line)
        if row["phone"] == phone:
            return str(row["code"])
    raise Broken(f"no code was sent to {phone}, though the relay said so")


async def ask_patiently(intruder: Intruder, request: WireItem, answer: int) -> tuple[Any, ...]:
    """Ask, and ask again after as long as told, until the answer is there.

    Raises:
        Ended: the connection.
        Broken: another refusal than `wait`.
    """
    while True:
        await intruder.say(request)
        heard: tuple[Any, ...] = await intruder.hear_first(answer, _FAILED)
        if heard[0] == answer:
            return heard
        if heard[_FAILED_CODE] != ErrorCode.WAIT:
            raise Broken(f"asked for an account, and was refused: {code_name(heard[_FAILED_CODE])}")
        await trio.sleep(heard[_FAILED_DETAIL])
