"""Brings verification codes to phones: the gateway's shape, and three gateways.

`console` shows codes to whoever started the node, `file` appends one JSON line a code (for tests and
demonstrations), `webhook` hands them to a real SMS or voice provider by HTTPS. A gateway holds no state of
its own, so it is no actor: whoever asked for a code waits for it, in the task of that one connection.

Rule 1: a code never reaches a log, an exception or an error text.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import httpx
import trio

from actors.ports import Clock
from relay.errors import GatewayError

WEBHOOK_TRIES = 3
WEBHOOK_PAUSE_SECONDS = 0.5
"""Doubles with each try: a provider that hiccups gets 0.5 and 1 s."""

WEBHOOK_TIMEOUT_SECONDS = 5.0


class SmsGateway(Protocol):
    """Whoever can bring a code to a phone."""

    async def send_code(self, phone: str, code: str, via: str) -> None:
        """Hand the code over; that it was handed over does not say that it arrived.

        Cancelled, the code may or may not have been sent.

        Args:
            phone: in E.164 form.
            code: six digits.
            via: `sms` or `voice`.

        Raises:
            GatewayError: it was not taken; the person should try again later.
        """


class ConsoleGateway:
    """Shows codes to the person who started the node: for trying Roost out on one machine."""

    def __init__(self, show: Callable[[str], None]) -> None:
        """`show` prints one line where a person sees it."""
        self._show = show

    async def send_code(self, phone: str, code: str, via: str) -> None:
        """Show it at once."""
        self._show(f"Verification code for {phone} (by {via}): {code}")


class FileGateway:
    """Appends one JSON line a code, `{"phone","code","via","at"}`: for `roost register --code-from`."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def send_code(self, phone: str, code: str, via: str) -> None:
        """Append the line in one write, so that readers see whole lines only.

        Raises:
            GatewayError: the file cannot be written.
        """
        line = json.dumps({"phone": phone, "code": code, "via": via, "at": self._clock.now()})
        try:
            # One small append a registration: handing it to a thread would cost more than it takes.
            with self._path.open("a") as file:
                file.write(line + "\n")
        except OSError as error:
            raise GatewayError(f"the code file cannot be written: {error.strerror}") from None


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


def gateway_from(setting: str, clock: Clock, show: Callable[[str], None]) -> SmsGateway:
    """The gateway that a checked `sms` setting names."""
    kind, _, rest = setting.partition(":")
    if kind == "file":
        return FileGateway(Path(rest), clock)
    if kind == "webhook":
        return WebhookGateway(rest)
    return ConsoleGateway(show)


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
