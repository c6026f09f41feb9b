"""Reads vCard files, versions 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350), as phones and Google export them.

By hand: the library that there is (vobject) is untyped, stops at the first bad line, and does not know 4.0.
All that is wanted is a name and numbers, so everything else is passed over, pictures of megabytes included.

Rule 1: a line that cannot be read costs that line, a card that does not end costs nothing.
Rule 2: lines are counted as an editor counts them, before folded ones are put together.
"""

import codecs
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

from client.contacts.records import BadLine, Card, ContactFile, WrittenNumber, tidy_name

_ESCAPED = re.compile(r"\\(.)")
_NAMES = ("FN", "N", "NICKNAME", "ORG")
"""Where a card may say who it is about, the best first."""

MAX_LINE_BYTES = 16 * 1024
"""Of a line that matters. Pictures are longer, and passed over."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One property: folded lines put together."""

    number: int
    text: bytes


@dataclass(slots=True)
class _Unfinished:
    """A card of which the end has not come."""

    line: int
    names: dict[str, str]
    numbers: list[WrittenNumber]

    def card(self) -> Card:
        name = next((self.names[key] for key in _NAMES if self.names.get(key)), "")
        return Card(name, tuple(self.numbers))


def read_vcards(data: bytes) -> ContactFile:
    """All cards of a file; never raises, whatever the bytes are."""
    charset, data = _decoding(data)
    cards: list[Card] = []
    bad: list[BadLine] = []
    open_card: _Unfinished | None = None
    for line in _unfolded(data):
        try:
            name, params, value = _taken_apart(line.text)
        except ValueError as error:
            bad.append(BadLine(line.number, str(error)))
            continue
        if name == "BEGIN":
            if open_card is not None:
                bad.append(BadLine(open_card.line, "this card has no END:VCARD"))
                cards.append(open_card.card())
            open_card = _Unfinished(line.number, {}, [])
        elif open_card is None:
            bad.append(BadLine(line.number, "this stands outside of any card"))
        elif name == "END":
            cards.append(open_card.card())
            open_card = None
        elif name == "TEL" or name in _NAMES:
            try:
                _note(open_card, line.number, name, _text(params, value, charset))
            except ValueError as error:
                bad.append(BadLine(line.number, str(error)))
    if open_card is not None:
        bad.append(BadLine(open_card.line, "this card has no END:VCARD"))
        cards.append(open_card.card())
    return ContactFile(tuple(cards), tuple(bad))


def _decoding(data: bytes) -> tuple[str, bytes]:
    """The charset of a file whose lines do not say theirs, and the file in one whose lines end in bytes."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-8", data.decode("utf-16", errors="replace").encode()
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        data.decode()
    except UnicodeDecodeError:
        return "cp1252", data  # old phones: Windows' word for Western Europe
    return "utf-8", data


def _unfolded(data: bytes) -> Iterator[_Line]:
    """Properties with the number of their first line.

    A line that begins with a blank goes on with the one before. A quoted-printable one also goes on if it
    ends in ``=``.
    """
    number, parts = 0, list[bytes]()
    goes_on = False  # the last line was quoted-printable and ended in a soft break
    for count, raw in enumerate(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), start=1):
        if goes_on or (parts and raw[:1] in (b" ", b"\t")):
            # A soft break is taken out by the decoder, which must see it; a fold by us.
            parts.append(b"\n" + raw if goes_on else raw[1:])
        else:
            if parts:
                yield _Line(number, b"".join(parts))
            number, parts = count, [raw] if raw.strip() else []
        goes_on = bool(parts) and raw.endswith(b"=") and _is_quoted_printable(parts[0])
    if parts:
        yield _Line(number, b"".join(parts))


def _is_quoted_printable(text: bytes) -> bool:
    return b"QUOTED-PRINTABLE" in text.partition(b":")[0].upper()


def _taken_apart(text: bytes) -> tuple[str, dict[str, str], bytes]:
    """Name, parameters and value of a property.

    Raises:
        ValueError: it is none.
    """
    place = _colon(text)
    if place < 0:
        raise ValueError("this is no line of a vCard")
    head = text[:place].decode("ascii", errors="replace")
    name, *words = head.split(";")
    params: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            params.setdefault(key.strip().upper(), value.strip().strip('"'))
        elif key.strip().upper() == "QUOTED-PRINTABLE":
            params["ENCODING"] = key.strip()  # version 2.1 may leave the name of a parameter out
    return name.rpartition(".")[2].strip().upper(), params, text[place + 1 :]


def _colon(text: bytes) -> int:
    """Where the value begins: at the first colon outside of quotes."""
    is_quoted = False
    for place, byte in enumerate(text[:MAX_LINE_BYTES]):
        if byte == ord('"'):
            is_quoted = not is_quoted
        elif byte == ord(":") and not is_quoted:
            return place
    return -1


def _text(params: dict[str, str], value: bytes, charset: str) -> str:
    """The value as text.

    Raises:
        ValueError: nobody knows how it is written.
    """
    if len(value) > MAX_LINE_BYTES:
        raise ValueError("this line is too long")
    if params.get("ENCODING", "").upper() == "QUOTED-PRINTABLE":
        value = quopri.decodestring(value)
    try:
        return value.decode(params.get("CHARSET", charset), errors="replace")
    except LookupError:
        raise ValueError(f"nobody knows the charset {params['CHARSET']!r}") from None


def _note(card: _Unfinished, line: int, name: str, value: str) -> None:
    if name == "TEL":
        if number := _unescaped(value).strip():
            card.numbers.append(WrittenNumber(number, line))
        return
    if name == "N":
        family, given, middle = [*(_unescaped(part) for part in _parts(value)), "", "", ""][:3]
        value = f"{given} {middle} {family}"
    elif name == "ORG":
        value = _unescaped(next(iter(_parts(value))))
    else:
        value = _unescaped(value)
    card.names.setdefault(name, tidy_name(value))


def _parts(value: str) -> list[str]:
    """The parts of a structured value; a semicolon that is escaped does not part."""
    return re.split(r"(?<!\\);", value)


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)
