"""Profiles: this account's own with its key, and what others have let this phone see of theirs.

The key goes to those who may see the profile inside a text (send_queue.py); a changed key is a new
*generation*. Whoever is blocked, or falls out of the audience, keeps the old key: so the profile is sealed
with a new one, and the old key opens nothing that comes after.
"""

import sqlite3
from dataclasses import dataclass, field

from actors.ports import Clock, Entropy
from client.database import Database
from client.errors import ProfileError
from protocol.e2e import MisuseError, Profile, ProfileDetails
from protocol.e2e.profile import PROFILE_KEY_BYTES, check_profile
from protocol.ids import UserId
from protocol.limits import MAX_UINT63

FRESH_SECONDS = 3_600.0
"""How long what the relay said about a profile is good enough for a chat: people change theirs rarely."""


@dataclass(frozen=True, slots=True)
class OwnProfile:
    """This account's profile, and how it is sealed."""

    profile: Profile
    key: bytes = field(repr=False)
    generation: int
    """Which key this is."""
    version: int
    """0: it has been removed."""
    is_due: bool
    """The relay has not stored it yet."""


@dataclass(frozen=True, slots=True)
class PeerProfile:
    """Somebody else's profile, as far as this phone has it."""

    profile: Profile
    key: bytes = field(repr=False)
    version: int
    """0: nothing is known."""
    checked_at: float
    """When the relay was last asked; 0: never with this key."""


class Profiles:
    """The tables ``own_profile`` and ``peer_profiles``."""

    def __init__(self, database: Database, entropy: Entropy, clock: Clock) -> None:
        self._database = database
        self._entropy = entropy
        self._clock = clock

    # ------------------------------------------------------------- one's own

    def own(self) -> OwnProfile | None:
        """This account's profile, or None if there never was one."""
        row = self._database.row("SELECT * FROM own_profile")
        return None if row is None else _own(row)

    @property
    def is_due(self) -> bool:
        """Whether the relay has not stored this account's profile yet. Cheap: the picture is not read."""
        return bool(self._database.value("SELECT is_due FROM own_profile"))

    def set_own(self, profile: Profile) -> None:
        """Show this from now on; the relay is to be told.

        Raises:
            ProfileError: it cannot be shown.
        """
        try:
            check_profile(profile)
        except MisuseError as error:
            raise ProfileError(str(error)) from None
        own = self.own()
        key, generation = (self._entropy(PROFILE_KEY_BYTES), 1) if own is None else (own.key, own.generation)
        self._write(profile, key, generation, self._new_version())

    def remove_own(self) -> None:
        """Show nothing any more; harmless if nothing was shown. The key is thrown away with it."""
        own = self.own()
        if own is not None:
            self._write(Profile(), self._entropy(PROFILE_KEY_BYTES), own.generation + 1, 0)

    def change_key(self) -> None:
        """Somebody who has the key is to see no later profile. Nothing to do if there is none."""
        own = self.own()
        if own is not None and own.version:
            key = self._entropy(PROFILE_KEY_BYTES)
            self._write(own.profile, key, own.generation + 1, self._new_version())

    def stored(self, version: int) -> None:
        """The relay has this version; one made since is still due."""
        self._database.execute("UPDATE own_profile SET is_due = 0 WHERE version = ?", version)

    def learn_own(self, before: int, version: int, details: ProfileDetails, picture: bytes | None) -> None:
        """Another device has made this of the profile; nothing if it was changed here since ``before``."""
        self._database.execute(
            "UPDATE own_profile SET name = ?, about = ?, picture = ?, version = ?"
            " WHERE version = ? AND is_due = 0",
            details.name,
            details.about,
            picture,
            version,
            before,
        )

    def key_for(self, user: UserId) -> tuple[int, bytes] | None:
        """The key to send along to somebody, with its generation; None if they have it, or there is none.

        They have it if a message that carries it was delivered or is on its way. One that failed or expired
        does not count.
        """
        own = self.own()
        if own is None or not own.version:
            return None
        sent = self._database.value(
            "SELECT 1 FROM messages WHERE user = ? AND profile_generation = ? AND state IN (0, 1, 2, 3)",
            user,
            own.generation,
        )
        return None if sent else (own.generation, own.key)

    def _new_version(self) -> int:
        return int.from_bytes(self._entropy(8), "big") % MAX_UINT63 + 1

    def _write(self, profile: Profile, key: bytes, generation: int, version: int) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO own_profile (id, name, about, picture, key, generation, version, is_due)"
            " VALUES (1, ?, ?, ?, ?, ?, ?, 1)",
            profile.name,
            profile.about,
            profile.picture,
            key,
            generation,
            version,
        )

    # ------------------------------------------------------------- others'

    def of(self, user: UserId) -> PeerProfile | None:
        """Somebody's profile, or None if they have not let us see one."""
        row = self._database.row("SELECT * FROM peer_profiles WHERE user = ?", user)
        return None if row is None else _peer(row)

    def is_stale(self, user: UserId) -> bool:
        """Whether it is time to ask the relay for somebody's profile."""
        known = self.of(user)
        return known is not None and self._clock.now() - known.checked_at > FRESH_SECONDS

    def learn_key(self, user: UserId, key: bytes) -> None:
        """Somebody has let us see their profile. Only inside the transaction that stores the message."""
        self._database.execute(
            "INSERT INTO peer_profiles (user, key) VALUES (?, ?) ON CONFLICT (user) DO UPDATE"
            " SET key = excluded.key, checked_at = 0 WHERE key <> excluded.key",
            user,
            key,
        )

    def checked(self, user: UserId) -> None:
        """The relay was asked, and there is nothing newer that we could read."""
        self._database.execute(
            "UPDATE peer_profiles SET checked_at = ? WHERE user = ?", self._clock.now(), user
        )

    def learn(self, user: UserId, version: int, details: ProfileDetails, picture: bytes | None) -> None:
        """This is somebody's profile now."""
        self._database.execute(
            "UPDATE peer_profiles SET version = ?, name = ?, about = ?, picture = ?, checked_at = ?"
            " WHERE user = ?",
            version,
            details.name,
            details.about,
            picture,
            self._clock.now(),
            user,
        )

    def forget(self, user: UserId) -> None:
        """They show nothing any more, or not to us."""
        self._database.execute(
            "UPDATE peer_profiles SET version = 0, name = '', about = '', picture = NULL, checked_at = ?"
            " WHERE user = ?",
            self._clock.now(),
            user,
        )


def _own(row: sqlite3.Row) -> OwnProfile:
    return OwnProfile(_profile(row), row["key"], row["generation"], row["version"], bool(row["is_due"]))


def _peer(row: sqlite3.Row) -> PeerProfile:
    return PeerProfile(_profile(row), row["key"], row["version"], row["checked_at"])


def _profile(row: sqlite3.Row) -> Profile:
    return Profile(row["name"], row["about"], row["picture"])
