"""The tables and diagrams of docs/wire-protocol.md, written from the code: `python -m protocol.tables`.

Each is a block of Markdown with a name. In the page it stands between `<!-- table: name -->` and
`<!-- end -->`; `--write FILE` puts all blocks of a file in anew, and a test compares them.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from protocol import limits
from protocol.byte_budgets import BUDGETS
from protocol.codes import ErrorCode
from protocol.e2e.content_marks import MARKS
from protocol.e2e.content_schema import CONTENT_SCHEMA, KindSpec
from protocol.membership.actions import ACTIONS
from protocol.membership.rules import WHO, Who
from protocol.schema import SCHEMA, FieldSpec, Sender, StanzaSpec
from protocol.state import (
    CLIENT_MAY_SEND,
    CLIENT_TRANSITIONS,
    RELAY_MAY_SEND,
    RELAY_TRANSITIONS,
    State,
    Transitions,
)

_WHO_TEXT: Final = {
    Who.OUTSIDER: "who is no member",
    Who.MEMBER: "members",
    Who.DESCRIBER: "members, or admins by settings",
    Who.ADMIN: "admins",
}

_BLOCK: Final = re.compile(r"(<!-- table: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def stanza_table() -> str:
    """Every stanza: type, name, direction, fields with types and limits, meaning."""
    return table(
        ("type", "stanza", "from", "fields, in order", "meaning"),
        [(str(s.number), f"**{s.name}**", s.sender.value, _fields(s), _first_line(s)) for s in SCHEMA],
    )


def error_table() -> str:
    """Every error code with its name and sentence."""
    head = ("code", "name", "sentence")
    return table(head, [(str(int(code)), f"`{code.wire_name}`", code.sentence) for code in ErrorCode])


def limit_table() -> str:
    """Every limit of protocol/limits.py."""
    constants = [(name, value) for name, value in vars(limits).items() if name.isupper()]
    return table(("limit", "value"), [(f"`{name}`", _number(value)) for name, value in constants])


def byte_table() -> str:
    """What the stanzas of every day take, beside their budgets."""
    rows = [(b.what, str(b.count()), "–" if b.most_bytes is None else f"≤ {b.most_bytes}") for b in BUDGETS]
    return table(("what", "bytes", "budget"), rows)


def states_table() -> str:
    """What each side may send in which state."""
    rows = []
    for state in State:
        client, relay = CLIENT_MAY_SEND[state], RELAY_MAY_SEND[state]
        if client or relay:
            rows.append((f"`{state.value}`", _names(client, Sender.CLIENT), _names(relay, Sender.RELAY)))
    return table(("state", "the client may send", "the relay may send"), rows)


def relay_diagram() -> str:
    """The relay's state machine, as Mermaid."""
    return _diagram(RELAY_TRANSITIONS)


def client_diagram() -> str:
    """The client's state machine, as Mermaid."""
    return _diagram(CLIENT_TRANSITIONS)


def content_table() -> str:
    """Every kind of encrypted content: number, name, since when, fields with types and limits, meaning."""
    rows = [
        (
            str(kind.number),
            f"**{kind.name}**",
            str(kind.since),
            _content_fields(kind),
            _doc_line(kind.content),
        )
        for kind in CONTENT_SCHEMA
    ]
    return table(("kind", "content", "since", "fields, in order, behind `id` and `sent_at`", "meaning"), rows)


def mark_table() -> str:
    """Every mark of a content: key, name, type, meaning."""
    rows = [(str(mark.number), f"**{mark.name}**", mark.type.text, mark.meaning) for mark in MARKS]
    return table(("key", "mark", "value", "meaning"), rows)


def action_table() -> str:
    """Every action of a group's log: number, name, whose it is, fields with types and limits, meaning."""
    rows = []
    for spec in ACTIONS:
        fields = "<br>".join(f"`{name}`: {kind.text}" for name, kind in spec.fields) or "–"
        who = _WHO_TEXT[WHO[spec.action]] if spec.action in WHO else "whoever makes it"
        rows.append((str(spec.number), f"**{spec.action.__name__}**", who, fields, _doc_line(spec.action)))
    return table(("action", "name", "whose", "fields, in order", "meaning"), rows)


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "stanzas": stanza_table,
    "errors": error_table,
    "limits": limit_table,
    "bytes": byte_table,
    "states": states_table,
    "relay-machine": relay_diagram,
    "client-machine": client_diagram,
    "contents": content_table,
    "marks": mark_table,
    "group-actions": action_table,
}


def rewrite(page: str) -> str:
    """Return the page with every block written anew.

    Raises:
        KeyError: the page names a block that does not exist.
    """
    return _BLOCK.sub(lambda match: match[1] + BLOCKS[match[2]]() + match[4], page)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print all blocks, or write them into a page."""
    parser = argparse.ArgumentParser(prog="python -m protocol.tables", description=__doc__)
    parser.add_argument("--write", metavar="FILE", type=Path, help="put the blocks into this page")
    page: Path | None = parser.parse_args(arguments).write
    if page is not None:
        page.write_text(rewrite(page.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write("\n".join(f"{name}:\n\n{block()}" for name, block in BLOCKS.items()))
    return 0


def _fields(spec: StanzaSpec) -> str:
    return "<br>".join(_field(field) for field in spec.fields) or "–"


def _field(field: FieldSpec) -> str:
    return f"`{field.name}{'?' if field.optional else ''}`: {field.type.text}"


def _content_fields(kind: KindSpec) -> str:
    return "<br>".join(f"`{f.name}{'?' if f.is_optional else ''}`: {f.type.text}" for f in kind.fields)


def _doc_line(described: type) -> str:
    return (described.__doc__ or "").partition("\n")[0]


def _first_line(spec: StanzaSpec) -> str:
    return _doc_line(spec.stanza)


def _number(value: int) -> str:
    for bits in (63, 32):
        if value == 2**bits - 1:
            return f"2^{bits}-1"
    return f"{value:,}"


def _names(stanzas: frozenset[type], sender: Sender) -> str:
    """The names in the table's order; all of a side's stanzas have a short name."""
    own = [spec for spec in SCHEMA if spec.sender in (sender, Sender.BOTH)]
    named = [spec.name for spec in own if spec.stanza in stanzas]
    return "everything that is its own" if len(named) == len(own) else ", ".join(named) or "–"


def _diagram(transitions: Transitions) -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {_id(next(iter(transitions)))}"]
    for state, steps in transitions.items():
        for step, target in steps.items():
            if state is not State.CLOSED:
                lines.append(f"    {_id(state)} --> {_id(target)}: {step.value}")
    lines += [f"    {_id(State.CLOSED)} --> [*]", "```"]
    return "\n".join(lines) + "\n"


def _id(state: State) -> str:
    """Mermaid's names have no dashes."""
    return state.name


if __name__ == "__main__":
    sys.exit(main())
