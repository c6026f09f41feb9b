"""The signature is the one that the page describes: fixed vectors, so that nobody changes it by accident."""

import hashlib
import hmac

from relay.webhook_signature import signed_headers

BODY = b'{"id": "1", "phone": "+491713920001", "code": "123456", "via": "sms"}'


def test_the_time_and_the_body_are_signed() -> None:
    headers = signed_headers([b"secret"], 1_795_348_800, BODY)
    expected = hmac.new(b"secret", b"1795348800." + BODY, hashlib.sha256).hexdigest()
    assert headers == {"Roost-Timestamp": "1795348800", "Roost-Signature": f"v1={expected}"}


def test_while_secrets_are_changed_both_sign_the_new_one_first() -> None:
    one = signed_headers([b"new"], 1, BODY)["Roost-Signature"]
    other = signed_headers([b"old"], 1, BODY)["Roost-Signature"]
    assert signed_headers([b"new", b"old"], 1, BODY)["Roost-Signature"] == f"{one},{other}"


def test_without_a_secret_nothing_is_signed() -> None:
    assert signed_headers([], 1, BODY) == {}
