from __future__ import annotations

from zlib import crc32

import cbor2

from protocol.ids import DeviceAddress, DeviceId, MessageNumber, UserId
from protocol.stanzas import Audience, Privacy
from storage import Environment, InlineJournal, JournalError, Op, Put, settings
from storage.tables import SETTINGS

ANNA, BERND, CLARA = UserId(7), UserId(8), UserId(9)


def store(environment: Environment, *ops: Op) -> None:
    def settled(error: JournalError | None) -> None:
        assert error is None

    InlineJournal(environment).submit(list(ops), settled)


def test_who_has_chosen_nothing_hides_nothing_and_blocks_nobody(environment: Environment) -> None:
    with environment.read() as reader:
        assert settings.load_privacy(reader, ANNA) == settings.EVERYTHING_OPEN
        assert not settings.is_blocked(reader, ANNA, BERND)
        assert settings.list_blocked(reader, ANNA) == []
        assert settings.list_shunned(reader, ANNA) == {}
        assert settings.count_contacts(reader, ANNA) == 0


def test_what_was_chosen_is_read_back(environment: Environment) -> None:
    privacy = Privacy(Audience.CONTACTS, Audience.NOBODY, Audience.EVERYONE)
    store(environment, settings.put_privacy(ANNA, privacy))
    with environment.read() as reader:
        assert settings.load_privacy(reader, ANNA) == privacy
        assert settings.load_privacy(reader, BERND) == settings.EVERYTHING_OPEN


def test_what_was_chosen_before_numbers_could_be_hidden_leaves_the_number_to_be_found(
    environment: Environment,
) -> None:
    key = ANNA.to_bytes(8)
    body = b"\x01" + cbor2.dumps(["contacts", "nobody", "everyone"])
    crc = crc32(body, crc32(key, crc32(SETTINGS.encode())))
    store(environment, Put(SETTINGS, key, body + crc.to_bytes(4)))
    with environment.read() as reader:
        chosen = settings.load_privacy(reader, ANNA)
        assert settings.load_privacy_evenly(reader, ANNA) == chosen
    assert chosen == Privacy(Audience.CONTACTS, Audience.NOBODY, Audience.EVERYONE, Audience.EVERYONE)


def test_blocking_is_one_users_matter_and_can_be_undone(environment: Environment) -> None:
    store(environment, settings.add_block(ANNA, BERND, 100), settings.add_block(ANNA, CLARA, 101))
    with environment.read() as reader:
        assert settings.is_blocked(reader, ANNA, BERND)
        assert not settings.is_blocked(reader, BERND, ANNA)
        assert settings.list_blocked(reader, ANNA) == [BERND, CLARA]
    store(environment, settings.remove_block(ANNA, BERND))
    with environment.read() as reader:
        assert settings.list_blocked(reader, ANNA) == [CLARA]


def test_contacts_are_named_counted_and_all_forgotten_at_once(environment: Environment) -> None:
    named = [settings.add_contact(ANNA, contact) for contact in (BERND, CLARA)]
    store(environment, *named, settings.add_contact(BERND, CLARA))
    with environment.read() as reader:
        assert settings.is_contact(reader, ANNA, CLARA)
        assert settings.count_contacts(reader, ANNA) == 2
    store(environment, settings.remove_contact(ANNA, CLARA))
    with environment.read() as reader:
        assert not settings.is_contact(reader, ANNA, CLARA)
    store(environment, settings.forget_contacts(ANNA))
    with environment.read() as reader:
        assert settings.count_contacts(reader, ANNA) == 0
        assert settings.count_contacts(reader, BERND) == 1


def test_where_a_shunned_devices_messages_end_is_kept_for_each_device(environment: Environment) -> None:
    first = DeviceAddress(BERND, DeviceId(1))
    second = DeviceAddress(CLARA, DeviceId(4))
    store(
        environment,
        settings.put_shunned(ANNA, first, MessageNumber(5)),
        settings.put_shunned(ANNA, second, MessageNumber(1)),
    )
    with environment.read() as reader:
        assert settings.list_shunned(reader, ANNA) == {first: 5, second: 1}
    store(environment, settings.forget_shunned(ANNA, BERND))
    with environment.read() as reader:
        assert settings.list_shunned(reader, ANNA) == {second: 1}
