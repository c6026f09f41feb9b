"""Asks a node's admin endpoint, for the commands that look at a node from outside."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

ADMIN_TIMEOUT_SECONDS = 5.0
TOKEN_VARIABLE = "ROOST_ADMIN_TOKEN"
MAX_ANSWER_BYTES = 64 * 1024 * 1024  # a node that answers with more than this is not the node we asked


class AdminError(Exception):
    """The endpoint did not give what was asked for; the text says why, for people."""


def fetch_object(admin: str, path: str) -> dict[str, Any]:
    """Ask for a JSON object.

    Args:
        admin: the endpoint, `http://HOST:PORT` (or just `HOST:PORT`).
        path: what to ask for, beginning with a slash.

    Raises:
        AdminError: no http address; it cannot be reached in time, refuses, or answers something else.
    """
    base = admin if "://" in admin else f"http://{admin}"
    if not base.startswith(("http://", "https://")):
        raise AdminError(f"{admin} is not an http address")
    url = base.rstrip("/") + path
    try:
        with urllib.request.urlopen(_request(url), timeout=ADMIN_TIMEOUT_SECONDS) as answer:
            data = json.loads(answer.read(MAX_ANSWER_BYTES))
    except (OSError, ValueError) as error:  # URLError and timeouts are OSErrors, bad JSON a ValueError
        raise AdminError(f"{url} does not answer as a Roost node: {_reason(error)}") from error
    if not isinstance(data, dict):
        raise AdminError(f"{url} does not answer as a Roost node: its answer is no JSON object")
    return data


def _request(url: str) -> urllib.request.Request:
    """With the operator's token, if there is one in the environment: not in an argument, which `ps` shows."""
    token = os.environ.get(TOKEN_VARIABLE)
    return urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})


def _reason(error: Exception) -> str:
    """What the node or the operating system said, not how Python and urllib wrapped it."""
    if isinstance(error, urllib.error.HTTPError):
        if error.code == HTTPStatus.UNAUTHORIZED:
            return f"it wants a token, which {TOKEN_VARIABLE} should hold"
        return f"status {error.code}"
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause).lower()
