"""The links that are open: where a new device and the primary of an account lay down messages for each other.

A plain object and no actor (links_desk.py is the actor around it): it knows no store, and is told the time.
The relay understands nothing of the messages, and need not be trusted with them (docs/security.md).

Rule 1: a link may be claimed once. A second claim ends it for both sides: whoever has guessed or copied a
    code spoils the linking, and gets nothing.
Rule 2: an end is told by name for as long as the link would have lived; then it was never there.
Rule 3: all of it is memory, and bounded: links in all, and for each address. A crash ends the links that are
    open, and the new device shows a new code.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from protocol import DeviceAddress, DeviceId, ErrorCode, LinkStep, SignedDeviceList
from protocol.limits import LINK_BYTES, NAMEPLATE_CHARS
from relay.errors import RefusalError

LINK_SECONDS = 60
"""A code that nobody has claimed is good for a minute: what was photographed is soon worth nothing."""

EXCHANGE_SECONDS = 120
"""What a claim leaves for the rest, which needs no person: some seconds, and more on a bad network."""

MAX_LINKS = 4_000
"""Links that are open at a time; of 27,000 nameplates one in seven is then taken."""

MAX_LINKS_PER_ADDRESS = 64
"""The same for one address: a classroom behind one router, but no flood."""

NO_ADDRESS = ""
"""This machine itself, for which nothing is counted (rate_limits.py)."""

NAMEPLATE_ALPHABET = "0123456789BCDFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32 without its vowels: nothing looks like something else, and no words come out."""

Who = bytes | DeviceAddress
"""Who asks: a companion by its Noise key, a primary by its address."""


@dataclass(slots=True)
class OpenLink:
    """One link. Messages are kept out of every repr: they may be sealed with a key from a short code."""

    name: bytes = field(repr=False)
    nameplate: str = field(repr=False)
    companion: bytes
    """The Noise key of the connection that has opened it."""
    address: str
    """Where that came from, without the port."""
    ends_at: float
    step: LinkStep = LinkStep.OPEN
    primary: DeviceAddress | None = None
    device: DeviceId | None = None
    for_companion: bytes = field(default=b"", repr=False)
    for_primary: bytes = field(default=b"", repr=False)
    device_list: SignedDeviceList | None = None
    """Confirmed by the primary, with the companion in it."""
    end: ErrorCode | None = None

    def message_for(self, who: Who) -> bytes:
        """What the other side has left for whoever asks."""
        return self.for_companion if who == self.companion else self.for_primary


class Links:
    """All links of a node."""

    __slots__ = ("_by_companion", "_by_name", "_by_nameplate", "_entropy")

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        # Bounded by MAX_LINKS, in the order of their ends or nearly so.
        self._by_name: dict[bytes, OpenLink] = {}
        self._by_nameplate: dict[str, OpenLink] = {}
        self._by_companion: dict[bytes, OpenLink] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def open(self, companion: bytes, address: str, now: float) -> OpenLink:
        """A new link for a companion, whose link before is over.

        Raises:
            RefusalError: `overloaded`, `wait`.
        """
        self._sweep(now)
        before = self._by_companion.get(companion)
        if before is not None:
            self._forget(before)
        if len(self._by_name) >= MAX_LINKS:
            raise RefusalError(ErrorCode.OVERLOADED)
        if self._count(address) >= MAX_LINKS_PER_ADDRESS:
            raise RefusalError(ErrorCode.WAIT, LINK_SECONDS)
        link = OpenLink(
            self._entropy(LINK_BYTES), self._free_nameplate(), companion, address, now + LINK_SECONDS
        )
        self._by_name[link.name] = link
        self._by_nameplate[link.nameplate] = link
        self._by_companion[companion] = link
        return link

    def claim(
        self, name: bytes | str, primary: DeviceAddress, device: DeviceId, message: bytes, now: float
    ) -> OpenLink:
        """A primary wants the companion behind a link.

        Raises:
            RefusalError: `link-gone`; `link-taken`: somebody was there before, and now nobody has it.
        """
        link = self._find(name, now)
        if link.step is LinkStep.OPEN:
            link.primary, link.device, link.for_companion = primary, device, message
            link.step, link.ends_at = LinkStep.CLAIMED, now + EXCHANGE_SECONDS
        elif link.step is LinkStep.COMPLETED:
            raise RefusalError(ErrorCode.LINK_GONE)
        elif (link.primary, link.for_companion) != (primary, message) or link.step is not LinkStep.CLAIMED:
            link.end = ErrorCode.LINK_TAKEN
            raise RefusalError(ErrorCode.LINK_TAKEN)
        return link

    def answer(self, name: bytes, companion: bytes, message: bytes, now: float) -> OpenLink:
        """The companion's word to the primary that has claimed it.

        Raises:
            RefusalError: `link-gone`, or how the link has ended.
        """
        link = self._own(name, companion, now)
        if link.step is LinkStep.CLAIMED:
            link.for_primary, link.for_companion, link.step = message, b"", LinkStep.ANSWERED
        elif link.for_primary != message:
            raise RefusalError(ErrorCode.LINK_GONE)  # out of turn: no phone does that
        return link

    def confirm(
        self,
        name: bytes,
        primary: DeviceAddress,
        static_key: bytes,
        device_list: SignedDeviceList,
        message: bytes,
        now: float,
    ) -> OpenLink:
        """The primary has signed the companion into its list.

        Raises:
            RefusalError: `link-gone`, or how the link has ended; `link-mismatch`: the companion that the
                primary means is not the one that has opened the link.
        """
        link = self._own(name, primary, now)
        if link.companion != static_key:
            link.end = ErrorCode.LINK_MISMATCH
            raise RefusalError(ErrorCode.LINK_MISMATCH)
        if link.step is LinkStep.ANSWERED:
            link.device_list, link.for_companion = device_list, message
            link.step = LinkStep.CONFIRMED
        elif link.device_list != device_list:
            raise RefusalError(ErrorCode.LINK_GONE)  # as above
        return link

    def poll(self, name: bytes, who: Who, now: float) -> OpenLink:
        """How far a link is, for one of its two sides.

        Raises:
            RefusalError: `link-gone`, or how the link has ended.
        """
        return self._own(name, who, now)

    def cancel(self, name: bytes, who: Who, now: float) -> OpenLink:
        """One side ends the link; one that is completed stays so. Raises as `poll`."""
        link = self._own(name, who, now)
        if link.step is not LinkStep.COMPLETED:
            link.end = ErrorCode.LINK_CANCELLED
        return link

    def confirmed(self, name: bytes, companion: bytes, now: float) -> tuple[OpenLink, SignedDeviceList]:
        """What a companion that wants to complete needs: a link that the primary has confirmed.

        Raises:
            RefusalError: `link-gone`, or how the link has ended.
        """
        link = self._own(name, companion, now)
        if link.device_list is None:
            raise RefusalError(ErrorCode.LINK_GONE)
        return link, link.device_list

    def _count(self, address: str) -> int:
        if address == NO_ADDRESS:
            return 0
        return sum(link.address == address for link in self._by_name.values())

    def _own(self, name: bytes, who: Who, now: float) -> OpenLink:
        """A link that is not over, of one of its two sides: others are not told that it exists."""
        link = self._by_name.get(name)
        if link is None or who not in (link.companion, link.primary):
            raise RefusalError(ErrorCode.LINK_GONE)
        return self._alive(link, now)

    def _find(self, name: bytes | str, now: float) -> OpenLink:
        if isinstance(name, bytes):
            link = self._by_name.get(name)
        else:
            link = self._by_nameplate.get(name.upper())
        if link is None:
            raise RefusalError(ErrorCode.LINK_GONE)
        return self._alive(link, now)

    def _alive(self, link: OpenLink, now: float) -> OpenLink:
        if link.ends_at <= now:
            self._forget(link)
            raise RefusalError(ErrorCode.LINK_GONE)
        if link.end is not None:
            raise RefusalError(link.end)
        return link

    def _sweep(self, now: float) -> None:
        """Forget what is over; looked at when a link is opened, so there are never more than were opened."""
        for link in [link for link in self._by_name.values() if link.ends_at <= now]:
            self._forget(link)

    def _forget(self, link: OpenLink) -> None:
        self._by_name.pop(link.name, None)
        self._by_nameplate.pop(link.nameplate, None)
        if self._by_companion.get(link.companion) is link:
            del self._by_companion[link.companion]

    def _free_nameplate(self) -> str:
        """Random, so that nobody can tell how many there are; soon found, because most are free."""
        base = len(NAMEPLATE_ALPHABET)
        while True:
            number = int.from_bytes(self._entropy(8)) % base**NAMEPLATE_CHARS
            nameplate = ""
            for _ in range(NAMEPLATE_CHARS):
                number, digit = divmod(number, base)
                nameplate += NAMEPLATE_ALPHABET[digit]
            if nameplate not in self._by_nameplate:
                return nameplate
