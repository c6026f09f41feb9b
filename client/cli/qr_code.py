"""A QR code on a terminal that a camera can read, whatever the terminal's colours are.

A code is dark on light, and not every camera takes it the other way round; so on a terminal its two colours
are said, as the two of 256 that no theme changes.
"""

import sys
from io import StringIO
from typing import Final

import segno

LIGHT_ON_DARK: Final = "\x1b[38;5;231;48;5;16m"
"""White signs on black: the code is drawn by the light between its modules."""

PLAIN: Final = "\x1b[0m"


def qr_lines(text: str, *, border: int = 4) -> list[str]:
    """The lines of the QR code of a text, coloured if they go to a terminal."""
    picture = StringIO()
    segno.make(text, error="l", micro=False).terminal(picture, border=border, compact=True)
    lines = picture.getvalue().rstrip("\n").split("\n")
    # Also with NO_COLOR: without these two it would be no code on a light screen.
    return [f"{LIGHT_ON_DARK}{line}{PLAIN}" for line in lines] if sys.stdout.isatty() else lines
