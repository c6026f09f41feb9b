"""PINs as people give them: typed without showing, or in a file for scripts."""

import getpass
import sys
from pathlib import Path

import trio

from client.errors import PinError

PIN_DIGITS = 6


def checked_pin(text: str) -> str:
    """The PIN without what stands around it. Raises PinError."""
    pin = text.strip()
    if len(pin) != PIN_DIGITS or not (pin.isascii() and pin.isdigit()):
        raise PinError(f"a PIN has {PIN_DIGITS} digits")
    return pin


def pin_in_file(path: Path) -> str:
    """The PIN in a file. Raises PinError."""
    try:
        return checked_pin(path.read_text())
    except OSError as error:
        raise PinError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise PinError(f"{path} is no text") from None


async def typed_pin(prompt: str) -> str:
    """Ask at the terminal, without showing what is typed.

    Cancelled, it leaves its thread waiting for input that may never come; the process can end all the same.

    Raises:
        PinError: it is none, or nobody is here to type it.
    """
    if not sys.stdin.isatty():
        raise PinError("nobody is here to type the PIN; name a file that holds it with --pin-file")
    try:
        return checked_pin(await trio.to_thread.run_sync(getpass.getpass, prompt, abandon_on_cancel=True))
    except EOFError:
        raise PinError("no PIN was typed") from None


async def typed_twice() -> str:
    """Ask for a new PIN, twice: nobody sees a slip of the finger. Raises PinError."""
    pin = await typed_pin("New PIN (six digits): ")
    if await typed_pin("Once more: ") != pin:
        raise PinError("the two are not the same")
    return pin
