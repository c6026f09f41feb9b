"""A device that cannot get in, or is hung up on, says so once; one that hangs up itself says nothing."""

import socket

import pytest

from bench.accounts import Account
from bench.load.crew import Assignment, Crew
from bench.load.endpoint import Endpoint
from bench.load.loop import Loop
from protocol import DeviceAddress, DeviceId, UserId
from tests.helpers.connection_pair import RELAY_KEY


class Witness(Crew):
    """Remembers what it was told."""

    def __init__(self, relay: tuple[str, int]) -> None:
        account = Account(bytes(32), DeviceAddress(UserId(1), DeviceId(1)))
        self.lost: list[Exception] = []
        super().__init__(Loop(), Assignment(0, 1, relay, RELAY_KEY.public, [account], 0, None))

    def was_lost(self, device: Endpoint, error: Exception) -> None:
        self.lost.append(error)


def test_a_device_that_nobody_answers_is_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
    witness = Witness(place)
    witness.log_in()
    witness.loop.turn(1)
    assert [type(error) for error in witness.lost] == [ConnectionRefusedError]
    assert not witness.devices[0].is_open


def test_a_device_that_is_hung_up_on_is_lost_and_can_connect_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        witness = Witness(server.getsockname())
        for _ in range(2):
            witness.devices[0].connect(RELAY_KEY.public)
            accepted, _ = server.accept()
            witness.loop.turn(1)
            assert accepted.recv(2) == b"RO"
            accepted.close()
            while witness.devices[0].is_open:
                witness.loop.turn(1)
    assert len(witness.lost) == 2


def test_a_device_that_hangs_up_itself_tells_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        witness = Witness(server.getsockname())
        witness.log_in()
        witness.hang_up()
        witness.hang_up()
    assert witness.lost == []


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.7"])
def test_a_device_connects_from_the_address_it_was_given(source: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        witness = Witness(server.getsockname())
        witness.devices[0].source = source
        witness.log_in()
        accepted, (host, _) = server.accept()
        accepted.close()
        witness.hang_up()
    assert host == source
