"""Messages that came and could not be opened: what is still waited for, and how often it was asked for.

The person sees a place in the chat ("waiting for this message") from the moment the message could not be
opened; the repetition takes that place. If it never comes, the place says so in the end.

Limits against loops, in which two devices answer garbage with garbage:

- a message is asked for at most ``MAX_ASKED`` times, an hour or more apart, and for ``GIVE_UP_SECONDS``;
- a device is sent at most ``MAX_REQUESTS_AN_HOUR`` requests that it does not answer, for 256 messages each.
"""

from itertools import groupby

from actors.ports import Clock, Entropy
from client.database import Database
from client.records import Account, MessageState
from client.send_queue import SendQueue
from protocol.e2e import content as contents
from protocol.e2e.retry import MAX_REQUESTED_NUMBERS, RetryRequest
from protocol.ids import DeviceAddress, DeviceId, MessageNumber, UserId

MAX_ASKED = 5
"""As WhatsApp: five retry receipts a message."""

ASK_AGAIN_SECONDS = 3_600.0
"""Not before a session may be made anew once more (``client/renewals.py``)."""

GIVE_UP_SECONDS = 14 * 86_400.0
"""As WhatsApp's "placeholder resend": after two weeks nobody waits for it any more."""

MAX_REQUESTS_AN_HOUR = 5

ASKED_FOR = "asked-for"
"""What the history names as the reason while a message is waited for."""
NEVER_CAME = "never-came"
"""What it names afterwards: nobody has answered, or the sender has it no more."""


class LostMessages:
    """The table ``lost_messages``. Its methods are to be called inside a transaction."""

    def __init__(self, database: Database, queue: SendQueue, entropy: Entropy, clock: Clock) -> None:
        self._database = database
        self._queue = queue
        self._entropy = entropy
        self._clock = clock

    def add(self, sender: DeviceAddress, number: MessageNumber, place: int) -> None:
        """This message could not be opened; ``place`` is the row of the history that stands for it."""
        self._database.execute(
            "INSERT OR REPLACE INTO lost_messages (user, device, number, place, lost_at)"
            " VALUES (?, ?, ?, ?, ?)",
            *sender,
            number,
            place,
            self._clock.now(),
        )

    def found(self, sender: DeviceAddress, numbers: tuple[MessageNumber, ...]) -> int | None:
        """These numbers of a device have been answered, all with one content; gives the place for it.

        The places are free from now on. None: nothing of this was waited for.
        """
        places = [place for number in numbers if (place := self._place(sender, number)) is not None]
        # `lost_messages` goes with its place (ON DELETE CASCADE).
        self._database.execute_many("DELETE FROM messages WHERE row = ?", [(place,) for place in places])
        return places[0] if places else None

    def gone(self, sender: DeviceAddress, numbers: tuple[MessageNumber, ...]) -> None:
        """The sender has this message no more: the last number's place is of no use, the first's says so."""
        first, *others = numbers
        self.found(sender, tuple(others))
        place = self._place(sender, first)
        if place is not None:
            self._give_up([place])

    def ask(self, account: Account) -> bool:
        """Queue the requests that are due, and give up what is hopeless; whether there are requests."""
        now = self._clock.now()
        self._give_up_hopeless(now)
        due = self._database.rows(
            "SELECT * FROM lost_messages WHERE asked < ? AND (asked_at IS NULL OR asked_at <= ?)"
            " ORDER BY user, device, number DESC",
            MAX_ASKED,
            now - ASK_AGAIN_SECONDS,
        )
        has_asked = False
        for (user, device), rows in groupby(due, lambda row: (row["user"], row["device"])):
            sender = DeviceAddress(UserId(user), DeviceId(device))
            if sender != account.address and self._may_ask(sender, now):
                # The newest first: a sender keeps only so many ready to send again.
                self._ask_for(sender, [row["number"] for row in rows][:MAX_REQUESTED_NUMBERS], now)
                has_asked = True
        return has_asked

    def _place(self, sender: DeviceAddress, number: MessageNumber) -> int | None:
        place: int | None = self._database.value(
            "SELECT place FROM lost_messages WHERE user = ? AND device = ? AND number = ?", *sender, number
        )
        return place

    def _may_ask(self, sender: DeviceAddress, now: float) -> bool:
        """Whether the unanswered requests to this device within the hour are below the limit."""
        asked = self._database.value(
            "SELECT count(DISTINCT asked_at) FROM lost_messages"
            " WHERE user = ? AND device = ? AND asked_at > ?",
            *sender,
            now - ASK_AGAIN_SECONDS,
        )
        return int(asked) < MAX_REQUESTS_AN_HOUR

    def _ask_for(self, sender: DeviceAddress, numbers: list[int], now: float) -> None:
        content_id, sent_at = self._entropy(contents.CONTENT_ID_BYTES), contents.sent_at_from_unix(now)
        wanted = tuple(MessageNumber(number) for number in sorted(numbers))
        self._queue.queue_service(sender.user, RetryRequest(content_id, sent_at, sender.device, wanted))
        self._database.execute_many(
            "UPDATE lost_messages SET asked = asked + 1, asked_at = ?"
            " WHERE user = ? AND device = ? AND number = ?",
            [(now, *sender, number) for number in wanted],
        )

    def _give_up_hopeless(self, now: float) -> None:
        rows = self._database.rows(
            "SELECT place FROM lost_messages WHERE lost_at <= ? OR (asked >= ? AND asked_at <= ?)",
            now - GIVE_UP_SECONDS,
            MAX_ASKED,
            now - ASK_AGAIN_SECONDS,
        )
        self._give_up([row["place"] for row in rows])

    def _give_up(self, places: list[int]) -> None:
        self._database.execute_many(
            "DELETE FROM lost_messages WHERE place = ?", [(place,) for place in places]
        )
        self._database.execute_many(
            "UPDATE messages SET error_name = ?, state = ? WHERE row = ?",
            [(NEVER_CAME, MessageState.RECEIVED, place) for place in places],
        )
