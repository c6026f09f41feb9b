"""Random lives of a supervisor, step by step beside a model that is OTP's rules in twenty lines.

Whatever children do and whatever is asked: the supervisor's children are in the states that the model says,
each running child is one living actor, and nobody else is left.
"""

from __future__ import annotations

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from actors import open_actor_system
from supervisors import Restart, Strategy, SupervisorError, SupervisorHandle
from tests.supervisors.cast import Crash, Stage, crash, end, settle, supervise

IDS = ("a", "b", "c", "d")
STEPS = ("crash", "end", "kill", "crash_all", "terminate", "restart", "delete", "start")

Kinds = dict[str, Restart]  # {id: its restart type}


class Model:
    """Which children a supervisor should have, in start order, and which of them run."""

    def __init__(self, strategy: Strategy, kinds: Kinds) -> None:
        self.strategy = strategy
        self.kinds = kinds
        self.runs: dict[str, bool] = dict.fromkeys(kinds, True)

    def ended(self, child: str, abnormal: bool) -> None:
        """A child ended by itself."""
        kind = self.kinds[child]
        if kind is Restart.PERMANENT or (kind is Restart.TRANSIENT and abnormal):
            self._restart(child)
        else:
            self.stopped(child)

    def stopped(self, child: str) -> None:
        """A child is not running any more, and will not be restarted."""
        self.runs[child] = False
        if self.kinds[child] is Restart.TEMPORARY:
            del self.runs[child]

    def _restart(self, child: str) -> None:
        known = list(self.runs)
        first = {Strategy.ONE_FOR_ALL: 0}.get(self.strategy, known.index(child))
        last = known.index(child) + 1 if self.strategy is Strategy.ONE_FOR_ONE else len(known)
        for sibling in known[first:last]:
            self.runs[sibling] = True
            if self.kinds[sibling] is Restart.TEMPORARY:
                del self.runs[sibling]


@given(
    st.sampled_from(Strategy),
    st.tuples(*[st.sampled_from(Restart) for _ in IDS]),
    st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(IDS)), max_size=12),
)
def test_a_supervisor_does_what_otp_says_whatever_happens(
    strategy: Strategy, kinds: tuple[Restart, ...], steps: list[tuple[str, str]]
) -> None:
    trio.run(
        _live, strategy, dict(zip(IDS, kinds, strict=True)), steps, clock=MockClock(autojump_threshold=0)
    )


async def _live(strategy: Strategy, kinds: Kinds, steps: list[tuple[str, str]]) -> None:
    stage, model = Stage(), Model(strategy, kinds)
    async with open_actor_system() as system:
        specs = [stage.spec(child, kind) for child, kind in kinds.items()]
        sup = await supervise(system, *specs, strategy=strategy, intensity=10_000)
        for step, child in steps:
            if step in ("crash", "end", "kill", "crash_all"):
                await _happen(step, child, stage, model)
            else:
                await _ask(step, child, stage, model, sup)
            children = await sup.which_children()
            assert {info.id: info.ref is not None for info in children} == model.runs
            assert [info.id for info in children] == list(model.runs)
            assert len(system) == 1 + sum(model.runs.values())
    assert len(system) == 0


async def _happen(step: str, child: str, stage: Stage, model: Model) -> None:
    """Something befalls a child that runs."""
    if step == "crash_all":
        await _crash_all(stage, model)
    elif model.runs.get(child):
        if step == "end":
            await end(stage, child)
        elif step == "crash":
            await crash(stage, child)
        else:
            stage.refs[child].kill()
            await settle()
        model.ended(child, abnormal=step != "end")


async def _crash_all(stage: Stage, model: Model) -> None:
    """All permanent children crash at the same moment; then each of them runs, whatever the order was."""
    victims = [
        child for child, runs in model.runs.items() if runs and model.kinds[child] is Restart.PERMANENT
    ]
    for child in victims:
        stage.refs[child].tell_nowait(Crash())
    await settle()
    for child in victims:
        model.ended(child, abnormal=True)


async def _ask(step: str, child: str, stage: Stage, model: Model, sup: SupervisorHandle) -> None:
    """Something is asked of the supervisor; a refusal must be one that the model expects."""
    known, runs = child in model.runs, model.runs.get(child, False)
    expected = {
        "terminate": known,
        "restart": known and not runs,
        "delete": known and not runs,
        "start": not known,
    }
    try:
        if step == "terminate":
            await sup.terminate_child(child)
        elif step == "restart":
            await sup.restart_child(child)
        elif step == "delete":
            await sup.delete_child(child)
        else:
            await sup.start_child(stage.spec(child, model.kinds[child]))
    except SupervisorError:
        assert not expected[step]
        return
    assert expected[step]
    if step == "terminate":
        model.stopped(child)
    elif step == "delete":
        del model.runs[child]
    else:
        model.runs[child] = True
