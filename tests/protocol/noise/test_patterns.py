"""Patterns and protocol names."""

import pytest

from protocol.errors import UnsupportedNoiseError
from protocol.noise.patterns import PATTERNS, Token, parse_protocol_name


def test_ik_is_written_as_in_the_specification() -> None:
    ik = PATTERNS["IK"]
    assert not ik.initiator_pre
    assert ik.responder_pre
    assert ik.messages == ((Token.E, Token.ES, Token.S, Token.SS), (Token.E, Token.EE, Token.SE))


def test_who_needs_a_static_key_follows_from_the_pattern() -> None:
    needs = {
        name: (p.sends_static(initiator=True), p.sends_static(initiator=False))
        for name, p in PATTERNS.items()
    }
    assert needs["NN"] == (False, False)
    assert needs["NK"] == (False, True)
    assert needs["KN"] == (True, False)
    assert needs["XX"] == needs["IK"] == needs["KK"] == (True, True)


def test_one_way_patterns_have_one_message() -> None:
    assert [name for name, pattern in PATTERNS.items() if pattern.is_one_way] == ["N", "K", "X"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Noise",
        "Noise_XX",
        "Noise_XXpsk3_25519_AESGCM_SHA256",
        "Noise_XXfallback_25519_AESGCM_SHA256",
        "Noise_XX_25519_AESGCM_SHA256_more",
        "Norse_XX_25519_AESGCM_SHA256",
        "Noise_XX_25519+448_AESGCM_SHA256",
    ],
)
def test_a_name_that_is_not_in_the_tables_is_unsupported(name: str) -> None:
    with pytest.raises(UnsupportedNoiseError):
        parse_protocol_name(name)
