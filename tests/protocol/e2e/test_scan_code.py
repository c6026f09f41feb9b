import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e.errors import BadScanCodeError
from protocol.e2e.scan_code import PREFIX, scan_code, scan_matches
from protocol.ids import UserId

ANN = (UserId(7), b"a" * 32)
BEN = (UserId(8), b"b" * 32)


def test_what_one_side_shows_is_what_the_other_knows() -> None:
    assert scan_matches(scan_code(ANN, BEN), BEN, ANN)
    assert scan_matches(f"  {scan_code(BEN, ANN)}\n", ANN, BEN)


def test_another_key_of_either_side_is_found_by_either_side() -> None:
    between = b"m" * 32
    assert not scan_matches(scan_code((ANN[0], between), BEN), BEN, ANN)
    assert not scan_matches(scan_code(ANN, (BEN[0], between)), BEN, ANN)
    assert not scan_matches(scan_code(ANN, BEN), BEN, (ANN[0], between))
    assert not scan_matches(scan_code(ANN, BEN), (BEN[0], between), ANN)


def test_ones_own_code_and_somebody_elses_say_nothing() -> None:
    for code in (scan_code(BEN, ANN), scan_code((UserId(9), b"c" * 32), BEN)):
        with pytest.raises(BadScanCodeError, match="somebody else"):
            scan_matches(code, BEN, ANN)


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda data: PREFIX + data.hex()))
def test_arbitrary_texts_raise_nothing_but_bad_code(text: str) -> None:
    with pytest.raises(BadScanCodeError):
        scan_matches(text, BEN, ANN)


def test_it_is_short_enough_for_a_terminal() -> None:
    assert len(scan_code(ANN, BEN)) < 140
