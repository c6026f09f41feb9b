"""Which sessions are to be made anew, because something that came from that device could not be opened.

A session that does not fit is not thrown away: what is still on its way may open with it. It only stops being
the one that sends, as soon as the device's prekeys have been fetched and a new one has been made with them.
Rule: at most once an hour for each device, or whoever sends garbage would drain prekeys through us. A
session that the *other* side has made anew needs no permission: it has proved that it has it.
"""

from actors.ports import Clock
from client.database import Database
from protocol.ids import DeviceAddress, UserId

RENEWAL_SECONDS = 3_600.0
"""As WhatsApp's open clients: a session is rebuilt at most once an hour."""


class Renewals:
    """The table ``session_renewals``. Its methods are to be called inside a transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def want(self, peer: DeviceAddress) -> None:
        """The next message to this device is to open a new session, unless one was made within the hour."""
        self._database.execute(
            "INSERT INTO session_renewals (user, device, is_due) VALUES (?, ?, 1)"
            " ON CONFLICT (user, device) DO UPDATE SET is_due = 1 WHERE renewed_at NOT BETWEEN ? AND ?",
            *peer,
            # BETWEEN: what lies in the future was noted by a clock that has been set back since.
            self._clock.now() - RENEWAL_SECONDS,
            self._clock.now(),
        )

    def want_all_of(self, user: UserId) -> None:
        """The same for every device that this user has now."""
        devices = self._database.rows(
            "SELECT device FROM peer_devices WHERE user = ? AND active = 1 ORDER BY device", user
        )
        for row in devices:
            self.want(DeviceAddress(user, row["device"]))

    def is_due(self, peer: DeviceAddress) -> bool:
        """Whether a session with this device is to be made although there is one."""
        due = self._database.value(
            "SELECT is_due FROM session_renewals WHERE user = ? AND device = ?", peer.user, peer.device
        )
        return bool(due)

    def made(self, peer: DeviceAddress) -> None:
        """We have made a new session with this device."""
        self._database.execute(
            "UPDATE session_renewals SET is_due = 0, renewed_at = ? WHERE user = ? AND device = ?",
            self._clock.now(),
            *peer,
        )

    def came(self, peer: DeviceAddress) -> None:
        """The device has opened a new session with us: ours is not needed any more."""
        self._database.execute(
            "UPDATE session_renewals SET is_due = 0 WHERE user = ? AND device = ?", peer.user, peer.device
        )
