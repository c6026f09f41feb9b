import base64

import pytest

from client.errors import RelayUrlError
from client.relay_url import RelayUrl, parse_relay_url

KEY = bytes(range(224, 256))
KEY_TEXT = base64.urlsafe_b64encode(KEY).decode().rstrip("=")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"roost://127.0.0.1:5252#{KEY_TEXT}", RelayUrl("127.0.0.1", 5252, KEY)),
        (f" roost://relay.example:1#{KEY_TEXT}=\n", RelayUrl("relay.example", 1, KEY)),
        (f"roost://relay.example#{KEY_TEXT}", RelayUrl("relay.example", 5252, KEY)),
        (f"roost://[::1]:7/#{KEY_TEXT}", RelayUrl("::1", 7, KEY)),
    ],
)
def test_host_port_and_key_are_read(text: str, expected: RelayUrl) -> None:
    assert parse_relay_url(text) == expected


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "relay.example"])
def test_what_is_written_is_read_again(host: str) -> None:
    url = RelayUrl(host, 4711, KEY)
    assert parse_relay_url(str(url)) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"127.0.0.1:5252#{KEY_TEXT}", "must start with roost://"),
        (f"http://127.0.0.1:5252#{KEY_TEXT}", "must start with roost://"),
        (f"roost://:5252#{KEY_TEXT}", "host is missing"),
        (f"roost://h:notaport#{KEY_TEXT}", "host or port cannot be read"),
        (f"roost://h:99999#{KEY_TEXT}", "host or port cannot be read"),
        (f"roost://h:0#{KEY_TEXT}", "port 0"),
        (f"roost://[::1#{KEY_TEXT}", "host or port cannot be read"),
        ("roost://h:1", "key is missing"),
        ("roost://h:1#", "key is missing"),
        ("roost://h:1#abcd", "has 3 bytes and should have 32"),
        ("roost://h:1#abcde", "cut off"),
        (f"roost://h:1#{KEY_TEXT}AAAA", "has 35 bytes and should have 32"),
        ("roost://h:1#not base64!", "not base64url"),
        (f"roost://h:1/path#{KEY_TEXT}", "nothing but host, port and key"),
        (f"roost://me@h:1#{KEY_TEXT}", "nothing but host, port and key"),
    ],
)
def test_a_wrong_url_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(RelayUrlError, match=reason):
        parse_relay_url(text)


def test_an_ipv6_place_is_written_in_brackets() -> None:
    assert RelayUrl("::1", 5252, KEY).place == "[::1]:5252"
