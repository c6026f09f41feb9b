"""The live tree: complete, JSON-able, and readable."""

from __future__ import annotations

import json

import trio
from trio.testing import MockClock

from actors import Actor, ActorSystem
from supervisors import (
    Backoff,
    ChildSpec,
    DynamicSupervisor,
    Restart,
    Supervisor,
    SupervisorHandle,
    supervisor_spec,
    tree_as_data,
    tree_as_text,
)
from tests.supervisors.cast import Stage, crash, end, settle


class Stuck(Actor):
    """Handles its first message for ever."""

    async def handle(self, message: object) -> None:
        await trio.sleep_forever()


async def grow(system: ActorSystem, stage: Stage) -> None:
    wait = Backoff(lambda size: bytes(size), initial=20.0)
    await system.start(
        lambda: Supervisor(
            [
                stage.spec("a"),
                supervisor_spec("sub", lambda: Supervisor([stage.spec("b", Restart.TRANSIENT)])),
                stage.spec("c", backoff=wait),
                ChildSpec("stuck", Stuck),
            ],
            name="root",
        )
    )
    await crash(stage, "a", "c")
    await end(stage, "b")


async def test_the_tree_as_text_shows_what_is_worth_a_word(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    await grow(system, stage)
    text = tree_as_text(tree_as_data(system))
    assert text.startswith("system\n└─ root (Supervisor)")
    assert "├─ a (Player) restarts 1" in text
    assert "├─ sub (Supervisor)" in text
    assert "│  └─ b stopped" in text
    assert "├─ c restarting restarts 1" in text
    assert "└─ stuck (Stuck)" in text


async def test_the_tree_as_data_survives_json(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    await grow(system, stage)
    tree = tree_as_data(system)
    assert json.loads(json.dumps(tree)) == tree


async def test_a_node_says_how_its_actor_is_doing(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    await grow(system, stage)
    sup = SupervisorHandle(next(ref for ref in system.actors if ref.kind_name == "Supervisor"))
    stuck = (await sup.which_children())[-1].ref
    assert stuck is not None
    for _ in range(4):
        await stuck.tell("work")
    await settle()
    [root] = tree_as_data(system)["children"]
    node = root["children"][-1]
    assert (node["name"], node["kind"], node["type"], node["state"]) == (
        "stuck",
        "Stuck",
        "worker",
        "running",
    )
    assert (node["mailbox"], node["mailbox_peak"]) == (3, 4)
    assert set(node["rates"]) == {"1", "10", "100"}


async def test_a_supervisor_says_what_it_was_told_to_do(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    await grow(system, stage)
    [root] = tree_as_data(system)["children"]
    assert (root["strategy"], root["intensity"], root["period"]) == ("one_for_one", 3, 5.0)
    assert root["restarts_of_children"] == 2


async def test_below_a_supervisor_of_many_only_the_longest_mailboxes_are_listed(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    sup = SupervisorHandle(await system.start(DynamicSupervisor, name="connections"))
    refs = [await sup.start_child(ChildSpec(f"c{number}", Stuck)) for number in range(10)]
    for ref in (refs[3], refs[7]):
        assert ref is not None
        for _ in range(3):
            await ref.tell("work")
    await settle()
    tree = tree_as_data(system, children_listed=2)
    [node] = tree["children"]
    assert [child["name"] for child in node["children"]] == ["c3", "c7"]
    assert (node["children_total"], node["children_omitted"]) == (10, 8)
    assert "... and 8 more" in tree_as_text(tree)


async def test_a_system_without_supervisors_is_a_tree_without_branches(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    assert tree_as_data(system)["children"] == []


async def test_a_subtree_that_ended_for_good_keeps_its_place(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sub = supervisor_spec("sub", lambda: Supervisor([stage.spec("b")]))
    sup = SupervisorHandle(await system.start(lambda: Supervisor([sub])))
    await sup.terminate_child("sub")
    [root] = tree_as_data(system)["children"]
    assert (root["children"][0]["state"], root["children"][0]["children"]) == ("stopped", [])
