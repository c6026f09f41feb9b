"""What every test shares: settings of Hypothesis, a scheduler that can be repeated, loggers put back."""

import logging
import os
import random
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence

import pytest
import trio
from hypothesis import settings
from trio._core import _run as trio_run
from trio.abc import Instrument

# The same examples in every run, so that a failure on one machine is a failure on all; no deadlines, since
# the machine may be busy with something else. `pytest --hypothesis-profile=explore` looks for new examples.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=2_000)
settings.load_profile("fixed")

# Trio runs what is runnable in random order, on purpose: code must not depend on it. Each run of the tests
# draws a seed, so orders keep being explored; a test that fails tells it, and the variable brings it back.
SEED_VARIABLE = "SCHEDULER_SEED"  # not ROOST_...: a node refuses a setting that it does not know
# It is one for all processes of a run, which inherit the variable.
SEED = os.environ.setdefault(SEED_VARIABLE, str(random.SystemRandom().randrange(1_000_000)))


@pytest.fixture(autouse=True)
def _scheduler_can_be_repeated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # Both are needed: a batch in a fixed order to begin with, and the seed of how it is then shuffled. The
    # test's name is part of the seed, so that one test alone repeats what it did among all.
    monkeypatch.setattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
    trio_run._r.seed(f"{SEED} {request.node.nodeid}")


@pytest.fixture(autouse=True)
def _a_fixtures_clock_is_the_tests(request: pytest.FixtureRequest) -> None:
    # pytest-trio gives a test the virtual clock only if the test itself names it. One whose fixtures have it
    # would run in real time, seconds for each that it thinks it skips.
    if "autojump_clock" in request.fixturenames:
        clock = request.getfixturevalue("autojump_clock")

        def run(test: Callable[[], Awaitable[None]], instruments: Sequence[Instrument], **_: object) -> None:
            trio.run(test, clock=clock, instruments=instruments)

        request.node.add_marker(pytest.mark.trio(run=run), append=False)  # before the one of trio_mode


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say beside a failure how to see it again."""
    report = yield
    if report.failed:
        report.sections.append(("scheduler", f"to repeat: {SEED_VARIABLE}={SEED} pytest '{item.nodeid}'"))
    return report


@pytest.fixture(autouse=True)
def _loggers_are_put_back() -> Iterator[None]:
    """Undo what a test does to the loggers; configure_logging() is meant to be global."""
    root, roost = logging.getLogger(), logging.getLogger("roost")
    handlers, root_level, roost_level = root.handlers[:], root.level, roost.level
    yield
    root.handlers[:] = handlers
    root.setLevel(root_level)
    roost.setLevel(roost_level)
