"""What every test shares: the settings of Hypothesis, and nothing that hides what a test does."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

# The same examples in every run, so that a failure on one machine is a failure on all; no deadlines, since
# the machine may be busy with something else. `pytest --hypothesis-profile=explore` looks for new examples.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=2_000)
settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    """Undo what a test does to the loggers; configure_logging() is meant to be global."""
    root, roost = logging.getLogger(), logging.getLogger("roost")
    before = root.handlers[:], root.level, roost.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    roost.setLevel(before[2])
