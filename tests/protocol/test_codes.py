"""Error codes: every one has a number that stays, a name and a sentence."""

from protocol.codes import (
    ErrorCode,
    NumberProblem,
    code_name,
    code_sentence,
    known_code,
    refusal_sentence,
)


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


def test_a_refusal_is_told_with_what_came_with_it() -> None:
    assert refusal_sentence(ErrorCode.WAIT, 1) == "Too soon; try again in 1 second."
    assert refusal_sentence(ErrorCode.WAIT, 42) == "Too soon; try again in 42 seconds."
    assert "too short" in refusal_sentence(ErrorCode.INVALID_NUMBER, NumberProblem.TOO_SHORT)


def test_a_refusal_without_a_fact_or_with_one_that_is_not_understood_is_told_in_general() -> None:
    assert refusal_sentence(ErrorCode.WAIT, None) == ErrorCode.WAIT.sentence
    assert refusal_sentence(ErrorCode.INVALID_NUMBER, 999) == ErrorCode.INVALID_NUMBER.sentence
    assert refusal_sentence(ErrorCode.INVALID_CODE, 3) == ErrorCode.INVALID_CODE.sentence
    assert refusal_sentence(999, 3) == code_sentence(999)


def test_every_problem_with_a_number_has_a_sentence_of_its_own() -> None:
    sentences = [problem.sentence for problem in NumberProblem]
    assert len(dict.fromkeys(sentences)) == len(sentences)
    assert all(sentence.endswith(".") for sentence in sentences)


def test_no_code_is_too_large_for_the_one_byte_of_an_alert() -> None:
    assert max(ErrorCode) < 256
