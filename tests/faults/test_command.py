"""faults/real/command.py: what it makes of the words on the command line, without carrying anything out."""

import argparse
from pathlib import Path

import pytest

from faults.real import command
from faults.real.catalogue import FAULTS
from faults.real.plan import RECIPES, PlanError, draw_plan
from roost.__main__ import main


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


def test_without_words_it_is_the_standard_plan_of_a_seed_that_is_drawn() -> None:
    plans = [command.plan_of(parsed()) for _ in range(2)]
    assert {plan.name for plan in plans} == {"standard"}
    assert plans[0].seed != plans[1].seed


def test_what_is_chosen_is_in_the_plan() -> None:
    sizes = ["--minutes", "2", "--workers", "3", "--clients", "5", "--phones", "6"]
    kinds = ["--fault", "cut", "--fault", "kill worker"]
    plan = command.plan_of(parsed("--plan", "kills", "--seed", "7", *sizes, *kinds))
    assert (plan.name, plan.seed, plan.size.minutes) == ("kills", 7, 2.0)
    assert (plan.size.workers, plan.size.clients, plan.size.phones) == (3, 5, 6)
    assert {step.fault for step in plan.steps} == {"cut", "kill worker"}


def test_a_plan_in_a_file_is_run_as_it_is(tmp_path: Path) -> None:
    plan = command.plan_of(parsed("--plan", "quick", "--seed", "7"))
    path = tmp_path / "plan.json"
    path.write_text(plan.to_json())
    assert command.plan_of(parsed("--plan", str(path))) == plan


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--plan", "quickly"], "there is no plan called 'quickly'"),
        (["--fault", "a cat"], "there is no fault called 'a cat'"),
        (["--workers", "0"], "--workers is 1 to 64, not 0"),
        (["--minutes", "nan"], "--minutes is 0.1 to 1440, not nan"),
        (["--clients", "1", "--phones", "1"], "one alone has nobody to talk to"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["faults", "run", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {sentence}")
    assert err.count("\n") == 1


def test_a_file_that_is_no_plan_or_has_other_choices_beside_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("{}")
    with pytest.raises(PlanError, match="it is no plan of a run"):
        command.plan_of(parsed("--plan", str(path)))
    path.write_text(draw_plan("quick", 1, {"all": tuple(FAULTS.values())}).to_json())
    with pytest.raises(PlanError, match="no other choices"):
        command.plan_of(parsed("--plan", str(path), "--clients", "3"))
    path.write_text(path.read_text().replace("kill worker", "kill a cat"))
    with pytest.raises(PlanError, match="there is no fault called 'kill a cat'"):
        command.plan_of(parsed("--plan", str(path)))


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "precious").touch()
    assert main(["faults", "run", "--folder", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_every_fault_and_every_plan_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "run", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {name for name in RECIPES if any(line.startswith(f"  {name} ") for line in lines)} == set(RECIPES)
    for fault in FAULTS.values():
        assert any(line.startswith(f"  {fault.name}  (") for line in lines)
        assert f"      {fault.promise}" in lines


def test_stores_are_removed_and_what_was_written_down_stays(tmp_path: Path) -> None:
    for folder in ("node/data", "crowd/p00"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("node/node.log", "crowd/c0.jsonl"):
        (tmp_path / file).touch()
    command.remove_stores(tmp_path)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["crowd/c0.jsonl", "node/node.log"]
    assert not (tmp_path / "node" / "data").exists()
    assert not (tmp_path / "crowd" / "p00").exists()
