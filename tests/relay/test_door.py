"""The admin endpoint's door says clearly when it is taken."""

import pytest

from relay.config import HostPort
from relay.door import Door
from relay.errors import AddressInUseError


def test_a_door_that_is_taken_says_what_to_do() -> None:
    door = Door(HostPort("127.0.0.1", 0))
    try:
        taken = HostPort("127.0.0.1", int(door.url.rpartition(":")[2]))
        told = r"^cannot listen for operators on 127\.0\.0\.1:\d+: address already in use; .* --admin"
        with pytest.raises(AddressInUseError, match=told):
            Door(taken)
    finally:
        door.close()
