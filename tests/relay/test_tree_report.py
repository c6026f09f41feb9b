"""What /tree answers: the node's tree, in the form that `roost top` and `roost status` read."""

import json

from actors import Actor, open_actor_system
from relay.tree_report import MAX_CHILDREN_LISTED, ROOT_NAME, tree_report
from roost.top import render
from supervisors import ChildSpec, DynamicSupervisor, Supervisor, SupervisorHandle, tree_as_text


class Idle(Actor):
    def handle(self, message: object) -> None: ...


async def test_the_tree_names_the_root_and_its_children_and_survives_json() -> None:
    async with open_actor_system() as system:
        await system.start(lambda: Supervisor([ChildSpec("listener", Idle)]), name=ROOT_NAME)
        tree = json.loads(json.dumps(await tree_report(system)))
    [root] = tree["children"]
    assert (root["name"], root["children"][0]["name"]) == (ROOT_NAME, "listener")
    assert "listener" in tree_as_text(tree)
    assert "relay/listener" in render(tree, 200, None)


async def test_thousands_of_children_are_counted_and_the_first_of_them_listed() -> None:
    async with open_actor_system() as system:
        handle = SupervisorHandle(await system.start(DynamicSupervisor, name=ROOT_NAME))
        for number in range(MAX_CHILDREN_LISTED + 5):
            await handle.start_child(ChildSpec(str(number), Idle))
        [root] = (await tree_report(system))["children"]
    assert (len(root["children"]), root["children_omitted"]) == (MAX_CHILDREN_LISTED, 5)
