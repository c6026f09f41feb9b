"""The state machine of a connection, as tables: one for each side, and what may be said in which state.

The connection objects look everything up here and decide nothing themselves; the diagrams of
docs/wire-protocol.md are generated from these tables (tables.py).
"""

from enum import Enum
from typing import Any, Final, TypeAlias

from protocol import stanzas as s
from protocol.schema import SCHEMA, Sender


class State(Enum):
    """Where a connection stands. The value is its name in the documentation."""

    __hash__ = object.__hash__  # Enum's own is a Python function, and each frame looks its state up

    AWAIT_PREAMBLE = "await-preamble"
    """Relay: nothing has come yet."""
    HANDSHAKE = "handshake"
    """Both: Noise messages are under way."""
    UNCONFIRMED = "unconfirmed"
    """Relay, IK only: the first message may be a replay; nothing is done until a frame decrypts."""
    AWAIT_WELCOME = "await-welcome"
    """Client: the handshake is done; the relay has not yet said who it takes us for."""
    STRANGER = "stranger"
    """Both: no account has this static key; only registration is possible."""
    ONLINE = "online"
    """Both: a device of an account."""
    CLOSED = "closed"
    """Both: for good. What comes is ignored; what is queued may still be taken and written."""


class Step(Enum):
    """What moves a connection from one state to the next. The value is the label in the diagrams."""

    __hash__ = object.__hash__  # likewise

    PREAMBLE = "preamble"
    IK_MESSAGE = "IK message 1"
    PROVED_KNOWN = "fresh proof, key of an account"
    PROVED_STRANGER = "fresh proof, unknown key"
    HANDSHAKE_DONE = "last handshake message"
    WELCOME_KNOWN = "Welcome, user > 0"
    WELCOME_STRANGER = "Welcome, user = 0"
    REGISTERED = "Registered"
    END = "Error, alert or close"


Transitions: TypeAlias = dict[State, dict[Step, State]]
StanzasByState: TypeAlias = dict[State, frozenset[type[Any]]]

# "Fresh proof" is XX message 3, or the first transport frame after IK: neither can be a replay.
RELAY_TRANSITIONS: Final[Transitions] = {
    State.AWAIT_PREAMBLE: {Step.PREAMBLE: State.HANDSHAKE, Step.END: State.CLOSED},
    State.HANDSHAKE: {
        Step.PROVED_KNOWN: State.ONLINE,
        Step.PROVED_STRANGER: State.STRANGER,
        Step.IK_MESSAGE: State.UNCONFIRMED,
        Step.END: State.CLOSED,
    },
    State.UNCONFIRMED: {
        Step.PROVED_KNOWN: State.ONLINE,
        Step.PROVED_STRANGER: State.STRANGER,
        Step.END: State.CLOSED,
    },
    State.STRANGER: {Step.REGISTERED: State.ONLINE, Step.END: State.CLOSED},
    State.ONLINE: {Step.REGISTERED: State.ONLINE, Step.END: State.CLOSED},
    State.CLOSED: {Step.END: State.CLOSED},
}

CLIENT_TRANSITIONS: Final[Transitions] = {
    State.HANDSHAKE: {Step.HANDSHAKE_DONE: State.AWAIT_WELCOME, Step.END: State.CLOSED},
    State.AWAIT_WELCOME: {
        Step.WELCOME_KNOWN: State.ONLINE,
        Step.WELCOME_STRANGER: State.STRANGER,
        Step.END: State.CLOSED,
    },
    State.STRANGER: {
        Step.REGISTERED: State.ONLINE,
        Step.WELCOME_KNOWN: State.ONLINE,
        Step.WELCOME_STRANGER: State.STRANGER,
        Step.END: State.CLOSED,
    },
    State.ONLINE: {
        Step.REGISTERED: State.ONLINE,
        Step.WELCOME_KNOWN: State.ONLINE,
        Step.END: State.CLOSED,
    },
    State.CLOSED: {Step.END: State.CLOSED},
}


def _by(sender: Sender) -> frozenset[type[Any]]:
    """Everything that a side may ever send."""
    return frozenset(spec.stanza for spec in SCHEMA if spec.sender in (sender, Sender.BOTH))


_ALIVE: Final = frozenset({s.Ping, s.Pong, s.Error})
_NOTHING: Final[frozenset[type[Any]]] = frozenset()
_COMPANIONS_WORDS: Final = frozenset({s.OpenLink, s.PollLink, s.AnswerLink, s.CompleteLink, s.CancelLink})

# A device that has an account may still ask to register: its first Register may have been answered while
# the connection broke, and already-registered tells it more than a closed connection would.
CLIENT_MAY_SEND: Final[StanzasByState] = {
    State.AWAIT_PREAMBLE: _NOTHING,
    State.HANDSHAKE: _NOTHING,
    State.UNCONFIRMED: _NOTHING,  # the frame that brings a stanza has already left this state
    State.AWAIT_WELCOME: _by(Sender.CLIENT),  # the client knows what it is; the relay judges
    State.STRANGER: _ALIVE | {s.RequestCode, s.Register} | _COMPANIONS_WORDS,
    State.ONLINE: _by(Sender.CLIENT),
    State.CLOSED: _NOTHING,
}

RELAY_MAY_SEND: Final[StanzasByState] = {
    State.AWAIT_PREAMBLE: _NOTHING,
    State.HANDSHAKE: _NOTHING,
    State.UNCONFIRMED: frozenset({s.Error}),
    State.AWAIT_WELCOME: _ALIVE | {s.Welcome},
    State.STRANGER: _ALIVE | {s.Welcome, s.CodeSent, s.Registered, s.Failed, s.LinkOpened, s.LinkState},
    State.ONLINE: _by(Sender.RELAY),
    State.CLOSED: _NOTHING,
}

# What a relay without test hooks hears: to it TestCrash is a type like any other that it does not know.
CLIENT_MAY_SEND_IN_PRODUCTION: Final[StanzasByState] = {
    state: stanzas - {s.TestCrash} for state, stanzas in CLIENT_MAY_SEND.items()
}
