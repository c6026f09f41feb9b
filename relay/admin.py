"""The admin endpoint: how the node is doing, over HTTP; on loopback unless the operator says otherwise.

It lives in the parent and asks the workers over their control sockets; one that does not answer is shown as
missing. The parent is the only process that imports a web framework.
An actor because it waits for requests and must not take anything down with it.
Restarts as: permanent; its socket belongs to the node, so it is still there for the next one.
Rule 1: who may ask is decided in admin_access.py. Nothing here names a user, a number or a key.
"""

from collections.abc import Awaitable, Callable
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
from relay.door import Door
from relay.node import Node
from relay.node_report import node_readiness, node_status, node_tree_report
from relay.prometheus import exposition
from relay.version import node_version
from supervisors import ChildSpec, tree_as_data


class Serve:
    """The endpoint's note to itself: answer requests, until the end."""


SERVE = Serve()


def child_spec(node: Node, door: Door) -> ChildSpec:
    """The admin endpoint behind a door."""
    return ChildSpec(id="admin", start=lambda: Admin(node, door))


class Admin(Actor):
    """Answers operators."""

    def __init__(self, node: Node, door: Door) -> None:
        self._node = node
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
        app = cast("Framework", application(self._node))
        await serve(app, config, shutdown_trigger=trio.sleep_forever)


def application(node: Node) -> Starlette:
    """The endpoint as an ASGI application; tests call it without a socket."""
    crew = node.crew

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        answer = node_readiness(node.phase, crew.posts, await crew.ask("readiness"))
        return JSONResponse(answer, status_code=200 if answer["ready"] else 503)

    async def status(_request: Request) -> Response:
        answers = await crew.ask("status")
        return JSONResponse(node_status(node_version(), node.phase, node.uptime_seconds, crew.posts, answers))

    async def tree(_request: Request) -> Response:
        answers = await crew.ask("tree")
        return JSONResponse(node_tree_report(tree_as_data(node.system), crew.posts, answers))

    async def metrics(request: Request) -> Response:
        answers = await crew.ask("metrics")
        body, content_type = exposition(crew.posts, answers, request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    async def drain(_request: Request) -> Response:
        node.drain.set()
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
        middleware=[Middleware(Gate, token=node.config.admin_token)],
    )
