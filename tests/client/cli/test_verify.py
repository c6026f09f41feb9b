from client.cli import send, verify
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN


def acquainted(pair: Desk) -> tuple[str, str]:
    """Both homes, after each has written once."""
    ann, ben = str(pair.home("ann")), str(pair.home("ben"))
    assert pair.run(send, "--home", ann, "--to", BEN, "hello").status == 0
    assert pair.run(send, "--home", ben, "--to", ANN, "hello").status == 0
    return ann, ben


def test_the_code_is_shown_scanned_and_remembered(pair: Desk) -> None:
    ann, ben = acquainted(pair)
    (ours,) = pair.run(verify, "--home", ann, BEN, "--json").objects
    (theirs,) = pair.run(verify, "--home", ben, ANN, "--json").objects
    assert ours["digits"] == theirs["digits"]
    assert len(str(ours["digits"])) == 60
    assert (ours["trust"], ours["phone"]) == ("unverified", BEN)
    outcome = pair.run(verify, "--home", ann, BEN, "--scan", str(theirs["scan"]))
    assert (outcome.status, outcome.out) == (0, "+49 1511 2345679  compared, and good\n")
    shown = pair.run(verify, "--home", ben, ANN).out
    assert str(theirs["scan"]) in shown
    assert "not compared yet" in shown


def test_digits_are_compared_confirmed_and_reset(pair: Desk) -> None:
    ann, ben = acquainted(pair)
    (theirs,) = pair.run(verify, "--home", ben, ANN, "--json").objects
    digits = str(theirs["digits"])
    wrong = pair.run(verify, "--home", ann, BEN, "--scan", digits[::-1])
    assert wrong.status == 3
    assert wrong.err.startswith("error: security-code-mismatch: ")
    assert pair.run(verify, "--home", ann, BEN, "--scan", digits).status == 0
    assert "not compared yet" in pair.run(verify, "--home", ann, BEN, "--reset").out
    assert "compared, and good" in pair.run(verify, "--home", ann, BEN, "--confirm").out


def test_what_is_no_code_and_who_has_none_are_told_by_name(pair: Desk) -> None:
    ann = str(pair.home("ann"))
    assert pair.run(verify, "--home", ann, BEN).err.startswith("error: no-security-code: ")
    acquainted(pair)
    outcome = pair.run(verify, "--home", ann, BEN, "--scan", "what they said")
    assert (outcome.status, outcome.err) == (
        2, "error: invalid-code-text: this is not the text of a security code\n",
    )  # fmt: skip
