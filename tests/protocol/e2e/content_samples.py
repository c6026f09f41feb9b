"""One content of each kind and form, and the script that writes them down as test vectors.

``python -m tests.protocol.e2e.content_samples --write tests/protocol/vectors/content.json``
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from protocol.e2e import (
    ChatTimer,
    Contact,
    Content,
    Deletion,
    Edit,
    KeepHere,
    Location,
    Marks,
    MessageRef,
    NumberChanged,
    Opened,
    Reaction,
    Text,
)
from protocol.e2e.content import encode
from protocol.ids import UserId

ID, OTHER_ID = bytes(range(1, 9)), bytes(range(0x11, 0x19))
AT = 28_166_400
ALICE, BOB = UserId(0x0123456789ABCDEF), UserId(0x1122334455667788)

SAMPLES: dict[str, Content] = {
    "text": Text(ID, AT, "hello"),
    "text with a profile key": Text(ID, AT, "hello", b"\x33" * 32),
    "text that answers": Text(ID, AT, "yes", reply_to=MessageRef(BOB, OTHER_ID)),
    "text that mentions": Text(ID, AT, "ask @+4915112345679", mentions=(BOB,)),
    "reaction": Reaction(ID, AT, MessageRef(BOB, OTHER_ID), "👍"),
    "reaction taken back": Reaction(ID, AT, MessageRef(BOB, OTHER_ID)),
    "edit": Edit(ID, AT, OTHER_ID, "hello, Bob"),
    "edit that mentions": Edit(ID, AT, OTHER_ID, "hello @+4915112345679", (BOB,)),
    "deletion": Deletion(ID, AT, OTHER_ID),
    "contact": Contact(ID, AT, "Bob", ("+4915112345679", "+493022222222")),
    "location": Location(ID, AT, 52_516_300, -13_377_700),
    "location with a name": Location(ID, AT, 52_516_300, 13_377_700, "Brandenburg Gate"),
    "text that lives a day": Text(ID, AT, "hello", marks=Marks(life=86_400)),
    "text to be viewed once": Text(ID, AT, "hello", marks=Marks(life=14 * 86_400, view_once=1)),
    "text that was forwarded": Text(ID, AT, "hello", marks=Marks(forwards=2)),
    "chat timer": ChatTimer(ID, AT, 7 * 86_400),
    "chat timer off": ChatTimer(ID, AT),
    "keep here": KeepHere(ID, AT, 1),
    "number changed": NumberChanged(ID, AT, "+4915112345678", "+4915112345679"),
    "opened": Opened(ID, AT, MessageRef(BOB, OTHER_ID)),
}


def vectors() -> list[dict[str, str]]:
    """What each sample is on the wire."""
    return [
        {"name": name, "kind": type(content).__name__, "encoded": encode(content).hex()}
        for name, content in SAMPLES.items()
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the vectors into a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", required=True)
    text = json.dumps(vectors(), indent=2, ensure_ascii=False)
    parser.parse_args(arguments).write.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
