"""Every answer of a relay, and every device that writes, against everything that may be known before."""

from dataclasses import replace
from itertools import product

import pytest

from client.peer_devices import (
    Believed,
    KnownDevices,
    judge_answer,
    judge_sender,
    proof_from_bytes,
    proof_to_bytes,
)
from protocol.device_list import DeviceList, ListedDevice, SignedDeviceList
from protocol.e2e.errors import UntrustedDeviceError, UntrustedDevicesError
from protocol.errors import BadDeviceListError
from protocol.ids import DeviceId, UserId

USER = UserId(7)


def device(number: int, key: bytes | None = None) -> ListedDevice:
    return ListedDevice(DeviceId(number), key or bytes([number]) * 32)


PRIMARY, SECOND, THIRD, NEW = device(1), device(2), device(3), device(4)
INTRUDER = device(9)
STOLEN_KEY = device(2, b"x" * 32)

NOTHING = KnownDevices()
ALONE = KnownDevices(PRIMARY, 0, (PRIMARY,), 1)
BOTH = KnownDevices(PRIMARY, 5, (PRIMARY, SECOND), 3)
OWN = replace(BOTH, is_own=True)
GRANTED = KnownDevices(PRIMARY, 5, (PRIMARY,), 1)
"""What a companion knows that was linked a moment ago: the primary and the list's number, not the list."""


def listed(number: int, *devices: ListedDevice) -> DeviceList:
    return DeviceList(USER, number, 0, devices)


def believed(number: int, *devices: ListedDevice, new: bool = False) -> Believed:
    return Believed(devices[0], number, devices, new)


GOOD_ANSWERS = [
    # without a list: the only device of somebody new, the same again, and a new phone
    (NOTHING, [PRIMARY], None, believed(0, PRIMARY)),
    (ALONE, [PRIMARY], None, believed(0, PRIMARY)),
    (ALONE, [SECOND], None, believed(0, SECOND, new=True)),
    (BOTH, [NEW], None, believed(0, NEW, new=True)),
    # the first list, the same again, newer ones
    (NOTHING, [PRIMARY, SECOND], listed(1, PRIMARY, SECOND), believed(1, PRIMARY, SECOND)),
    (ALONE, [PRIMARY, SECOND], listed(1, PRIMARY, SECOND), believed(1, PRIMARY, SECOND)),
    (BOTH, [PRIMARY, SECOND], listed(5, PRIMARY, SECOND), believed(5, PRIMARY, SECOND)),
    (BOTH, [PRIMARY, THIRD], listed(6, PRIMARY, THIRD), believed(6, PRIMARY, THIRD)),
    (OWN, [PRIMARY, THIRD], listed(6, PRIMARY, THIRD), believed(6, PRIMARY, THIRD)),
    # a listed device that the relay does not name has left by itself
    (BOTH, [PRIMARY], listed(5, PRIMARY, SECOND), believed(5, PRIMARY, SECOND)),
    # the number was registered anew, and has a companion again already
    (BOTH, [NEW, device(5)], listed(1, NEW, device(5)), believed(1, NEW, device(5), new=True)),
    # a companion that was taken for a primary, because its proof had been taken away
    (
        KnownDevices(SECOND, 0, (SECOND,), 2),
        [PRIMARY, SECOND],
        listed(1, PRIMARY, SECOND),
        believed(1, PRIMARY, SECOND, new=True),
    ),
]


@pytest.mark.parametrize(("known", "named", "list_", "expected"), GOOD_ANSWERS)
def test_what_the_primary_vouches_for_is_believed(
    known: KnownDevices, named: list[ListedDevice], list_: DeviceList | None, expected: Believed
) -> None:
    assert judge_answer(known, named, list_, is_whole=True) == expected


LIES = [
    # a device is added
    (NOTHING, [PRIMARY, INTRUDER], None),
    (ALONE, [PRIMARY, INTRUDER], None),
    (BOTH, [PRIMARY, SECOND, INTRUDER], listed(5, PRIMARY, SECOND)),
    (BOTH, [PRIMARY, SECOND, INTRUDER], None),
    # a key is swapped
    (BOTH, [PRIMARY, STOLEN_KEY], listed(5, PRIMARY, SECOND)),
    # the list is held back
    (BOTH, [PRIMARY], None),
    (BOTH, [SECOND], None),
    (BOTH, [], None),
    # an old list is played again
    (BOTH, [PRIMARY, SECOND, THIRD], listed(4, PRIMARY, SECOND, THIRD)),
    # the primary is left out
    (BOTH, [SECOND], listed(5, PRIMARY, SECOND)),
    # an identity of the past comes back, or a new one with a number of the past
    (BOTH, [device(3, b"o" * 32)], None),
    (BOTH, [device(3, b"o" * 32)], listed(9, device(3, b"o" * 32))),
    (BOTH, [INTRUDER, SECOND], listed(9, device(1, b"n" * 32), INTRUDER, SECOND)),
    # one's own identity is another
    (OWN, [NEW], None),
    (OWN, [NEW], listed(9, NEW)),
]


@pytest.mark.parametrize(("known", "named", "list_"), LIES)
def test_a_lie_is_found(known: KnownDevices, named: list[ListedDevice], list_: DeviceList | None) -> None:
    with pytest.raises(UntrustedDevicesError):
        judge_answer(known, named, list_, is_whole=True)


def test_asked_for_the_list_alone_no_answer_is_as_before_unless_there_was_one() -> None:
    assert judge_answer(ALONE, [], None, is_whole=False) is None
    assert judge_answer(BOTH, [], listed(5, PRIMARY, SECOND), is_whole=False) == believed(5, PRIMARY, SECOND)
    with pytest.raises(UntrustedDevicesError):
        judge_answer(BOTH, [], None, is_whole=False)


def test_asked_for_some_devices_the_primary_need_not_be_among_them() -> None:
    answer = judge_answer(BOTH, [SECOND], listed(5, PRIMARY, SECOND), is_whole=False)
    assert answer == believed(5, PRIMARY, SECOND)


def test_nothing_that_is_believed_names_a_device_for_which_nobody_vouches() -> None:
    """Every list and every choice of devices, against everything known."""
    pool = [PRIMARY, SECOND, THIRD, NEW, INTRUDER, STOLEN_KEY]
    lists = [None, listed(4, PRIMARY, SECOND), listed(5, PRIMARY, SECOND), listed(9, NEW, SECOND)]
    names = [
        [one for one, is_in in zip(pool, flags, strict=True) if is_in] for flags in product((0, 1), repeat=6)
    ]
    for known, named, list_, is_whole in product((NOTHING, ALONE, BOTH, OWN), names, lists, (True, False)):
        try:
            answer = judge_answer(known, named, list_, is_whole=is_whole)
        except UntrustedDevicesError:
            continue
        if answer is None:
            assert not named
            continue
        vouched = (answer.primary,) if list_ is None else list_.devices
        assert answer.devices == vouched
        assert all(each in vouched for each in named)
        assert answer.is_new_identity == (known.primary not in (None, answer.primary))
        assert not (known.is_own and answer.is_new_identity)
        if answer.primary == known.primary:
            assert answer.number >= known.number


GOOD_SENDERS = [
    (NOTHING, PRIMARY, None, believed(0, PRIMARY)),
    (NOTHING, SECOND, listed(3, PRIMARY, SECOND), believed(3, PRIMARY, SECOND)),
    (ALONE, SECOND, listed(3, PRIMARY, SECOND), believed(3, PRIMARY, SECOND)),
    (BOTH, THIRD, listed(6, PRIMARY, SECOND, THIRD), believed(6, PRIMARY, SECOND, THIRD)),
    (OWN, THIRD, listed(6, PRIMARY, SECOND, THIRD), believed(6, PRIMARY, SECOND, THIRD)),
    (BOTH, NEW, None, believed(0, NEW, new=True)),
    (BOTH, device(5), listed(1, NEW, device(5)), believed(1, NEW, device(5), new=True)),
]


@pytest.mark.parametrize(("known", "sender", "proof", "expected"), GOOD_SENDERS)
def test_a_sender_with_a_proof_is_let_in_and_a_new_phone_too(
    known: KnownDevices, sender: ListedDevice, proof: DeviceList | None, expected: Believed
) -> None:
    assert judge_sender(known, sender, proof) == expected


@pytest.mark.parametrize("known", [ALONE, BOTH, GRANTED])
def test_the_primary_that_is_known_needs_no_list_and_changes_nothing(known: KnownDevices) -> None:
    assert judge_sender(known, PRIMARY, None) is None


BAD_SENDERS = [
    (BOTH, THIRD, None),  # not above what is known, and nobody vouches
    (BOTH, SECOND, None),  # a companion without the list that it is in
    (GRANTED, device(1, b"x" * 32), None),  # the primary's number with another key
    (GRANTED, SECOND, listed(4, PRIMARY, SECOND)),  # a list of the past
    (GRANTED, INTRUDER, listed(6, PRIMARY, SECOND)),
    (OWN, PRIMARY, None),  # one's own primary is known by its list
    (BOTH, THIRD, listed(6, PRIMARY, SECOND)),  # somebody else's proof
    (BOTH, INTRUDER, listed(6, PRIMARY, SECOND)),
    (BOTH, STOLEN_KEY, listed(6, PRIMARY, SECOND)),
    (BOTH, THIRD, listed(4, PRIMARY, THIRD)),  # removed since
    (OWN, NEW, None),
    (OWN, INTRUDER, listed(9, INTRUDER)),
]


@pytest.mark.parametrize(("known", "sender", "proof"), BAD_SENDERS)
def test_a_sender_for_whom_nobody_vouches_is_not(
    known: KnownDevices, sender: ListedDevice, proof: DeviceList | None
) -> None:
    with pytest.raises(UntrustedDeviceError):
        judge_sender(known, sender, proof)


def test_a_proof_comes_back_as_it_went() -> None:
    signed = SignedDeviceList(b"list", b"s" * 64)
    assert proof_from_bytes(proof_to_bytes(signed)) == signed
    with pytest.raises(BadDeviceListError):
        proof_from_bytes(b"s" * 64)
