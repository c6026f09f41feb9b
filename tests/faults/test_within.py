import sys
from pathlib import Path

import pytest

from actors.ports import system_clock
from faults.real import within
from faults.real.skew import Jump
from relay import crew, worker_process
from relay.outgoing import Outgoing

DAY = 86_400.0


def test_it_is_roost_with_its_words_and_its_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        within.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("roost ")
    assert within.main(["serve", "--listen", "nowhere"]) == 2


def test_workers_of_such_a_node_are_started_the_same_way() -> None:
    with within.prepared(["serve"], "somewhere"):
        assert (sys.executable, "-m", "faults.real.within") == crew.PROGRAM
    assert (sys.executable, "-m", "roost") == crew.PROGRAM


def test_a_worker_has_traps_and_a_clock_only_if_a_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush, now = Outgoing.flush, system_clock.now()
    monkeypatch.setitem(worker_process.LOG_FACTS, "worker", 0)
    Jump(tmp_path, 0, DAY)
    with within.prepared(["worker"], None):
        assert Outgoing.flush is flush
        assert system_clock.now() < now + DAY
    with within.prepared(["worker", "--log", "json"], str(tmp_path)):
        assert Outgoing.flush is not flush
        assert system_clock.now() >= now + DAY
    assert Outgoing.flush is flush
    assert system_clock.now() < now + DAY
