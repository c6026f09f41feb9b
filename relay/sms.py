"""Brings verification codes to phones: the gateway's shape, and the gateways.

`console` shows codes to whoever started the node, `file` appends one JSON line a code (for tests and
demonstrations), `webhook` (webhook.py) hands them to a real SMS or voice provider. A gateway holds no state
of its own, so it is no actor: whoever asked for a code waits for it, in the task of that one connection.

Rule 1: a code never reaches a log, an exception or an error text.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from actors.ports import Clock, Entropy
from relay.config import Config
from relay.errors import GatewayError


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


def gateway_from(config: Config, clock: Clock, entropy: Entropy, show: Callable[[str], None]) -> SmsGateway:
    """The gateway that the settings name."""
    kind, _, rest = config.sms.partition(":")
    if kind == "file":
        return FileGateway(Path(rest), clock)
    if kind == "webhook":
        from relay.webhook import Webhook, WebhookGateway  # only for those who use it: see there

        secrets = tuple(secret.encode() for secret in config.sms_secret.split(",") if secret)
        return WebhookGateway(Webhook(rest, secrets), clock, entropy)
    return ConsoleGateway(show)
