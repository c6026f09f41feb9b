import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from roost.admin import AdminError, fetch_object

ANSWERS = {"/object": b'{"a": 1}', "/list": b"[1]", "/text": b"hello"}


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = ANSWERS.get(self.path)
        if self.path == "/secret" and self.headers["Authorization"] == "Bearer a-token":
            body = b"{}"
        refusal = 401 if self.path == "/secret" else 503
        self.send_response(200 if body is not None else refusal, "")  # as the node's own: no phrase
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def admin() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_object_is_fetched_from_an_address_with_or_without_scheme(admin: str) -> None:
    assert fetch_object(admin, "/object") == {"a": 1}
    assert fetch_object(f"http://{admin}/", "/object") == {"a": 1}


@pytest.mark.parametrize("path", ["/list", "/text", "/missing"])
def test_an_answer_that_is_no_object_is_an_error_that_names_the_address(admin: str, path: str) -> None:
    with pytest.raises(AdminError, match=admin):
        fetch_object(admin, path)


def test_the_token_comes_from_the_environment(admin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AdminError, match=r"it wants a token, which ROOST_ADMIN_TOKEN should hold$"):
        fetch_object(admin, "/secret")
    with pytest.raises(AdminError, match=r"status 503$"):
        fetch_object(admin, "/missing")
    monkeypatch.setenv("ROOST_ADMIN_TOKEN", "a-token")
    assert fetch_object(admin, "/secret") == {}


def test_a_node_that_is_not_there_is_an_error_that_says_so() -> None:
    with pytest.raises(AdminError, match=r"/status does not answer as a Roost node: connection refused$"):
        fetch_object("http://127.0.0.1:1", "/status")


def test_another_scheme_is_refused() -> None:
    with pytest.raises(AdminError, match="not an http address"):
        fetch_object("file:///etc", "/passwd")
