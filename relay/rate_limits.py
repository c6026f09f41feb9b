"""How much of what anybody may do: token buckets by address, by account and in total.

Plain objects and pure but for what they remember: they are given the time and answer with seconds to wait.
A bucket is one number, the moment at which it will be full again (the "virtual scheduling" form of the
generic cell rate algorithm, ITU-T I.371): taking costs a dict look-up, a subtraction and an addition.

Rule 1: memory is bounded whatever peers do: each kind of bucket keeps two generations of at most
    `MAX_KEYS` keys. When the young one is full, the old one is forgotten: whoever was in it starts with a
    full bucket. So many addresses at once are what the limits in total are for.
Rule 2: whoever is refused is told for how long, and asking again too early costs nothing more.
Not here: what is asked of the disk (connections stop reading when the journal is behind), the window.
"""

import ipaddress
import math
import re
from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

from protocol import ErrorCode, UserId
from relay.errors import RefusalError

if TYPE_CHECKING:
    from relay.config import Config

MAX_KEYS = 20_000
"""About 100 bytes each. As many as a node has connections by default."""

ROUNDING_SECONDS = 1e-6
"""What is shorter is no wait but the rounding of a float."""

_UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_LIMIT = re.compile(r"(\d{1,9})/(s|min|h|d) burst (\d{1,9})")


class Limit(NamedTuple):
    """So many in a unit of time, on and on; and so many at once after a rest."""

    amount: int
    unit: str
    burst: int

    def __str__(self) -> str:
        return f"{self.amount}/{self.unit} burst {self.burst}"

    @property
    def seconds_each(self) -> float:
        """How long a bucket takes to gain one."""
        return _UNITS[self.unit] / self.amount


# ---- the defaults, each a setting: `limit_` and the name in small letters ----

CONNECTIONS = Limit(800, "s", 2_000)
"""A login costs about 1 ms of CPU, so a core that does nothing else has 1,000 a second: a fifth is left for
those who are in. Of a storm after a restart the rest is turned away for four bytes each and comes back by the
clients' back-off. Each worker counts for itself, as each has a core."""

CONNECTIONS_PER_ADDRESS = Limit(10, "s", 300)
"""What comes to nothing: whoever proves to have an account gives back what the connection took. So thousands
of phones behind one address of a mobile network come back from a restart as fast as they can log in, 300 at a
time. And with a handshake's 10 seconds silent connections from one place stay below half of `max_handshakes`,
and shut nobody else out."""

LOGINS = Limit(1, "s", 60)
"""A phone on a bad network connects a few times a minute; a thousand times is a fault, and costs others."""

MESSAGES = Limit(200, "s", 10_000)
"""Far above people and above a phone that sends what it wrote while offline; one flooder costs 2 % of what a
core accepts. Bots that need more are the operator's decision."""

BYTES = Limit(2**20, "s", 2**24)
"""The burst is a phone's whole backlog; the rate is what a fast mobile network uploads."""

STANZA_BYTES = 512
"""What each stanza counts as besides its bytes: it costs CPU time however short it is, some 10 to 30 µs.
Without it an account could say hundreds of thousands a second. So it has 2,000 a second, and 30,000 at once:
some percent of a core, and far above what its messages may be."""

PREKEY_FETCHES = Limit(30, "min", 500)
"""The burst is for whoever joins a large group; after that people meet few new ones."""

PREKEY_FETCHES_PER_TARGET = Limit(36, "h", 6)
"""As Signal: 6 in 10 minutes. A device has some 100 one-time prekeys and looks each hour while it is
online: one account cannot use them up before it has uploaded more. Offline, its signed prekey is left."""

ONE_TIME_PREKEYS = Limit(12, "h", 20)
"""Of one user, for all who fetch together. Beyond it bundles come without one-time prekeys, as if they had
run out: so nobody can be kept from writing. Any number of accounts needs nearly seven hours to use up the 100
of an offline phone, and an hour and forty minutes for its 40 KEM prekeys. 20 at once are for groups."""

LOOKUPS = Limit(1_000, "d", 5_000)
"""The burst is a large address book, the rate what is added to it. At this rate one account needs 9,600 years
for the 3.5 billion numbers that were once drawn out of WhatsApp."""

LOOKUPS_OF_NEW = Limit(500, "d", 1_000)
"""Of an account in its first week: nearly all address books, and not worth getting a number for."""

LOOKUPS_PER_ADDRESS = Limit(20_000, "d", 20_000)
"""A mobile network has thousands of phones behind one address, of which few have just been set up."""

BULK_SPARE = 100
"""What an address book leaves in the bucket, so that who has just brought a large one can write to a number
that is not in it. A client that does not say that it asks in bulk gains nothing: the bucket is the same."""

MAX_LOOKUP_KEYS = 100_000
"""These buckets take days to fill, so that more accounts than that of connections are in them at a time. Some
20 MB at most, if so many ask."""

PROFILE_FETCHES = Limit(60, "min", 600)
"""The burst is a list of two hundred chats that is opened for the first time, with their pictures. Pieces are
up to 33 KB each, and one cannot be read without a key that its owner has given."""

SUBSCRIPTIONS = Limit(60, "min", 200)
"""Somebody who goes through all chats looks at one each second. It also keeps one account from watching when
a whole city is awake."""

EXPORT_PAGES = Limit(60, "min", 600)
"""A page is up to 48 KB, and takes the loop some ten milliseconds; 600 hold what a month leaves waiting."""

ACCOUNT_CHANGES = Limit(30, "min", 60)
"""People change such things a few times a year; each is a commit, and one picture takes three."""

CODES = Limit(2, "s", 200)
"""Each costs money; a node's operator notices before the burst is gone."""

CODES_PER_ADDRESS = Limit(1, "min", 20)
"""A family or a shop behind one address; one number gets one a minute anyway."""


def parse_limit(text: object) -> Limit:
    """Read `COUNT/UNIT burst COUNT`, with a unit of s, min, h or d.

    Raises:
        ValueError: with what is wrong, in words for a person.
    """
    match = _LIMIT.fullmatch(str(text))
    if match is None:
        raise ValueError(f"{text!r} is no limit (for example 10/s burst 300; units are s, min, h, d)")
    limit = Limit(int(match[1]), match[2], int(match[3]))
    if not limit.amount or not limit.burst:
        raise ValueError(f"{text!r} would never let anybody pass")
    return limit


class Buckets:
    """One bucket for each key; a key that was never seen has a full one."""

    __slots__ = ("_depth", "_each", "_max_keys", "_old", "_young")

    def __init__(self, limit: Limit, max_keys: int = MAX_KEYS) -> None:
        self._each = limit.seconds_each
        self._depth = limit.burst * self._each  # seconds in which an empty bucket fills
        self._max_keys = max_keys
        self._young: dict[Hashable, float] = {}  # {key: when its bucket is full}
        self._old: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def take(self, key: Hashable, now: float, amount: int = 1) -> float:
        """Take `amount` and return 0; or take nothing, and return after how many seconds it will be there.

        More than a bucket holds is there as soon as it is full, and then missing for as long as it takes.
        """
        full_at, cost, depth = self._full_at(key, now), amount * self._each, self._depth
        wait = full_at - now + (cost if cost < depth else depth) - depth
        if wait > ROUNDING_SECONDS:
            return wait
        self._put(key, full_at + cost)
        return 0.0

    def wait_for(self, key: Hashable, now: float, amount: int) -> float:
        """After how many seconds `amount` will be there; takes nothing."""
        wait = self._full_at(key, now) - now + min(amount * self._each, self._depth) - self._depth
        return wait if wait > ROUNDING_SECONDS else 0.0

    def charge(self, key: Hashable, now: float, amount: int) -> float:
        """Take `amount` whether or not it is there; return for how many seconds it is not."""
        full_at = self._full_at(key, now) + amount * self._each
        self._put(key, full_at)
        wait = full_at - now - self._depth
        return wait if wait > ROUNDING_SECONDS else 0.0

    def give_back(self, key: Hashable, now: float) -> None:
        """Undo a `take` of one."""
        self._put(key, self._full_at(key, now) - self._each)

    def _full_at(self, key: Hashable, now: float) -> float:
        full_at = self._young.get(key)
        if full_at is None:
            full_at = self._old.get(key, now)
        return full_at if full_at > now else now

    def _put(self, key: Hashable, full_at: float) -> None:
        if len(self._young) >= self._max_keys and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = full_at


class LookupAsker(NamedTuple):
    """Who looks numbers up, as far as it matters for how many."""

    user: UserId
    remote: str
    """Host and port."""
    is_new: bool
    """Whether the account is in its first week."""
    in_bulk: bool


class RateLimits:
    """The buckets of one node."""

    __slots__ = (
        "_changes",
        "_codes",
        "_codes_by_address",
        "_connections",
        "_connections_by_address",
        "_exports",
        "_logins",
        "_lookups",
        "_lookups_by_address",
        "_lookups_of_new",
        "_one_time_prekeys",
        "_prekeys",
        "_prekeys_by_target",
        "_profiles",
        "_subscriptions",
        "bytes",
        "messages",
    )

    def __init__(self, config: "Config") -> None:
        self._connections = Buckets(config.limit_connections)
        self._connections_by_address = Buckets(config.limit_connections_per_address)
        self._logins = Buckets(config.limit_logins)
        self._prekeys = Buckets(config.limit_prekey_fetches)
        self._prekeys_by_target = Buckets(config.limit_prekey_fetches_per_target)
        self._one_time_prekeys = Buckets(config.limit_one_time_prekeys)
        self._lookups = Buckets(config.limit_lookups, MAX_LOOKUP_KEYS)
        self._lookups_of_new = Buckets(config.limit_lookups_of_new, MAX_LOOKUP_KEYS)
        self._lookups_by_address = Buckets(config.limit_lookups_per_address)
        self._profiles = Buckets(config.limit_profile_fetches)
        self._subscriptions = Buckets(config.limit_subscriptions)
        self._exports = Buckets(config.limit_export_pages)
        self._changes = Buckets(config.limit_account_changes)
        self._codes = Buckets(config.limit_codes)
        self._codes_by_address = Buckets(config.limit_codes_per_address)
        # Looked at once for every read of a socket, by the sweeper's clock of
        # seconds, which costs nothing to read.
        self.messages = Buckets(config.limit_messages)  # by account
        self.bytes = Buckets(config.limit_bytes)  # by account, or by connection as long as it has none

    def admits(self, remote: str, now: float) -> bool:
        """Whether a new connection may try: each costs a handshake, which is half of a login."""
        address = address_of(remote)
        if address is not None and self._connections_by_address.take(address, now):
            return False
        if not self._connections.take(None, now):
            return True
        if address is not None:
            self._connections_by_address.give_back(address, now)  # others were too many, not this one
        return False

    def has_account(self, remote: str, now: float) -> None:
        """A connection that was admitted has an account: its address need not answer for it any more."""
        address = address_of(remote)
        if address is not None:
            self._connections_by_address.give_back(address, now)

    def check_login(self, user: UserId, now: float) -> None:
        """A device may log in.

        Raises:
            RefusalError: `wait`.
        """
        _check(self._logins.take(user, now))

    def check_prekeys(self, user: UserId, target: UserId, now: float) -> None:
        """A user may fetch the bundles of another: each takes a one-time prekey of every device away.

        Raises:
            RefusalError: `wait`.
        """
        _check(self._prekeys_by_target.take((user, target), now))
        _check(self._prekeys.take(user, now))

    def grants_one_time(self, target: UserId, now: float) -> bool:
        """Whether whoever fetches this user's bundles gets one-time prekeys with them, or does without."""
        return not self._one_time_prekeys.take(target, now)

    def check_lookup(self, asker: "LookupAsker", numbers: int, now: float) -> None:
        """A user may ask who has so many numbers; who may not has used up nothing.

        Raises:
            RefusalError: `wait`.
        """
        mine = self._lookups_of_new if asker.is_new else self._lookups
        wait = mine.wait_for(asker.user, now, numbers + (BULK_SPARE if asker.in_bulk else 0))
        address = address_of(asker.remote)
        if address is not None:
            wait = max(wait, self._lookups_by_address.wait_for(address, now, numbers))
        _check(wait)
        mine.take(asker.user, now, numbers)
        if address is not None:
            self._lookups_by_address.take(address, now, numbers)

    def check_profile(self, user: UserId, now: float) -> None:
        """A user may fetch a piece of a profile.

        Raises:
            RefusalError: `wait`.
        """
        _check(self._profiles.take(user, now))

    def check_export(self, user: UserId, now: float) -> None:
        """A user may have a page of what is kept of the account.

        Raises:
            RefusalError: `wait`.
        """
        _check(self._exports.take(user, now))

    def check_change(self, user: UserId, now: float) -> None:
        """A user may change something of the account: each is a commit.

        Raises:
            RefusalError: `wait`.
        """
        _check(self._changes.take(user, now))

    def admits_subscription(self, user: UserId, now: float) -> bool:
        """Whether a user may watch one more; no stanza could refuse it, so it is only not answered."""
        return not self._subscriptions.take(user, now)

    def check_code(self, remote: str, now: float) -> None:
        """Somebody may have a code sent: it costs money, and a phone rings.

        Raises:
            RefusalError: `wait`.
        """
        address = address_of(remote)
        if address is not None:
            _check(self._codes_by_address.take(address, now))
        _check(self._codes.take(None, now))


def address_of(remote: str) -> str | None:
    """Whom to count a connection for: an IPv4 address, or the /64 that one IPv6 customer has at least.

    None for this machine itself: what connects from there (a proxy, a load generator) speaks for many, and
    whoever can do that has better ways to do harm.
    """
    host = remote.rpartition(":")[0].strip("[]")
    if ":" not in host and host[:1].isdigit():
        # IPv4, as the kernel writes it: nothing to take apart, at every login twice.
        return None if host.startswith("127.") else host
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return None if address.is_loopback else str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return None if address.is_loopback else str(address)


def whole_seconds(wait: float) -> int:
    """A wait as the wire tells it: never too short."""
    return math.ceil(wait)


def _check(wait: float) -> None:
    if wait:
        raise RefusalError(ErrorCode.WAIT, whole_seconds(wait))
