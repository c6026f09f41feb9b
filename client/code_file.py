"""Reads verification codes from the file that a relay's file gateway (``--sms file:PATH``) appends to.

One JSON object a line: ``{"phone", "code", "via", "at"}``. The newest line for a phone counts. The gateway
may be in the middle of appending while we read: what is not yet a whole line is left for the next look.
"""

import json
from pathlib import Path

import trio

from client.errors import RelayRefusedError
from client.registration import Application
from protocol.codes import ErrorCode

POLL_SECONDS = 0.1


def lines_so_far(path: Path) -> int:
    """How many whole lines the file has now: where the codes of the past end. A missing file has none."""
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def newest_code(path: Path, phone: str, skip_lines: int = 0) -> str | None:
    """The code in the newest line for ``phone``, or None; the first ``skip_lines`` lines are too old."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    whole = text[: text.rfind(b"\n") + 1]
    for line in reversed(whole.splitlines()[skip_lines:]):
        code = _code_in(line, phone)
        if code is not None:
            return code
    return None


async def wait_for_code(path: Path, phone: str, skip_lines: int = 0) -> str:
    """Look again and again until there is a code; the caller bounds the wait by cancelling."""
    while True:
        code = newest_code(path, phone, skip_lines)
        if code is not None:
            return code
        await trio.sleep(POLL_SECONDS)


async def code_through_file(application: Application, path: Path, seconds: float) -> str:
    """Have a code sent, and find it in the file; one that was sent a moment ago is as good.

    Args:
        application: whose number it is for.
        path: the file.
        seconds: how long it may take to appear there once it is said to be on its way.

    Raises:
        RelayRefusedError: the relay sends none, and none is there.
        trio.TooSlowError: it has not appeared.
    """
    phone, before = application.applicant.phone, lines_so_far(path)
    try:
        await application.request_code()
    except RelayRefusedError as refusal:
        earlier = newest_code(path, phone) if refusal.name == ErrorCode.WAIT.wire_name else None
        if earlier is None:
            raise
        return earlier
    with trio.fail_after(seconds):
        return await wait_for_code(path, phone, before)


def _code_in(line: bytes, phone: str) -> str | None:
    """The code of one line, if the line is for ``phone``; lines that are something else do not count."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("phone") != phone:
        return None
    code = entry.get("code")
    return code if isinstance(code, str) else None
