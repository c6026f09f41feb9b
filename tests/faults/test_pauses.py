import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from faults.real.fault import Broken
from faults.real.pauses import stopped
from faults.real.processes import is_running, is_stopped

pytestmark = pytest.mark.slow


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits until it is ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])
    yield process
    process.kill()
    process.wait()


async def test_who_is_stopped_stands_still_and_goes_on(sleeper: subprocess.Popen[bytes]) -> None:
    async with stopped(sleeper.pid):
        assert is_stopped(sleeper.pid)
    assert not is_stopped(sleeper.pid)
    assert is_running(sleeper.pid)


async def test_who_is_stopped_goes_on_when_something_else_fails(sleeper: subprocess.Popen[bytes]) -> None:
    with pytest.raises(ZeroDivisionError):
        async with stopped(sleeper.pid):
            raise ZeroDivisionError
    assert not is_stopped(sleeper.pid)


async def test_it_is_noticed_if_somebody_ends_who_stands_still(sleeper: subprocess.Popen[bytes]) -> None:
    with pytest.raises(Broken, match=str(sleeper.pid)):
        await stop_and_end(sleeper)


async def stop_and_end(sleeper: subprocess.Popen[bytes]) -> None:
    async with stopped(sleeper.pid):
        sleeper.send_signal(signal.SIGKILL)
        sleeper.wait()
