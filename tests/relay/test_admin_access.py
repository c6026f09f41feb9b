"""Who may use the admin endpoint."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from relay.admin_access import Gate

TOKEN = "a-token-of-the-operator"


async def _answer(_request: Request) -> Response:
    return PlainTextResponse("yes")


def _client(token: str | None) -> httpx.AsyncClient:
    routes = [Route(path, _answer, methods=["GET", "POST"]) for path in ("/healthz", "/status", "/drain")]
    app = Starlette(routes=routes, middleware=[Middleware(Gate, token=token)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://admin")


async def test_without_a_token_set_everybody_who_reaches_it_may_ask() -> None:
    async with _client(None) as client:
        assert (await client.get("/status")).text == "yes"
        assert (await client.post("/drain")).text == "yes"


async def test_the_token_opens_and_nothing_else_does() -> None:
    async with _client(TOKEN) as client:
        answer = await client.get("/status", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer \u00e9".encode()},
    ],
)
async def test_anything_but_the_token_is_refused(headers: dict[str, str]) -> None:
    async with _client(TOKEN) as client:
        answer = await client.get("/status", headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_liveness_needs_no_token() -> None:
    async with _client(TOKEN) as client:
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_web_page_cannot_change_anything(token: str | None) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Origin": "https://a-page.example"}
    async with _client(token) as client:
        assert (await client.post("/drain", headers=headers)).status_code == 403
        assert (await client.get("/status", headers=headers)).status_code == 200
