"""The state tables: complete, and true to what they promise."""

import pytest

from protocol import stanzas as s
from protocol.schema import SCHEMA, Sender
from protocol.state import (
    CLIENT_MAY_SEND,
    CLIENT_MAY_SEND_IN_PRODUCTION,
    CLIENT_TRANSITIONS,
    RELAY_MAY_SEND,
    RELAY_TRANSITIONS,
    State,
    Step,
    Transitions,
)

SIDES = [RELAY_TRANSITIONS, CLIENT_TRANSITIONS]


def reachable(transitions: Transitions, start: State) -> list[State]:
    found = [start]
    for state in found:
        found += [target for target in transitions[state].values() if target not in found]
    return found


@pytest.mark.parametrize("transitions", SIDES, ids=["relay", "client"])
def test_every_state_of_a_side_is_reached_and_can_end(transitions: Transitions) -> None:
    start = next(iter(transitions))
    assert sorted(reachable(transitions, start), key=list(State).index) == sorted(
        transitions, key=list(State).index
    )
    assert all(steps[Step.END] is State.CLOSED for steps in transitions.values())


@pytest.mark.parametrize("transitions", SIDES, ids=["relay", "client"])
def test_closed_is_for_good(transitions: Transitions) -> None:
    assert transitions[State.CLOSED] == {Step.END: State.CLOSED}


def test_every_state_says_what_each_side_may_send() -> None:
    assert list(CLIENT_MAY_SEND) == list(RELAY_MAY_SEND) == list(State)


def test_no_side_may_ever_send_what_the_table_gives_to_the_other() -> None:
    for spec in SCHEMA:
        for table, other in ((CLIENT_MAY_SEND, Sender.RELAY), (RELAY_MAY_SEND, Sender.CLIENT)):
            if spec.sender is other:
                assert not any(spec.stanza in allowed for allowed in table.values())


def test_online_both_sides_may_send_everything_that_is_theirs() -> None:
    for spec in SCHEMA:
        assert (spec.stanza in CLIENT_MAY_SEND[State.ONLINE]) is (spec.sender is not Sender.RELAY)
        assert (spec.stanza in RELAY_MAY_SEND[State.ONLINE]) is (spec.sender is not Sender.CLIENT)


def test_a_stranger_may_register_or_be_linked_and_nothing_else() -> None:
    registering = {s.RequestCode, s.Register}
    linking = {s.OpenLink, s.PollLink, s.AnswerLink, s.CompleteLink, s.CancelLink}
    assert CLIENT_MAY_SEND[State.STRANGER] == {s.Ping, s.Pong, s.Error} | registering | linking


def test_nothing_is_heard_from_a_client_that_may_be_a_replay() -> None:
    assert CLIENT_MAY_SEND[State.UNCONFIRMED] == frozenset()


def test_in_production_nobody_may_send_the_test_stanza() -> None:
    for state, allowed in CLIENT_MAY_SEND_IN_PRODUCTION.items():
        assert allowed == CLIENT_MAY_SEND[state] - {s.TestCrash}
