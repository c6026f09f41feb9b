from __future__ import annotations

from typing import Any, cast

import pytest

from faults.real.arena import Arena
from faults.real.fault import Broken
from faults.real.full import small_disk, until_all_refuse, until_none_refuses
from faults.real.node import NodeProcess
from roost.admin import AdminError


class Answers:
    """A node whose workers say one after the other whether they are full; None: it does not answer."""

    def __init__(self, *answers: list[bool] | None) -> None:
        self._answers = list(answers)

    async def status(self) -> dict[str, Any]:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer is None:
            raise AdminError("it does not answer")
        return {
            "workers": [
                {"number": number, "journal": {"storage_full": full}} for number, full in enumerate(answer)
            ]
        }


def node_that(*answers: list[bool] | None) -> NodeProcess:
    return cast("NodeProcess", Answers(*answers))


async def test_a_disk_is_full_when_every_worker_refuses(autojump_clock: object) -> None:
    await until_all_refuse(node_that([False, False], None, [True, False], [True, True]))


async def test_who_never_refuses_is_named_for_then_nothing_was_tried(autojump_clock: object) -> None:
    with pytest.raises(Broken, match=r"did not refuse messages: worker 1"):
        await until_all_refuse(node_that([True, False]))


async def test_there_is_room_again_when_no_worker_refuses(autojump_clock: object) -> None:
    await until_none_refuses(node_that([True, True], [False, True], [False, False]))
    with pytest.raises(Broken, match="take messages again: it does not answer"):
        await until_none_refuses(node_that(None))


def test_without_a_disk_of_its_own_a_node_is_not_to_be_filled() -> None:
    class NoDisk:
        disk = None

    with pytest.raises(Broken, match="no disk of its own"):
        small_disk(cast("Arena", NoDisk))
