"""The admin endpoint: how the node is doing, over HTTP; on loopback unless the operator says otherwise.

An actor because it waits for requests and must not take anything down with it: whatever happens in a web
framework, devices notice nothing.
Restarts as: permanent; its socket belongs to the node, so it is still there for the next one.
Rule 1: who may ask is decided in admin_access.py. Nothing here names a user, a number or a key.
"""

import logging
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import cast

import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio import serve
from hypercorn.typing import Framework
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from actors import Actor
from relay.admin_access import Gate
from relay.config import HostPort
from relay.errors import AddressInUseError
from relay.prometheus import Exposition
from relay.readiness import reasons_against
from relay.status import node_status
from relay.tree_report import tree_report
from relay.worker import Worker
from supervisors import ChildSpec

log = logging.getLogger("roost.relay")

BACKLOG = 16
"""Operators and their scrapers; no crowd."""


class Serve:
    """The endpoint's note to itself: answer requests, until the end."""


SERVE = Serve()


class Door:
    """The endpoint's listening socket; opened before the tree, so that a taken address is a clear error."""

    def __init__(self, place: HostPort) -> None:
        """Open it.

        Raises:
            AddressInUseError: it cannot be opened; says what to do about it.
        """
        try:
            self._socket = socket.create_server(
                place, family=socket.AF_INET6 if ":" in place.host else socket.AF_INET, backlog=BACKLOG
            )
        except OSError as error:
            advice = "choose another with --admin HOST:PORT, or turn it off with --admin off"
            raise AddressInUseError("the admin endpoint", str(place), _reason(error), advice) from None
        self._socket.setblocking(False)

    @property
    def url(self) -> str:
        """Where it is, with the port that it really has."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{HostPort(host, port)}"

    def duplicate(self) -> int:
        """A descriptor of its own for a server that closes what it is given."""
        return os.dup(self._socket.fileno())

    def close(self) -> None:
        """Give the address back."""
        self._socket.close()


def child_spec(worker: Worker, door: Door) -> ChildSpec:
    """The admin endpoint behind a door."""
    return ChildSpec(id="admin", start=lambda: Admin(worker, door))


class Admin(Actor):
    """Answers operators."""

    def __init__(self, worker: Worker, door: Door) -> None:
        self._worker = worker
        self._door = door

    async def on_start(self) -> None:
        """Begin, once the starter has been told that this runs."""
        self.ref.tell_nowait(SERVE)

    async def handle(self, message: object) -> None:
        """Serve until the supervisor says stop: that cancels the wait."""
        if message is not SERVE:
            self.unexpected(message)
            return
        config = HypercornConfig()
        config.bind = [f"fd://{self._door.duplicate()}"]
        config.accesslog = None
        # Its chatter ("Running on ...") is not ours; what goes wrong comes out as our own crash report.
        config.loglevel = "ERROR"
        config.graceful_timeout = 0.5
        app = cast("Framework", application(self._worker))
        await serve(app, config, shutdown_trigger=trio.sleep_forever)


def application(worker: Worker) -> Starlette:
    """The endpoint as an ASGI application; tests call it without a socket."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    exposition = Exposition(worker)

    async def readyz(_request: Request) -> Response:
        reasons = reasons_against(worker)
        answer = {"status": worker.phase.value, "ready": not reasons, "reasons": [*map(asdict, reasons)]}
        return JSONResponse(answer, status_code=503 if reasons else 200)

    async def status(_request: Request) -> Response:
        return JSONResponse(node_status(worker))

    async def tree(_request: Request) -> Response:
        return JSONResponse(await tree_report(worker.system))

    async def metrics(request: Request) -> Response:
        body, content_type = exposition.render(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    async def drain(_request: Request) -> Response:
        worker.drain.set()
        return JSONResponse({"status": "draining"}, status_code=202)

    endpoints: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/healthz": healthz,
        "/readyz": readyz,
        "/status": status,
        "/tree": tree,
        "/metrics": metrics,
    }
    return Starlette(
        routes=[
            *(Route(path, endpoint) for path, endpoint in endpoints.items()),
            Route("/drain", drain, methods=["POST"]),
        ],
        middleware=[Middleware(Gate, token=worker.config.admin_token)],
    )


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
