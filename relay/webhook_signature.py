"""How a request of the webhook is signed: HMAC-SHA256 over the time and the body, in the headers.

    Roost-Timestamp: 1795348800
    Roost-Signature: v1=<64 hex digits>[,v1=<64 hex digits>]

What is signed is the timestamp as it stands there, a full stop, and the body's bytes. While secrets are
changed there are two signatures, by the new one and by the old one; a receiver takes a request of which one
is right, and is no more than some minutes old. It is the scheme of Stripe's webhooks, which libraries of
many languages can check.
Pure: secrets and the time are handed in.
"""

import hashlib
import hmac
from collections.abc import Sequence

TIMESTAMP_HEADER = "Roost-Timestamp"
SIGNATURE_HEADER = "Roost-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"

VERSION = "v1"


def signed_headers(secrets: Sequence[bytes], now: int, body: bytes) -> dict[str, str]:
    """The headers that sign a body; none without a secret."""
    if not secrets:
        return {}
    timestamp = str(now)
    signed = timestamp.encode() + b"." + body
    signatures = [f"{VERSION}={hmac.digest(secret, signed, hashlib.sha256).hex()}" for secret in secrets]
    return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: ",".join(signatures)}
