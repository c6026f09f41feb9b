"""Hands verification codes to a real SMS or voice provider, by HTTPS, signed.

A module of its own because a client for HTTPS takes long to import, and a worker that starts again must not.
How a request is signed: webhook_signature.py; a receiver that checks it: examples/sms_receiver.py.

Rule 1: a code never reaches a log, an exception or an error text.
Rule 2: all tries for one code carry the same idempotency key and the same body: a receiver whose answer was
    lost can tell that it has that code already.
"""

import json
from dataclasses import dataclass, field

import httpx
import trio

from actors.ports import Clock, Entropy
from relay.errors import GatewayError
from relay.webhook_signature import IDEMPOTENCY_HEADER, signed_headers

WEBHOOK_TRIES = 4

WEBHOOK_PAUSE_SECONDS = 0.5
"""Doubles with each try, and up to half of it is added by chance: a provider that was away for a moment is
not met by everybody at once."""

WEBHOOK_MOST_PAUSE_SECONDS = 4.0
"""A provider may say how long it wants to be left alone; the person waits too, and would ask again."""

WEBHOOK_TIMEOUT_SECONDS = 5.0
"""For one try."""

WEBHOOK_PATIENCE_SECONDS = 12.0
"""For all tries: the phone gives up after 15 seconds."""

KEY_BYTES = 16

_WORTH_A_RETRY = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where codes are posted to, and how a request shows that it is from us."""

    url: str = field(repr=False)
    """There may be a key in it."""
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """Of two the first is the new one; both sign, until the receiver knows it. None: nothing is signed."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong with one try and may go right the next time."""

    reason: str
    wait: float | None = None
    """How long the provider wants to be left alone, if it says so."""


class WebhookGateway:
    """Posts `{"id","phone","code","via"}` as JSON to a provider, a few times if it has to."""

    def __init__(
        self,
        webhook: Webhook,
        clock: Clock,
        entropy: Entropy,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` stands in for the network in tests."""
        self._webhook = webhook
        self._clock = clock
        self._entropy = entropy
        self._transport = transport

    async def send_code(self, phone: str, code: str, via: str) -> None:
        """Post it, and again after server errors and broken connections.

        A 3xx or 4xx answer is final, except 408 and 429: asking again would not change the provider's mind.

        Raises:
            GatewayError: the provider refused, or did not answer with success in `WEBHOOK_TRIES` tries.
        """
        key = self._entropy(KEY_BYTES).hex()
        body = json.dumps({"id": key, "phone": phone, "code": code, "via": via}).encode()
        failure = _Failure("no answer in time")
        with trio.move_on_after(WEBHOOK_PATIENCE_SECONDS):
            async with httpx.AsyncClient(
                transport=self._transport, timeout=WEBHOOK_TIMEOUT_SECONDS
            ) as client:
                for attempt in range(WEBHOOK_TRIES):
                    answer = await self._post(client, key, body)
                    if answer is None:
                        return
                    failure = answer
                    if attempt + 1 < WEBHOOK_TRIES:
                        await trio.sleep(self._pause(attempt, failure))
        raise GatewayError(failure.reason)

    async def _post(self, client: httpx.AsyncClient, key: str, body: bytes) -> _Failure | None:
        """One try: None for success.

        Raises:
            GatewayError: the provider's answer is final.
        """
        headers = {"Content-Type": "application/json", IDEMPOTENCY_HEADER: key}
        # Each try is signed anew: a receiver refuses what is old.
        headers |= signed_headers(self._webhook.secrets, int(self._clock.now()), body)
        try:
            answer = await client.post(self._webhook.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            # The class name only: texts of httpx may quote the request, and the request has the code in it.
            return _Failure(type(error).__name__)
        if answer.is_success:
            return None
        if not answer.is_server_error and answer.status_code not in _WORTH_A_RETRY:
            raise GatewayError(f"the provider refused with status {answer.status_code}")
        return _Failure(f"status {answer.status_code}", _retry_after(answer))

    def _pause(self, attempt: int, failure: _Failure) -> float:
        pause: float = WEBHOOK_PAUSE_SECONDS * 2**attempt
        pause += pause / 2 * self._entropy(1)[0] / 255
        return min(max(pause, failure.wait or 0.0), WEBHOOK_MOST_PAUSE_SECONDS)


def _retry_after(answer: httpx.Response) -> float | None:
    """The seconds that it names; a date is left alone, as our pauses are shorter than clocks are right."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None
