"""Sends messages again to whoever could not open them, and decides who may have what.

What is sent again is the content as it was encrypted first, under its old id, so whoever has it after all
shows it once. The plaintexts are those of the history: there is no other copy of them, and what a person has
deleted is not sent again.

Rule 1: a device gets only what was encrypted **for that device**. Or somebody who takes a number over could
        ask for what its former owner was sent.
Rule 2: only the last ``KEPT_MESSAGES`` of a chat, each at most ``MAX_RESENT`` times to a device.
"""

import sqlite3

from actors.ports import Clock, Entropy
from client.database import Database
from client.records import Account
from client.send_queue import SendQueue
from client.timers import Timers
from protocol.e2e import content as contents
from protocol.e2e.content import decode
from protocol.e2e.retry import MAX_RESENT_NUMBERS, Resent, RetryRequest, encode_service, read_service
from protocol.e2e.siblings import Aside, encode_sibling
from protocol.ids import DeviceAddress, DeviceId, MessageNumber, UserId

KEPT_MESSAGES = 256
"""As WhatsApp's clients; older ones are not found at once in a long chat, and nobody misses them by now."""

MAX_RESENT = 10
"""How often one device is sent one message again: twice as often as ours would ask."""


class Resending:
    """Answers requests. Its methods are to be called inside a transaction."""

    def __init__(
        self, database: Database, queue: SendQueue, timers: Timers, entropy: Entropy, clock: Clock
    ) -> None:
        self._database = database
        self._timers = timers
        self._queue = queue
        self._entropy = entropy
        self._clock = clock

    def answer(self, account: Account, asker: DeviceAddress, request: RetryRequest) -> None:
        """Queue what was asked for, as far as the asker may have it; what is gone is answered as gone."""
        if request.device != account.device:
            return  # it is another device's to answer
        oldest = self._oldest_kept(asker.user)
        for number in dict.fromkeys(request.numbers):
            row = self._database.row(
                "SELECT m.*, r.resent FROM messages m LEFT JOIN recipients r"
                " ON r.message = m.row AND r.device = ?"
                " WHERE m.outgoing = 1 AND m.user = ? AND m.number = ? AND m.row >= ?",
                asker.device,
                asker.user,
                number,
                oldest,
            )
            if row is None:
                self._send(asker, (number,), None)
            elif row["resent"] is not None and row["resent"] < MAX_RESENT:
                self._send_again(asker, number, row)

    def _oldest_kept(self, chat: UserId) -> int:
        oldest: int | None = self._database.value(
            "SELECT row FROM messages WHERE user = ? AND outgoing = 1 ORDER BY row DESC LIMIT 1 OFFSET ?",
            chat,
            KEPT_MESSAGES - 1,
        )
        return oldest or 0

    def _send_again(self, asker: DeviceAddress, number: MessageNumber, row: sqlite3.Row) -> None:
        self._database.execute(
            "UPDATE recipients SET resent = resent + 1 WHERE message = ? AND device = ?",
            row["row"],
            asker.device,
        )
        content: bytes | None = row["content"]
        if content is not None and row["for_device"] not in (None, asker.device):
            whole = decode(content)  # what it was sent was that this is for another
            content = encode_sibling(Aside(whole.id, whole.sent_at, DeviceId(row["for_device"])))
        service = None if content is None else read_service(decode(content))
        if not isinstance(service, Resent):
            self._send(asker, (number,), content, self._timers.left(row))
        elif len(service.numbers) < MAX_RESENT_NUMBERS:
            self._send(asker, (*service.numbers, number), service.content, self._timers.left(row))
        # Else it has been answered as often as it may be: the asker gives it up by itself.

    def _send(
        self,
        asker: DeviceAddress,
        numbers: tuple[MessageNumber, ...],
        content: bytes | None,
        life: int | None = None,
    ) -> None:
        content_id = self._entropy(contents.CONTENT_ID_BYTES)
        sent_at = contents.sent_at_from_unix(self._clock.now())
        # For the asker alone: to a device that was linked later it was never said.
        again = encode_service(Resent(content_id, sent_at, numbers, content))
        self._queue.queue_for_device(asker.user, content_id, again, asker.device, life)
