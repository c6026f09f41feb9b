"""The webhook hands codes to a provider, tries again where that helps, and never quotes a code."""

import json
from collections.abc import Callable

import httpx
import pytest
import trio.testing

from relay.errors import GatewayError
from relay.webhook import WebhookGateway

PHONE, CODE = "+491713920001", "123456"


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
