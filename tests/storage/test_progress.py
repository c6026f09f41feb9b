from __future__ import annotations

import struct

from protocol.ids import MessageNumber
from protocol.stanzas import Run
from storage.progress import Progress, list_senders, load_progress, put_progress
from storage.records import RecordCodec
from storage.tables import PROGRESS
from tests.storage.one_queue import ANNA, ANNAS_OTHER, BERND, Mailbox


def test_progress_is_kept_for_each_sending_device(mailbox: Mailbox) -> None:
    of_1 = Progress(MessageNumber(5), MessageNumber(4), MessageNumber(3))
    of_2 = Progress(MessageNumber(9))
    mailbox.store([put_progress(BERND.user, ANNA, of_1), put_progress(BERND.user, ANNAS_OTHER, of_2)])
    with mailbox.environment.read() as reader:
        assert load_progress(reader, BERND.user, ANNA) == of_1
        assert load_progress(reader, ANNA.user, BERND) == Progress()
        assert list_senders(reader, BERND.user) == [(ANNA, of_1), (ANNAS_OTHER, of_2)]
        assert list_senders(reader, ANNA.user) == []


def test_progress_remembers_what_has_expired(mailbox: Mailbox) -> None:
    runs = (Run(MessageNumber(2), MessageNumber(3)), Run(MessageNumber(7), MessageNumber(7)))
    progress = Progress(MessageNumber(9), MessageNumber(8), MessageNumber(4), runs)
    mailbox.store([put_progress(BERND.user, ANNA, progress)])
    with mailbox.environment.read() as reader:
        assert load_progress(reader, BERND.user, ANNA) == progress


def test_progress_of_the_first_version_is_readable(mailbox: Mailbox) -> None:
    first = RecordCodec(PROGRESS, 1, lambda _: struct.pack(">QQQ", 9, 8, 7), {1: lambda _: None})
    with mailbox.environment.read() as reader:
        key = put_progress(BERND.user, ANNA, Progress()).key
        mailbox.store([first.put(key, None)])
    with mailbox.environment.read() as reader:
        assert load_progress(reader, BERND.user, ANNA) == Progress(
            MessageNumber(9), MessageNumber(8), MessageNumber(7)
        )
