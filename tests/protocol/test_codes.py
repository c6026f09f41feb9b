"""Error codes: every one has a number that stays, a name and a sentence."""

from protocol.codes import ErrorCode, code_name, code_sentence, known_code


def test_every_code_has_a_sentence() -> None:
    for code in ErrorCode:
        assert code.sentence.endswith(".")
        assert code.sentence == code_sentence(code)


def test_the_wire_name_is_kebab_case() -> None:
    assert ErrorCode.OUT_OF_ORDER.wire_name == code_name(66) == "out-of-order"


def test_a_code_from_a_newer_peer_stays_a_number_and_can_be_described() -> None:
    assert known_code(999) == 999
    assert known_code(36) is ErrorCode.WAIT
    assert code_name(999) == "code-999"
    assert "999" in code_sentence(999)


def test_no_code_is_too_large_for_the_one_byte_of_an_alert() -> None:
    assert max(ErrorCode) < 256
