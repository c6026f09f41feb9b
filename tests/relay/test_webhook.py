"""The webhook hands codes to a provider, signed; tries again where that helps, and never quotes a code."""

import json
from collections.abc import Callable

import httpx
import pytest
import trio
import trio.testing

from actors.ports import system_entropy
from relay.errors import GatewayError
from relay.webhook import (
    WEBHOOK_MOST_PAUSE_SECONDS,
    WEBHOOK_PATIENCE_SECONDS,
    WEBHOOK_TRIES,
    Webhook,
    WebhookGateway,
)
from relay.webhook_signature import signed_headers

PHONE, CODE = "+491713920001", "123456"
SECRET = b"s" * 32


class RunningClock:
    """Unix seconds that go with the test's own clock."""

    def now(self) -> float:
        return 1_795_348_800 + trio.current_time()


class Provider:
    """Answers as told, and remembers when it was asked what."""

    def __init__(self, *answers: httpx.Response | type[httpx.HTTPError]) -> None:
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(trio.current_time())
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, httpx.Response):
            return answer
        raise answer("refused while sending 123456")

    @property
    def pauses(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.times, self.times[1:], strict=False)]


def webhook(answer: Callable[[httpx.Request], httpx.Response], *secrets: bytes) -> WebhookGateway:
    return WebhookGateway(
        Webhook("https://sms.example/send", secrets),
        RunningClock(),
        system_entropy,
        httpx.MockTransport(answer),
    )


async def test_the_webhook_posts_json() -> None:
    provider = Provider(httpx.Response(202))
    await webhook(provider).send_code(PHONE, CODE, "voice")
    (request,) = provider.requests
    body = json.loads(request.content)
    assert body == {"id": body["id"], "phone": PHONE, "code": CODE, "via": "voice"}
    assert request.headers["Content-Type"] == "application/json"
    assert "Roost-Signature" not in request.headers


async def test_each_try_is_signed_anew_under_one_idempotency_key(
    autojump_clock: trio.testing.MockClock,
) -> None:
    provider = Provider(httpx.Response(503), httpx.ReadTimeout, httpx.Response(200))
    await webhook(provider, SECRET).send_code(PHONE, CODE, "sms")
    assert len({request.content for request in provider.requests}) == 1
    keys = {request.headers["Idempotency-Key"] for request in provider.requests}
    assert keys == {json.loads(provider.requests[0].content)["id"]}
    for request in provider.requests:
        time = int(request.headers["Roost-Timestamp"])
        assert (
            request.headers["Roost-Signature"]
            == signed_headers([SECRET], time, request.content)["Roost-Signature"]
        )
    assert len({request.headers["Roost-Timestamp"] for request in provider.requests}) > 1


async def test_two_codes_have_two_keys() -> None:
    provider = Provider(httpx.Response(200))
    gateway = webhook(provider)
    for _ in range(2):
        await gateway.send_code(PHONE, CODE, "sms")
    assert len({request.headers["Idempotency-Key"] for request in provider.requests}) == 2


async def test_the_webhook_tries_again_with_longer_and_longer_pauses(
    autojump_clock: trio.testing.MockClock,
) -> None:
    provider = Provider(httpx.Response(503), httpx.Response(429), httpx.Response(408), httpx.Response(200))
    await webhook(provider).send_code(PHONE, CODE, "sms")
    for pause, least in zip(provider.pauses, (0.5, 1.0, 2.0), strict=True):
        assert least <= pause <= 1.5 * least


async def test_a_provider_may_ask_for_patience_within_reason(autojump_clock: trio.testing.MockClock) -> None:
    provider = Provider(
        httpx.Response(429, headers={"Retry-After": "3"}),
        httpx.Response(503, headers={"Retry-After": "3600"}),
        httpx.Response(200),
    )
    await webhook(provider).send_code(PHONE, CODE, "sms")
    assert provider.pauses == pytest.approx([3.0, WEBHOOK_MOST_PAUSE_SECONDS])


async def test_the_webhook_gives_up_after_a_few_tries(autojump_clock: trio.testing.MockClock) -> None:
    provider = Provider(httpx.ConnectError)
    with pytest.raises(GatewayError, match="ConnectError") as refusal:
        await webhook(provider, SECRET).send_code(PHONE, CODE, "sms")
    assert len(provider.requests) == WEBHOOK_TRIES
    assert CODE not in str(refusal.value)


async def test_the_webhook_gives_up_before_the_phone_does(autojump_clock: trio.testing.MockClock) -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        await trio.sleep(5)
        raise httpx.ReadTimeout("no answer")

    gateway = WebhookGateway(
        Webhook("https://sms.example"), RunningClock(), system_entropy, httpx.MockTransport(never)
    )
    began = trio.current_time()
    with pytest.raises(GatewayError, match="ReadTimeout"):
        await gateway.send_code(PHONE, CODE, "sms")
    assert trio.current_time() - began == pytest.approx(WEBHOOK_PATIENCE_SECONDS)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404])
async def test_the_webhook_does_not_argue_with_a_refusal(status: int) -> None:
    provider = Provider(httpx.Response(status))
    with pytest.raises(GatewayError, match=f"status {status}"):
        await webhook(provider).send_code(PHONE, CODE, "sms")
    assert len(provider.requests) == 1


def test_neither_address_nor_secrets_stand_in_a_log() -> None:
    assert repr(Webhook("https://key@sms.example", (SECRET,))) == "Webhook()"
