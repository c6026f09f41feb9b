from dataclasses import replace

from faults.real.node_health import Health, complaints, skeleton

TREE = {
    "name": "node",
    "strategy": "one_for_one",
    "children": [
        {"name": "admin", "state": "running"},
        {
            "name": "mailboxes",
            "max_children": None,
            "strategy": "one_for_one",
            "children": [{"name": "mailbox of somebody"}],
        },
        {"name": "listener", "state": "restarting"},
    ],
}

HEALTHY = Health(1, 0, 1, 0, tree=("node", "node/admin", "node/listener"), ailing=())


def test_the_tree_is_looked_at_without_those_that_come_and_go_with_users() -> None:
    assert dict(skeleton(TREE)) == {
        "node": "running",
        "node/admin": "running",
        "node/mailboxes": "running",
        "node/listener": "restarting",
    }


def test_a_node_that_is_as_it_was_is_not_complained_of() -> None:
    assert complaints(HEALTHY, replace(HEALTHY, resident_bytes=2, restarts=3)) == []


def test_whoever_is_missing_or_does_not_run_is_named() -> None:
    after = replace(HEALTHY, tree=("node", "node/listener"), ailing=("node/listener",))
    assert complaints(HEALTHY, after) == ["node/admin is missing in the tree", "node/listener does not run"]
