"""The gateways hand codes over, and say so when they cannot, without ever quoting one."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trio.testing

from relay.errors import GatewayError
from relay.sms import ConsoleGateway, FileGateway, SmsGateway, WebhookGateway, gateway_from

PHONE, CODE = "+491713920001", "123456"


class FixedClock:
    def now(self) -> float:
        return 1_000.5


async def test_the_console_shows_phone_and_code() -> None:
    lines: list[str] = []
    await ConsoleGateway(lines.append).send_code(PHONE, CODE, "sms")
    assert lines == [f"Verification code for {PHONE} (by sms): {CODE}"]


async def test_the_file_gets_one_json_line_a_code(tmp_path: Path) -> None:
    path = tmp_path / "sms.jsonl"
    gateway = FileGateway(path, FixedClock())
    await gateway.send_code(PHONE, CODE, "sms")
    await gateway.send_code(PHONE, "000000", "voice")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        {"phone": PHONE, "code": CODE, "via": "sms", "at": 1_000.5},
        {"phone": PHONE, "code": "000000", "via": "voice", "at": 1_000.5},
    ]


async def test_a_file_that_cannot_be_written_is_a_gateway_error(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="cannot be written"):
        await FileGateway(tmp_path / "no" / "sms.jsonl", FixedClock()).send_code(PHONE, CODE, "sms")


def webhook(answer: Callable[[httpx.Request], httpx.Response]) -> WebhookGateway:
    return WebhookGateway("https://sms.example/send", transport=httpx.MockTransport(answer))


async def test_the_webhook_posts_json() -> None:
    seen: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return httpx.Response(202)

    await webhook(answer).send_code(PHONE, CODE, "voice")
    assert seen == [{"phone": PHONE, "code": CODE, "via": "voice"}]


async def test_the_webhook_tries_again_after_a_server_error(autojump_clock: trio.testing.MockClock) -> None:
    answers = [httpx.Response(503), httpx.Response(429), httpx.Response(200)]
    await webhook(lambda request: answers.pop(0)).send_code(PHONE, CODE, "sms")
    assert answers == []


async def test_the_webhook_gives_up_after_a_few_tries(autojump_clock: trio.testing.MockClock) -> None:
    tries: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(1)
        raise httpx.ConnectError("refused while sending 123456")

    with pytest.raises(GatewayError, match="ConnectError") as refusal:
        await webhook(answer).send_code(PHONE, CODE, "sms")
    assert len(tries) == 3
    assert CODE not in str(refusal.value)


async def test_the_webhook_does_not_argue_with_a_refusal() -> None:
    tries: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(1)
        return httpx.Response(403)

    with pytest.raises(GatewayError, match="status 403"):
        await webhook(answer).send_code(PHONE, CODE, "sms")
    assert len(tries) == 1


@pytest.mark.parametrize(
    ("setting", "kind"),
    [("console", ConsoleGateway), ("file:a", FileGateway), ("webhook:https://b", WebhookGateway)],
)
def test_the_setting_names_the_gateway(setting: str, kind: type[SmsGateway]) -> None:
    assert isinstance(gateway_from(setting, FixedClock(), print), kind)
