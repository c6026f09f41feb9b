"""One seed is one history, byte for byte; another seed is another one."""

import os
import subprocess
import sys
from random import SystemRandom

import pytest

from faults.simulation.determinism import stream
from faults.simulation.history import Founder, run_history
from faults.simulation.plan import Plan, draw_plan

FRESH = SystemRandom().randrange(1_000_000)


def plan_of(seed: int) -> Plan:
    return draw_plan(seed, people=3, seconds=10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, pytest.param(FRESH, id="fresh")])
def test_a_seed_gives_the_same_trace_each_time_byte_for_byte(founder: Founder, seed: int) -> None:
    first = run_history(plan_of(seed), founder, keep_all=True)
    clutter = [object() for _ in range(10_000)]  # other addresses
    second = run_history(plan_of(seed), founder, keep_all=True)
    del clutter
    assert first.lines == second.lines, f"seed {seed}"
    assert first.digest == second.digest


@pytest.mark.slow
def test_another_process_with_another_hash_seed_gives_the_same_trace(founder: Founder) -> None:
    program = (
        "from faults.simulation.history import open_founder, run_history\n"
        "from faults.simulation.plan import draw_plan\n"
        "with open_founder() as founder:\n"
        "    print(run_history(draw_plan(3, people=3, seconds=10), founder).digest)\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    told = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == run_history(plan_of(3), founder).digest


@pytest.mark.slow
def test_another_seed_gives_another_trace(founder: Founder) -> None:
    assert run_history(plan_of(1), founder).digest != run_history(plan_of(2), founder).digest


def test_what_one_concern_draws_moves_nothing_at_another() -> None:
    before = stream(1, "device a").random()
    stream(1, "device b").random()
    assert stream(1, "device a").random() == before
    assert stream(2, "device a").random() != before
