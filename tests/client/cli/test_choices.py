from pathlib import Path

import pytest
import trio

from client.cli.choices import bring, open_store, outcome
from client.errors import NoAccountError
from client.phone import open_phone
from protocol.stanzas import Audience, Privacy
from tests.client.cli.conftest import Desk


def test_a_folder_without_an_account_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoAccountError), open_store(tmp_path):
        pass
    with pytest.raises(NoAccountError), open_store(tmp_path / "missing"):
        pass


def test_whoever_holds_the_home_brings_what_was_chosen(pair: Desk) -> None:
    home = Path(pair.home("ann"))

    async def choose_beside_a_phone() -> bool:
        async with open_phone(home):
            with open_store(home) as store:
                store.choose_privacy(Privacy(Audience.NOBODY))
                return await bring(home, lambda: not store.settings.is_due)

    assert trio.run(choose_beside_a_phone)


def test_an_outcome_says_what_is_still_to_come_and_what_was_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert outcome(True, None) == 0
    assert outcome(False, None) == 4
    assert "goes to the relay with the next connection" in capsys.readouterr().err
    assert outcome(True, "list-full") == 3
    assert capsys.readouterr().err.startswith("error: list-full: There is no room")
