"""The scenes themselves are tried in tests/test_four_people.py; here, that they look before they tell."""

from pathlib import Path
from typing import Any

import pytest

from roost.people_demo import NUMBERS, PeopleStory
from roost.stage import DemoFailedError, Stage


class NobodyHears(Stage):
    """A stage on which every command is done and nothing comes of it."""

    def start_node(self, workers: int) -> None:
        self.say(f"{workers} workers")

    def do(self, name: str, *words: str) -> list[dict[str, Any]]:
        if "register" not in words:
            raise DemoFailedError(f"{name} cannot {words[0]}")
        return []


def test_numbers_are_of_those_that_nobody_has() -> None:
    assert all(number.startswith("+4917139200") for number in NUMBERS.values())


def test_the_first_thing_that_is_not_so_ends_the_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    story = PeopleStory(NobodyHears(tmp_path, told.append))

    def no_ear(*_words: str) -> None:
        raise DemoFailedError("nobody listens")

    monkeypatch.setattr("roost.people_demo.Ear", no_ear)
    with pytest.raises(DemoFailedError, match="nobody listens"):
        story.tell()
    story.end()
    assert "have registered" in told[-1]
