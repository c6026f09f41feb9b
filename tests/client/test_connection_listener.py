import inspect

import pytest

from client.connection_listener import ConnectionListener
from client.registration import FirstContact
from client.switchboard import Switchboard


@pytest.mark.parametrize("listener", [Switchboard, FirstContact])
def test_every_listener_hears_everything(listener: type[ConnectionListener]) -> None:
    for name, method in inspect.getmembers(ConnectionListener, inspect.isfunction):
        if not name.startswith("_"):
            expected = list(inspect.signature(method).parameters)
            assert list(inspect.signature(getattr(listener, name)).parameters) == expected
