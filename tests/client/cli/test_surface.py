import inspect

import pytest

from client.cli.pipe import PipeSurface
from client.cli.screen import ChatScreen
from client.cli.surface import Surface


@pytest.mark.parametrize("surface", [PipeSurface, ChatScreen])
def test_every_surface_can_do_everything(surface: type[Surface]) -> None:
    for name, method in inspect.getmembers(Surface, inspect.isfunction):
        if not name.startswith("_"):
            own = getattr(surface, name)
            assert list(inspect.signature(own).parameters) == list(inspect.signature(method).parameters)
            assert inspect.iscoroutinefunction(own) == inspect.iscoroutinefunction(method)
