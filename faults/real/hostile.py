"""Malicious clients: every stanza in every state, every field wrong, and what is not theirs.

The relay must answer with the refusal that the tables name, or close with a code; its workers and actors must
live; and what belongs to others must be as it was, by their own view.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, Any, Final

import cbor2
import trio

from faults.real import crimes, misdeeds
from faults.real.bystanders import Bystanders, open_bystanders
from faults.real.crimes import Crime
from faults.real.estate import FAILED, Estate, answer_to, ask, found_estate, take_stock
from faults.real.fault import Broken, Fault, Stroke
from faults.real.intruder import PING, WELCOME, Door, Ended, Intruder, door_of, new_keys
from faults.real.misdeeds import REQUEST, Misdeed
from faults.real.rogues import Account, rogues_of
from faults.real.toll import check_alive, take_toll, until_given_back
from faults.real.watching import GIVEN_BACK_SECONDS, OTHERS, SPARE
from protocol import (
    Address,
    DeviceAddress,
    DeviceId,
    ErrorCode,
    GroupAddress,
    GroupId,
    KeyPair,
    MemberAddress,
    UserId,
    address_to_bytes,
    code_name,
    stanzas,
)
from protocol.fields import Names
from protocol.limits import MAX_CLIENT_NAME_CHARS, MAX_HELLO_BYTES, MAX_UINT63
from protocol.schema import SPEC_OF_CLASS
from protocol.state import State

if TYPE_CHECKING:
    from faults.real.arena import Arena

FEWEST, MOST = 100, 1_300
"""Misdeeds of a stroke, by its size; there are some 1,200, so the largest stroke tries them all."""

CULPRITS: Final = 8
"""Accounts that take turns: each misdeed that ends a connection costs a login, and those are limited."""

ANSWER_SECONDS: Final = 20.0
"""How long the relay may take to say what it makes of something, on a busy machine."""

_ACCEPTED: Final = SPEC_OF_CLASS[stanzas.Accepted].number
_REFUSED: Final = SPEC_OF_CLASS[stanzas.Refused].number
_SEND: Final = SPEC_OF_CLASS[stanzas.Send].number
_SEND_GROUP: Final = SPEC_OF_CLASS[stanzas.SendGroup].number
_DELIVER: Final = SPEC_OF_CLASS[stanzas.Deliver].number
_BIND: Final = SPEC_OF_CLASS[stanzas.Bind].number
_FETCH_PROGRESS: Final = SPEC_OF_CLASS[stanzas.FetchProgress].number
_REFUSED_CODE: Final = 3
_FAILED_CODE: Final = 2

HANDLES: Final = {Names.USER: 0, Names.DEVICE: 2, Names.GROUP: 4, Names.MEMBER: 6}
NOBODYS_GROUP: Final = GroupId(0x6E6F626F6479)


class Culprits:
    """Accounts that misbehave in turns, one connection at a time in each state.

    Args:
        door: at which node.
        accounts: who they are.
        victim: of whom they speak.
    """

    def __init__(self, door: Door, accounts: Sequence[Account], victim: Account) -> None:
        self._door = door
        self._accounts = list(accounts)
        self._victim = DeviceAddress(UserId(victim.user), DeviceId(victim.device))
        self._there: dict[State, Intruder] = {}

    async def commit(self, misdeed: Misdeed) -> None:
        """Do it, and see that the relay answers as it must.

        Raises:
            Broken: it does not.
        """
        intruder = await self._in_state(misdeed.state)
        try:
            with trio.fail_after(ANSWER_SECONDS):
                wrong = await _say(intruder, misdeed)
        except trio.TooSlowError:
            wrong = f"the relay said nothing for {ANSWER_SECONDS:.0f} s"
        if wrong is not None:
            raise Broken(f"{misdeed}: {wrong}")
        if misdeed.ends_with is not None or misdeed.is_goodbye:
            self._there.pop(misdeed.state).hang_up()

    def hang_up(self) -> None:
        for intruder in self._there.values():
            intruder.hang_up()

    async def _in_state(self, state: State) -> Intruder:
        if state not in self._there:
            stranger = state is State.STRANGER
            self._there[state] = await (self._come_as_stranger() if stranger else self._log_in())
        return self._there[state]

    async def _come_as_stranger(self) -> Intruder:
        return await Intruder.log_in(self._door, new_keys())

    async def _log_in(self) -> Intruder:
        intruder = await log_in_patiently(self._door, self._accounts)
        bound: dict[Names, Address] = {
            Names.USER: self._victim.user,
            Names.DEVICE: self._victim,
            Names.GROUP: GroupAddress(NOBODYS_GROUP),
            Names.MEMBER: MemberAddress(NOBODYS_GROUP, self._victim.user, self._victim.device),
        }
        await intruder.say(*((_BIND, HANDLES[names], address_to_bytes(bound[names])) for names in HANDLES))
        return intruder


async def log_in_patiently(door: Door, accounts: list[Account]) -> Intruder:
    """Let the next of some accounts in; when it is told to wait, the one after it.

    Raises:
        Ended: refused for another reason.
    """
    while True:
        account = accounts.pop(0)
        accounts.append(account)
        try:
            return await Intruder.log_in(door, account.keys)
        except Ended as ended:
            if ended.code not in (ErrorCode.WAIT, ErrorCode.OVERLOADED):
                raise
            await trio.sleep(1 / len(accounts))


async def _say(intruder: Intruder, misdeed: Misdeed) -> str | None:
    """Say it; what is wrong with the answer, in words, or None."""
    try:
        await intruder.say(misdeed.item)
        if misdeed.ends_with is not None or misdeed.is_goodbye:
            heard = await intruder.hear_until_quiet()
            return f"the connection went on, and was told {heard}"
        if misdeed.is_asked:
            answer = await _answer(intruder, misdeed.item)
            if _is_internal(answer):
                return "the relay failed inside"
        await intruder.hear_until_quiet(owed=int(_type_of(misdeed.item) == PING))
    except Ended as ended:
        if misdeed.is_goodbye and ended.code is None:
            return None
        expected = misdeed.ends_with
        if ended.code != expected or expected is None:
            said = "an answer" if expected is None else expected.wire_name
            return f"the relay ended the connection with {ended}, instead of {said}"
    return None


def _type_of(item: Any) -> Any:
    return item[0] if type(item) is tuple else item


async def _answer(intruder: Intruder, item: Any) -> tuple[Any, ...]:
    """The answer to a request, or to a message."""
    if _type_of(item) in (_SEND, _SEND_GROUP):
        return await intruder.hear_first(_ACCEPTED, _REFUSED)
    while True:
        heard = await intruder.hear()
        if type(heard) is tuple and heard[0] not in (_DELIVER, _BIND) and heard[1:2] == (REQUEST,):
            return heard


def _is_internal(answer: tuple[Any, ...]) -> bool:
    code = {FAILED: _FAILED_CODE, _REFUSED: _REFUSED_CODE}.get(answer[0])
    return code is not None and answer[code] == ErrorCode.INTERNAL


# ---- the strokes ----


@asynccontextmanager
async def _watched(arena: Arena, accounts: Sequence[Account]) -> AsyncIterator[Bystanders]:
    """Two others write to each other; no worker ends, no actor crashes, nothing is left open."""
    before = await take_toll(arena.node)
    async with open_bystanders(door_of(arena.node), accounts) as others:
        yield others
    after = await until_given_back(arena.node, before, GIVEN_BACK_SECONDS, SPARE)
    check_alive(before, after)


async def _break_rules(arena: Arena, stroke: Stroke) -> str:
    count = round(FEWEST + (MOST - FEWEST) * stroke.size)
    *others, first, second = (accounts := await rogues_of(arena).take(OTHERS + CULPRITS))[: OTHERS + 2]
    door = door_of(arena.node)
    chosen = choose(stroke.random, count)
    async with _watched(arena, others) as pair:
        culprits = Culprits(door, accounts[OTHERS + 1 :], first)
        try:
            for misdeed in chosen:
                await culprits.commit(misdeed)
        finally:
            culprits.hang_up()
        await _say_strange_hellos(door, second.keys)
    return f"{len(chosen)} misdeeds, each answered as the tables say. {pair}"


def choose(random: Random, count: int) -> list[Misdeed]:
    """So many of all that there are, in their order."""
    everything = list(misdeeds.misdeeds(HANDLES))
    places = sorted(random.sample(range(len(everything)), min(count, len(everything))))
    return [everything[place] for place in places]


HELLOS: Final[dict[str, bytes]] = {
    "nothing": b"",
    "no array": cbor2.dumps(1),
    "an empty array": cbor2.dumps([]),
    "a field too few": cbor2.dumps([0, 0]),
    "a negative resume point": cbor2.dumps([0, -1, ""]),
    "a resume point that is none": cbor2.dumps([0, MAX_UINT63 + 1, ""]),
    "a name too long": cbor2.dumps([0, 0, "x" * (MAX_CLIENT_NAME_CHARS + 1)]),
    "a name that is none": cbor2.dumps([0, 0, b"x"]),
    "more than there is room for": cbor2.dumps([0, 0, "", b"x" * MAX_HELLO_BYTES]),
    "broken CBOR": b"\x83\x00\x00",
    "deep arrays": b"\x81" * 500 + b"\x00",
}


async def _say_strange_hellos(door: Door, keys: KeyPair) -> None:
    for what, hello in HELLOS.items():
        for relay_key in (None, door.key):
            intruder = await Intruder.at(door)
            try:
                with trio.fail_after(ANSWER_SECONDS):
                    await intruder.shake_hands(keys, relay_key, hello)
                    await intruder.say(PING)
                    await intruder.hear_first(WELCOME)
                raise Broken(f"a hello that is {what} was taken")
            except Ended as ended:
                if ended.code != ErrorCode.MALFORMED:
                    raise Broken(f"a hello that is {what} was answered with {ended}") from None
            except trio.TooSlowError:
                raise Broken(f"a hello that is {what} was not answered") from None
            finally:
                intruder.hang_up()


async def _commit_crimes(arena: Arena, stroke: Stroke) -> str:
    # Others than break the rules: an account that has changed much is told to wait, and tries nothing.
    accounts = await rogues_of(arena).take(OTHERS + CULPRITS + 2)
    victims, culprit, friend = accounts[OTHERS : OTHERS + 2], accounts[-2], accounts[-1]
    door = door_of(arena.node)
    async with _watched(arena, accounts[:OTHERS]) as pair:
        estate = await found_estate(door, victims)
        before = await take_stock(door, estate)
        done, put_off = await _do_all(door, estate, culprit, friend, stroke.random)
        after = await take_stock(door, estate)
        for what, was in before.items():
            if after[what] != was:
                raise Broken(f"somebody else has changed the {what}")
        await _still_serves(door, culprit, friend)
    return (
        f"{done} crimes against others ({put_off} were told to wait); nothing of theirs was touched. {pair}"
    )


async def _do_all(
    door: Door, estate: Estate, culprit: Account, friend: Account, random: Random
) -> tuple[int, int]:
    """Commit all crimes; how many there were, and how many were put off."""
    put_off = 0
    intruder = await log_in_patiently(door, [culprit])
    stranger = await Intruder.log_in(door, new_keys())
    try:
        await intruder.say(*crimes.binds(estate, friend))
        progress = await ask(intruder, (_FETCH_PROGRESS, REQUEST, (friend.user,)))
        all_of_them = crimes.crimes(estate, culprit, progress[2][0][1] + 1)
        random.shuffle(all_of_them)
        for crime in all_of_them:
            put_off += not await commit_crime(stranger if crime.as_stranger else intruder, crime)
    finally:
        intruder.hang_up()
        stranger.hang_up()
    return len(all_of_them), put_off


async def commit_crime(intruder: Intruder, crime: Crime) -> bool:
    """Do it, and see that it is refused by the right name; False if it was only put off (`wait`).

    Raises:
        Broken: it is not.
    """
    try:
        with trio.fail_after(ANSWER_SECONDS):
            code = await _refusal_of(intruder, crime)
    except Ended as ended:
        raise Broken(f"{crime.what}: the relay ended the connection with {ended}") from None
    except trio.TooSlowError:
        raise Broken(f"{crime.what}: no answer for {ANSWER_SECONDS:.0f} s") from None
    if code == ErrorCode.WAIT:  # an account may change only so many things a minute
        return False
    if crime.codes and code not in crime.codes:
        said = "it was done" if code is None else f"it was refused with {code_name(code)}"
        expected = " or ".join(sorted(each.wire_name for each in crime.codes))
        raise Broken(f"{crime.what}: {said}, instead of {expected}")
    return True


async def _refusal_of(intruder: Intruder, crime: Crime) -> int | None:
    """With which code it is refused; None if it is not."""
    if not crime.codes:
        await intruder.say(crime.item)
        await intruder.hear_until_quiet()
        return None
    assert type(crime.item) is tuple
    if crime.item[0] in (_SEND, _SEND_GROUP):
        await intruder.say(crime.item)
        answer = await intruder.hear_first(_ACCEPTED, _REFUSED)
        return answer[_REFUSED_CODE] if answer[0] == _REFUSED else None
    answer = await answer_to(intruder, crime.item)
    return answer[_FAILED_CODE] if answer[0] == FAILED else None


async def _still_serves(door: Door, culprit: Account, friend: Account) -> None:
    """Whoever has behaved so badly still gets what is written to them: the harm was only tried."""
    writer, reader = [await log_in_patiently(door, [each]) for each in (friend, culprit)]
    try:
        await writer.say((_BIND, 0, address_to_bytes(UserId(culprit.user))))
        progress = await ask(writer, (_FETCH_PROGRESS, REQUEST, (culprit.user,)))
        with trio.fail_after(ANSWER_SECONDS):
            await writer.say((_SEND, 0, progress[2][0][1] + 1, b"still there?"))
            while (await reader.hear_first(_DELIVER))[4] != b"still there?":
                pass
    except trio.TooSlowError:
        raise Broken("an account that had misbehaved got no messages any more") from None
    finally:
        writer.hang_up()
        reader.hang_up()


_OTHERS: Final = "Others wait no more than 10 s for their ticks; no worker ends, no actor crashes"

FAULTS: Final = (
    Fault(
        "rule breaker",
        "every stanza in every state, with every field missing, too large or of another kind; strange hellos",
        "Each is refused by the name that the tables give it, and never with `internal`. " + _OTHERS + ".",
        _break_rules,
        weight=8,
    ),
    Fault(
        "thief",
        "groups one is no member of, others' devices, numbers, ticks and links; acknowledgements far ahead",
        "Each is refused by name, and nothing of others is changed by their own view. " + _OTHERS + ".",
        _commit_crimes,
        weight=8,
    ),
)
