"""The receiver takes what the relay's own gateway sends, each code once, and nothing else."""

from __future__ import annotations

import json
from http import HTTPStatus
from threading import Thread

import httpx
import pytest
from trio.testing import MockClock

from actors.ports import system_entropy
from examples.sms_receiver import FRESH_SECONDS, Receiver, serve, show
from relay.errors import GatewayError
from relay.webhook import Webhook, WebhookGateway
from relay.webhook_signature import signed_headers

NOW = 1_795_348_800
SECRET, NEXT = b"s" * 32, b"n" * 32
ORDER = {"id": "1", "phone": "+491713920001", "code": "123456", "via": "sms"}


class FixedClock:
    def now(self) -> float:
        return float(NOW)


class Provider:
    """Remembers what it was told to send."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.is_broken = False

    def send(self, phone: str, code: str, via: str) -> None:
        if self.is_broken:
            raise ConnectionError
        self.sent.append((phone, code, via))


def receiver_of(provider: Provider, *secrets: bytes) -> Receiver:
    return Receiver(list(secrets or (SECRET,)), provider.send, lambda: NOW)


def gateway_to(receiver: Receiver, *secrets: bytes, loses_answers: int = 0) -> WebhookGateway:
    lost = [True] * loses_answers

    def answer(request: httpx.Request) -> httpx.Response:
        try:
            status = receiver.receive(
                {key.title(): value for key, value in request.headers.items()}, request.content
            )
        except ConnectionError:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        if lost:
            lost.pop()
            raise httpx.ReadTimeout("the answer was lost")
        return httpx.Response(status)

    webhook = Webhook("https://sms.example", secrets or (SECRET,))
    return WebhookGateway(webhook, FixedClock(), system_entropy, httpx.MockTransport(answer))


async def test_a_code_of_the_relay_is_passed_on() -> None:
    provider = Provider()
    await gateway_to(receiver_of(provider)).send_code("+491713920001", "123456", "voice")
    assert provider.sent == [("+491713920001", "123456", "voice")]


async def test_a_code_whose_answer_was_lost_is_not_sent_twice(autojump_clock: MockClock) -> None:
    provider = Provider()
    await gateway_to(receiver_of(provider), loses_answers=2).send_code("+491713920001", "123456", "sms")
    assert len(provider.sent) == 1


async def test_a_code_that_the_provider_did_not_take_is_tried_again(autojump_clock: MockClock) -> None:
    provider = Provider()
    receiver = receiver_of(provider)
    provider.is_broken = True
    with pytest.raises(GatewayError):
        await gateway_to(receiver).send_code("+491713920001", "123456", "sms")
    provider.is_broken = False
    await gateway_to(receiver).send_code("+491713920001", "123456", "sms")
    assert len(provider.sent) == 1


@pytest.mark.parametrize(("theirs", "ours"), [((SECRET,), (NEXT, SECRET)), ((NEXT,), (NEXT, SECRET))])
async def test_secrets_change_without_a_code_being_lost(
    theirs: tuple[bytes, ...], ours: tuple[bytes, ...]
) -> None:
    provider = Provider()
    await gateway_to(receiver_of(provider, *theirs), *ours).send_code("+491713920001", "123456", "sms")
    await gateway_to(receiver_of(provider, *ours), *theirs).send_code("+491713920001", "654321", "sms")
    assert len(provider.sent) == 2


@pytest.mark.parametrize("change", ["body", "secret", "old", "early", "unsigned", "no time"])
def test_whatever_is_not_signed_as_it_should_be_is_refused(change: str) -> None:
    provider = Provider()
    body = json.dumps(ORDER).encode()
    now = {"old": NOW - FRESH_SECONDS - 1, "early": NOW + FRESH_SECONDS + 1}.get(change, NOW)
    headers = signed_headers([NEXT if change == "secret" else SECRET], now, body)
    if change == "unsigned":
        del headers["Roost-Signature"]
    if change == "no time":
        headers["Roost-Timestamp"] = "yesterday"
    given = body.replace(b"123456", b"999999") if change == "body" else body
    assert receiver_of(provider).receive(headers, given) == HTTPStatus.UNAUTHORIZED
    assert provider.sent == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"id": 1}'])
def test_what_is_signed_and_no_order_is_refused_for_good(body: bytes) -> None:
    headers = signed_headers([SECRET], NOW, body)
    assert receiver_of(Provider()).receive(headers, body) == HTTPStatus.BAD_REQUEST


def test_it_speaks_http(capsys: pytest.CaptureFixture[str]) -> None:
    body = json.dumps(ORDER).encode()
    with serve(Receiver([SECRET], show, lambda: NOW), 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/codes"
        try:
            answers = [
                httpx.post(url, content=body, headers=signed_headers([SECRET], NOW, body)),
                httpx.post(url, content=body),
                httpx.post(url, content=b"x" * 5_000),
            ]
        finally:
            server.shutdown()
            thread.join()
    assert [answer.status_code for answer in answers] == [204, 401, 413]
    assert capsys.readouterr().out == "to +491713920001 by sms: 123456\n"
