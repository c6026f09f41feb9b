"""Hands verification codes to a real SMS or voice provider, by HTTPS.

A module of its own because a client for HTTPS takes long to import, and a worker that starts again must not.

Rule 1: a code never reaches a log, an exception or an error text.
"""

import httpx
import trio

from relay.errors import GatewayError

WEBHOOK_TRIES = 3
WEBHOOK_PAUSE_SECONDS = 0.5
"""Doubles with each try: a provider that hiccups gets 0.5 and 1 s."""

WEBHOOK_TIMEOUT_SECONDS = 5.0


class WebhookGateway:
    """Posts `{"phone","code","via"}` as JSON to a provider, a few times if it has to."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` stands in for the network in tests."""
        self._url = url
        self._transport = transport

    async def send_code(self, phone: str, code: str, via: str) -> None:
        """Post it, and again after server errors and broken connections.

        A 4xx answer is final: asking again would not change the provider's mind.

        Raises:
            GatewayError: the provider refused, or did not answer with success in `WEBHOOK_TRIES` tries.
        """
        body = {"phone": phone, "code": code, "via": via}
        pause = WEBHOOK_PAUSE_SECONDS
        async with httpx.AsyncClient(transport=self._transport, timeout=WEBHOOK_TIMEOUT_SECONDS) as client:
            for attempt in range(1, WEBHOOK_TRIES + 1):
                problem = await _post(client, self._url, body)
                if problem is None:
                    return
                if attempt < WEBHOOK_TRIES:
                    await trio.sleep(pause)
                    pause *= 2
        raise GatewayError(problem or "no answer")


async def _post(client: httpx.AsyncClient, url: str, body: dict[str, str]) -> str | None:
    """One try: None for success, or what went wrong and may go right next time.

    Raises:
        GatewayError: the provider's answer is final.
    """
    try:
        answer = await client.post(url, json=body)
    except httpx.HTTPError as error:
        # The class name only: texts of httpx may quote the request, and the request has the code in it.
        return type(error).__name__
    if answer.is_success:
        return None
    if answer.is_client_error and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
        raise GatewayError(f"the provider refused with status {answer.status_code}")
    return f"status {answer.status_code}"
