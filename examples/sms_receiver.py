"""A receiver for the verification codes of a relay: checks who sends them, and passes each on once.

    ROOST_SMS_SECRET=... python examples/sms_receiver.py 8080
    ROOST_SMS_SECRET=... roost serve --sms webhook:http://127.0.0.1:8080/codes

Only the standard library, so that it can be read as a description of what has to be checked. Left out: TLS (a
proxy before it does that), a provider (`show` is where its SMS or voice call would be made), and a memory of
keys that outlives the process.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

MAX_BODY_BYTES = 4096
FRESH_SECONDS = 300  # a request that was recorded must not be good for long
REMEMBERED_SECONDS = 600  # longer than a request is fresh, or a repetition could pass for a new one

Send = Callable[[str, str, str], None]
"""Brings a code to a phone: number, code, and `sms` or `voice`."""


class Receiver:
    """Decides about requests; knows nothing of HTTP but headers, bodies and status codes."""

    def __init__(self, secrets: list[bytes], send: Send, now: Callable[[], float] = time.time) -> None:
        """`secrets`: as the relay's `sms_secret`; while it is changed, the new one and the old one."""
        self._secrets = secrets
        self._send = send
        self._now = now
        self._done: dict[str, float] = {}  # {idempotency key: when its code was passed on}
        self._lock = Lock()  # two tries for the same code may arrive at the same time

    def receive(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """The status to answer with: 2xx ends the matter, 4xx too, anything else is tried again."""
        if not self._is_signed(headers.get("Roost-Timestamp", ""), headers.get("Roost-Signature", ""), body):
            return HTTPStatus.UNAUTHORIZED
        try:
            order = json.loads(body)
            key, phone, code, via = (str(order[name]) for name in ("id", "phone", "code", "via"))
        except (ValueError, KeyError, TypeError):
            return HTTPStatus.BAD_REQUEST
        with self._lock:
            self._forget()
            # The key inside the body, not the one of the header: only the body is signed.
            if key not in self._done:
                self._send(
                    phone, code, via
                )  # if this raises, nothing is remembered and the relay tries again
                self._done[key] = self._now()
        return HTTPStatus.NO_CONTENT

    def _is_signed(self, timestamp: str, signatures: str, body: bytes) -> bool:
        if not timestamp.isdigit() or abs(self._now() - int(timestamp)) > FRESH_SECONDS:
            return False
        signed = timestamp.encode() + b"." + body
        given = [text.strip().encode() for text in signatures.split(",")]
        ours = [b"v1=" + hmac.digest(s, signed, hashlib.sha256).hex().encode() for s in self._secrets]
        # compare_digest takes the same time wherever two differ; == would tell how much of a guess is right.
        return any(hmac.compare_digest(one, other) for one in ours for other in given)

    def _forget(self) -> None:
        old = self._now() - REMEMBERED_SECONDS
        self._done = {key: at for key, at in self._done.items() if at > old}


def serve(receiver: Receiver, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """An HTTP server for the receiver; the caller runs it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            else:
                status = receiver.receive(dict(self.headers.items()), self.rfile.read(int(length)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
            """Nothing: the default would write a line for each request."""

    return ThreadingHTTPServer((host, port), Handler)


def show(phone: str, code: str, via: str) -> None:
    """Where a provider's SMS or voice call would be made."""
    print(f"to {phone} by {via}: {code}", flush=True)


def main() -> None:
    """Receive until Ctrl-C."""
    secrets = [secret.encode() for secret in os.environ["ROOST_SMS_SECRET"].split(",")]
    with serve(Receiver(secrets, show), int(sys.argv[1])) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
