from collections.abc import Generator

import pytest

from protocol.e2e.coroutines import finish


class Suspend:
    def __await__(self) -> Generator[None, None, None]:
        yield


async def seven() -> int:
    return 7


async def fails() -> int:
    raise KeyError("inside")


async def suspends() -> int:
    await Suspend()
    return 7


def test_a_coroutine_that_never_suspends_gives_its_result_without_a_loop() -> None:
    assert finish(seven()) == 7


def test_an_exception_inside_comes_out() -> None:
    with pytest.raises(KeyError, match="inside"):
        finish(fails())


def test_a_coroutine_that_suspends_is_called_a_bug() -> None:
    with pytest.raises(RuntimeError, match="suspended"):
        finish(suspends())
