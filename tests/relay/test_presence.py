"""Who is connected: one connection a device, and counts that come back to nothing."""

from typing import cast

from protocol import DeviceAddress, DeviceId, UserId
from relay.outgoing import Outgoing
from relay.presence import Presence

DEVICE = DeviceAddress(UserId(7), DeviceId(1))


class FakeOutgoing:
    """What the register looks at of an outgoing side."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.identified = False
        self.look_at = 0


def make(number: int) -> Outgoing:
    return cast("Outgoing", FakeOutgoing(number))


def test_a_connection_is_a_handshake_until_it_is_identified() -> None:
    presence, one = Presence(), make(1)
    presence.opened(one, 5)
    assert (presence.connection_count, presence.handshakes) == (1, 1)
    presence.identified(one)
    presence.identified(one)
    assert (presence.connection_count, presence.handshakes) == (1, 0)


def test_a_connection_that_ends_in_its_handshake_is_counted_back_once() -> None:
    presence, one = Presence(), make(1)
    presence.opened(one, 5)
    presence.closed(one)
    presence.closed(one)
    assert (presence.connection_count, presence.handshakes) == (0, 0)


def test_a_second_login_hands_back_the_first() -> None:
    presence, one, two = Presence(), make(1), make(2)
    assert presence.login(DEVICE, one) is None
    assert presence.login(DEVICE, one) is None
    assert presence.login(DEVICE, two) is one
    assert presence.of_device(DEVICE) is two


def test_a_late_logout_does_not_take_the_newer_connection_away() -> None:
    presence, one, two = Presence(), make(1), make(2)
    presence.login(DEVICE, one)
    presence.login(DEVICE, two)
    assert not presence.logout(DEVICE, one)
    assert presence.of_device(DEVICE) is two
    assert presence.logout(DEVICE, two)
    assert presence.of_device(DEVICE) is None


def test_users_are_counted_once_however_many_devices_they_have() -> None:
    presence = Presence()
    presence.login(DEVICE, make(1))
    presence.login(DeviceAddress(UserId(7), DeviceId(2)), make(2))
    assert (presence.user_count(), presence.device_count) == (1, 2)


def test_connections_may_leave_while_they_are_looked_at() -> None:
    presence, one, two = Presence(), make(1), make(2)
    presence.opened(one, 5)
    presence.opened(two, 5)
    for connection in presence.connections():
        presence.closed(connection)
    assert presence.connection_count == 0
