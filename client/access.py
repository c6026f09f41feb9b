"""What a device needs to reach its relay: where it is, which key it must hold, and the key to log in with."""

from collections.abc import Callable
from dataclasses import dataclass, field

from client.records import Account
from client.relay_url import RelayUrl, parse_relay_url
from client.store import Store
from protocol.ids import Seq


@dataclass(frozen=True, slots=True)
class Access:
    """How to connect."""

    relay: RelayUrl
    """The place, and the key that was pinned for it."""
    noise_private: bytes = field(repr=False)
    """The device's static key: its credential."""
    resume_seq: Callable[[], Seq]
    """The highest delivery that is stored, at the moment of connecting."""
    is_stranger: bool = False
    """Whether the device has still to be registered."""


def account_access(store: Store, account: Account) -> Access:
    """How a registered device connects; the key pinned in the home counts, whatever the URL said."""
    url = parse_relay_url(account.relay_url)
    relay = RelayUrl(url.host, url.port, account.relay_key or url.key)
    return Access(relay, account.noise_private, store.cursor)


def stranger_access(relay: RelayUrl, noise_private: bytes) -> Access:
    """How a device connects that has yet to be registered."""
    return Access(relay, noise_private, lambda: Seq(0), is_stranger=True)
