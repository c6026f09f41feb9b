import pytest

from client.cli.addressees import looks_like_number


@pytest.mark.parametrize("text", ["+4915112345679", "004915112345679", "0151 123456", ""])
def test_what_begins_like_a_number_is_one(text: str) -> None:
    assert looks_like_number(text)


@pytest.mark.parametrize("text", ["Friends", "g0123456789abcdef", "1st team", "über uns"])
def test_anything_else_is_a_group(text: str) -> None:
    assert not looks_like_number(text)
