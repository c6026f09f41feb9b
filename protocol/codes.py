"""The error codes of the wire: one number, one name, one sentence each.

A code travels as an integer in Alert, Error, Failed and Refused. People see the name and the
sentence (`error: <wire_name>: <sentence>`); programs compare the number. Codes below 32 end a
connection, codes from 32 answer a registration request, codes from 64 answer a message or a look-up.
A peer may send a code that this version does not know: it stays a plain int, and is described as such.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final


class ErrorCode(IntEnum):
    """Why something was refused or a connection was ended."""

    # The connection ends.
    MALFORMED = 1
    FRAME_TOO_LARGE = 2
    HANDSHAKE_FAILED = 3
    HANDSHAKE_TIMEOUT = 4
    UNSUPPORTED_VERSION = 5
    UNKNOWN_STANZA = 6
    NOT_ALLOWED_HERE = 7
    TOO_SLOW = 8
    IDLE_TIMEOUT = 9
    REPLACED = 10
    LOGGED_OUT = 11
    RESTARTING = 12
    OVERLOADED = 13
    INTERNAL = 14

    # A registration was refused.
    INVALID_NUMBER = 32
    INVALID_CODE = 33
    CODE_EXPIRED = 34
    TOO_MANY_GUESSES = 35
    WAIT = 36
    ACCOUNT_EXISTS = 37
    NOT_REGISTERED = 38
    GATEWAY_FAILED = 39
    PIN_REQUIRED = 40
    PIN_WRONG = 41
    PIN_LOCKED = 42
    BANNED = 43
    ALREADY_REGISTERED = 44
    PIN_INVALID = 45

    # A message or a request was refused.
    UNKNOWN_USER = 64
    STALE_DEVICES = 65
    OUT_OF_ORDER = 66
    MAILBOX_FULL = 67
    MESSAGE_TOO_LARGE = 68
    STORAGE_FULL = 69
    NO_SUCH_REQUEST = 70
    LIST_FULL = 71

    # A request about devices was refused, or a link has ended.
    NOT_PRIMARY = 88
    BAD_DEVICE_LIST = 89
    OLD_DEVICE_LIST = 90
    TOO_MANY_DEVICES = 91
    LINK_GONE = 92
    LINK_TAKEN = 93
    LINK_CANCELLED = 94
    LINK_MISMATCH = 95

    # Something in a group was refused.
    STALE_MEMBERS = 96
    NOT_A_MEMBER = 97
    NOT_ALLOWED = 98
    GROUP_FULL = 99
    NO_SUCH_GROUP = 100
    LOG_MOVED = 101
    BAD_ENTRY = 102
    ALREADY_THERE = 103
    NO_SUCH_INVITE = 104
    APPROVAL_NEEDED = 105

    @property
    def wire_name(self) -> str:
        """The name in kebab-case, as people, logs and JSON see it."""
        return self.name.lower().replace("_", "-")

    @property
    def sentence(self) -> str:
        """One English sentence for a person."""
        return _SENTENCES[self]


class NumberProblem(IntEnum):
    """What is wrong with a phone number: the detail of `invalid-number`."""

    UNREADABLE = 1
    NO_COUNTRY_CODE = 2
    UNKNOWN_COUNTRY_CODE = 3
    TOO_SHORT = 4
    TOO_LONG = 5
    WRONG_LENGTH = 6
    NO_AREA_CODE = 7
    NO_SUCH_NUMBER = 8

    @property
    def sentence(self) -> str:
        """What a person is told."""
        return _NUMBER_PROBLEMS[self]


_NUMBER_PROBLEMS: Final[dict[NumberProblem, str]] = {
    NumberProblem.UNREADABLE: "This is not a phone number.",
    NumberProblem.NO_COUNTRY_CODE: "The number must begin with + and the country code.",
    NumberProblem.UNKNOWN_COUNTRY_CODE: "No country has the country code of this number.",
    NumberProblem.TOO_SHORT: "The number is too short for its country code.",
    NumberProblem.TOO_LONG: "The number is too long for its country code.",
    NumberProblem.WRONG_LENGTH: "No number of this country code has this length.",
    NumberProblem.NO_AREA_CODE: "The number can only be called from nearby: its area code is missing.",
    NumberProblem.NO_SUCH_NUMBER: "The country of this number has no such numbers.",
}

_SENTENCES: Final[dict[ErrorCode, str]] = {
    ErrorCode.MALFORMED: "The bytes received are not valid in this protocol.",
    ErrorCode.FRAME_TOO_LARGE: "A frame was announced that is larger than 65,535 bytes.",
    ErrorCode.HANDSHAKE_FAILED: "The handshake did not authenticate; the relay's key may have changed.",
    ErrorCode.HANDSHAKE_TIMEOUT: "The handshake was not finished in time.",
    ErrorCode.UNSUPPORTED_VERSION: "This protocol version or handshake pattern is not spoken here.",
    ErrorCode.UNKNOWN_STANZA: "A stanza type was received that is not known here.",
    ErrorCode.NOT_ALLOWED_HERE: "This stanza is not allowed in the present state of the connection.",
    ErrorCode.TOO_SLOW: "What was sent was not read for too long.",
    ErrorCode.IDLE_TIMEOUT: "Nothing was heard for longer than the agreed keepalive allows.",
    ErrorCode.REPLACED: "The same device has connected again from elsewhere.",
    ErrorCode.LOGGED_OUT: "This device was logged out: it was removed, or its number has a new phone.",
    ErrorCode.RESTARTING: "The relay is restarting; connect again in a moment.",
    ErrorCode.OVERLOADED: "The relay is overloaded; try again later.",
    ErrorCode.INTERNAL: "Something failed inside the relay; it has been logged there.",
    ErrorCode.INVALID_NUMBER: "This is not a valid phone number in international form.",
    ErrorCode.INVALID_CODE: "The code is wrong.",
    ErrorCode.CODE_EXPIRED: "The code has expired, or none was asked for; ask for a new one.",
    ErrorCode.TOO_MANY_GUESSES: "The code was guessed wrong too often; ask for a new one.",
    ErrorCode.WAIT: "Too soon; wait as long as told and try again.",
    ErrorCode.ACCOUNT_EXISTS: "This number is active on another device, which a take-over would log out.",
    ErrorCode.NOT_REGISTERED: "The relay does not know this device: it was removed, or its account is gone.",
    ErrorCode.GATEWAY_FAILED: "The code could not be sent; try again or choose another way.",
    ErrorCode.PIN_REQUIRED: "This number is protected by a PIN, which is asked for after the code.",
    ErrorCode.PIN_WRONG: "The PIN is wrong.",
    ErrorCode.PIN_LOCKED: "The PIN was guessed wrong too often today.",
    ErrorCode.PIN_INVALID: "A PIN has six digits.",
    ErrorCode.BANNED: "The operator of this relay has banned this number.",
    ErrorCode.ALREADY_REGISTERED: "This device already has an account.",
    ErrorCode.UNKNOWN_USER: "There is no such user on this relay.",
    ErrorCode.STALE_DEVICES: "The recipient's devices have changed; encrypt for the present ones.",
    ErrorCode.OUT_OF_ORDER: "The message number is not the next one of this chat.",
    ErrorCode.MAILBOX_FULL: "The recipient's mailbox is full.",
    ErrorCode.MESSAGE_TOO_LARGE: "The message is larger than the relay accepts.",
    ErrorCode.STORAGE_FULL: "The relay's disk is full; nothing was accepted.",
    ErrorCode.NO_SUCH_REQUEST: "There is nothing that this request could refer to.",
    ErrorCode.LIST_FULL: "There is no room for more in this list; take some out first.",
    ErrorCode.STALE_MEMBERS: "Somebody has left the group since; encrypt for those who are in it.",
    ErrorCode.NOT_A_MEMBER: "Only members of the group may do this.",
    ErrorCode.NOT_ALLOWED: "The group's settings leave this to its admins.",
    ErrorCode.GROUP_FULL: "The group has as many members as a group can have.",
    ErrorCode.NO_SUCH_GROUP: "There is no such group on this relay.",
    ErrorCode.LOG_MOVED: "Somebody else has changed the group meanwhile; look at it and try again.",
    ErrorCode.BAD_ENTRY: "This change of the group is not valid.",
    ErrorCode.ALREADY_THERE: "It is so already.",
    ErrorCode.NO_SUCH_INVITE: "This invitation to the group is not valid, or not any more.",
    ErrorCode.APPROVAL_NEEDED: "An admin of the group must let you in; ask for it.",
    ErrorCode.NOT_PRIMARY: "Only the first device of the account, its primary, can do this.",
    ErrorCode.BAD_DEVICE_LIST: "The device list is not one of this account's devices.",
    ErrorCode.OLD_DEVICE_LIST: "The device list is not newer than the one that is there.",
    ErrorCode.TOO_MANY_DEVICES: "An account has at most five devices; remove one first.",
    ErrorCode.LINK_GONE: "The code has expired, or there never was one like it; use the new one.",
    ErrorCode.LINK_TAKEN: "Somebody else has tried to use the same code, so it is void; use a new one.",
    ErrorCode.LINK_CANCELLED: "The other device has ended the linking; begin anew.",
    ErrorCode.LINK_MISMATCH: "This is not the device that was confirmed; begin anew.",
}


def known_code(code: int) -> int:
    """Return the ErrorCode of this number, or the number itself if this version does not know it."""
    return _BY_NUMBER.get(code, code)


def code_name(code: int) -> str:
    """Return the wire name of a code, `code-<n>` for one that this version does not know."""
    known = _BY_NUMBER.get(code)
    return known.wire_name if known is not None else f"code-{code}"


def code_sentence(code: int) -> str:
    """Return the sentence of a code, a general one for a code that this version does not know."""
    known = _BY_NUMBER.get(code)
    return known.sentence if known is not None else f"The relay refused with code {code}."


def refusal_sentence(code: int, detail: object) -> str:
    """Return the sentence of a code together with the fact that came with it, if it is understood."""
    tell = _TOLD_WITH_DETAIL.get(code)
    if tell is None or not isinstance(detail, int):
        return code_sentence(code)
    return tell(detail)


def _number_sentence(problem: int) -> str:
    """A problem that a newer relay tells apart is told in general."""
    if problem in _NUMBER_PROBLEMS:
        return NumberProblem(problem).sentence
    return ErrorCode.INVALID_NUMBER.sentence


def _wait_sentence(seconds: int) -> str:
    return f"Too soon; try again in {seconds} second{'s' * (seconds != 1)}."


def _pin_required_sentence(seconds: int) -> str:
    return (
        f"{ErrorCode.PIN_REQUIRED.sentence} Without it the number starts anew in {_duration(seconds)}, with"
        " nothing of the old account, unless the old phone is used before."
    )


def _pin_wrong_sentence(guesses: int) -> str:
    return f"{ErrorCode.PIN_WRONG.sentence} {guesses} more guess{'es' * (guesses != 1)} today."


def _pin_locked_sentence(seconds: int) -> str:
    return f"{ErrorCode.PIN_LOCKED.sentence} It can be tried again in {_duration(seconds)}."


def _duration(seconds: int) -> str:
    """A time as people say it, rounded up: nobody comes back too early."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds > size:
            return f"{-(-seconds // size)} {unit}s"
    return f"{seconds} seconds"


# {code: its sentence with the detail}
_TOLD_WITH_DETAIL: Final[dict[int, Callable[[int], str]]] = {
    ErrorCode.INVALID_NUMBER: _number_sentence,
    ErrorCode.WAIT: _wait_sentence,
    ErrorCode.PIN_REQUIRED: _pin_required_sentence,
    ErrorCode.PIN_WRONG: _pin_wrong_sentence,
    ErrorCode.PIN_LOCKED: _pin_locked_sentence,
}

_BY_NUMBER: Final[dict[int, ErrorCode]] = {int(code): code for code in ErrorCode}
