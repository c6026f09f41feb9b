"""The byte budgets, counted on connections: WhatsApp's own numbers are what they are measured against."""

import pytest

from protocol.byte_budgets import BUDGETS, Budget


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: budget.what)
def test_it_takes_no_more_bytes_than_its_budget(budget: Budget) -> None:
    if budget.most_bytes is not None:
        assert budget.count() <= budget.most_bytes


def test_the_promises_of_the_design_are_among_them() -> None:
    promises = {budget.what: budget.most_bytes for budget in BUDGETS}
    assert promises["Ping"] == 20  # < 21
    assert promises["Typing, a thousand chats"] == 24  # < 25
    assert promises["Ack, seq up to 65,535"] == 24  # < 25
    assert promises['Send of "hello", few chats, number up to 255'] == 99  # < 100
    assert promises["envelope of Deliver, a thousand chats, numbers up to 2^32"] == 20
