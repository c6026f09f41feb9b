"""A relay that lies: a real node, whose words to devices pass a liar on their way out.

Everything that a node says to a device once it has logged in goes through `RelayConnection.send`, in the
clear, behind all honest work. So a liar there can say whatever a hostile relay could: it may change, drop,
repeat, hold back and invent stanzas, and it knows all that the relay knows. What it cannot do is what the
relay cannot: open what is encrypted end to end, or sign for somebody.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest

from protocol import (
    Address,
    Deliver,
    DeviceAddress,
    GroupAddress,
    MemberAddress,
    MessageNumber,
    RelayConnection,
    Seq,
    Stanza,
    Tick,
    UserId,
)

Lie: TypeAlias = Callable[[Stanza], Sequence[Stanza]]
"""What a device is told instead of a stanza: nothing, the same, something else, or more."""

FalseNumbers: TypeAlias = Callable[[str | None], str | None]
"""What number a device is told somebody has, instead of the true one."""


@dataclass(slots=True)
class Liar:
    """Who decides what each device hears. Without a lie everything passes as it is."""

    lies: dict[bytes, Lie] = field(default_factory=dict)
    """{static key of the device that is lied to: how}"""
    numbers: dict[bytes, FalseNumbers] = field(default_factory=dict)
    """{static key of the device that is lied to: how about the numbers of those who write to it}"""
    heard: list[tuple[bytes, Stanza]] = field(default_factory=list)
    """All that went out, after the lies, in order."""

    def lie_to(self, static_key: bytes, lie: Lie) -> None:
        """From now on a device hears what `lie` makes of each stanza."""
        self.lies[static_key] = lie

    def be_honest(self) -> None:
        """No more lies."""
        self.lies.clear()
        self.numbers.clear()

    def tell(self, static_key: bytes, stanza: Stanza) -> list[Stanza]:
        """What a device is told."""
        lie = self.lies.get(static_key)
        told = list(lie(stanza)) if lie is not None else [stanza]
        self.heard += [(static_key, each) for each in told]
        return told

    def number(self, static_key: bytes, phone: str | None) -> str | None:
        """What a device is told is somebody's number."""
        lie = self.numbers.get(static_key)
        return phone if lie is None else lie(phone)

    def deliveries_to(self, static_key: bytes) -> list[Deliver]:
        """Every delivery that a device has been told, repetitions included."""
        return [each for key, each in self.heard if key == static_key and isinstance(each, Deliver)]


@contextmanager
def liar_at_the_relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Liar]:
    """Have all nodes of this process speak through a liar."""
    liar, send, bind = Liar(), RelayConnection.send, RelayConnection.bind

    def say(self: RelayConnection, *stanzas: Stanza) -> None:
        for stanza in stanzas:
            send(self, *liar.tell(self.remote_static, stanza))

    def deliver(
        self: RelayConnection, seq: Seq, chat: DeviceAddress | MemberAddress, rest: tuple[Any, ...]
    ) -> None:
        say(self, Deliver(seq, chat, *rest))

    def tick(self: RelayConnection, kind: type[Tick], chat: UserId | GroupAddress, number: int) -> None:
        say(self, kind(chat, MessageNumber(number)))

    def introduce(self: RelayConnection, address: Address, phone: str | None = None) -> None:
        bind(self, address, liar.number(self.remote_static, phone))

    with monkeypatch.context() as patch:
        patch.setattr(RelayConnection, "send", say)
        patch.setattr(RelayConnection, "send_delivery", deliver)
        patch.setattr(RelayConnection, "send_tick", tick)
        patch.setattr(RelayConnection, "bind", introduce)
        yield liar
