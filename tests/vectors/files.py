"""The vector files: what is in each, and how its reader goes over it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.protocol.e2e.content_samples import vectors as build_contents
from tests.vectors import agreements, groups, links, people, services, sessions

FOLDER: Final = Path(__file__).parents[1] / "protocol" / "vectors"


class VectorFile(NamedTuple):
    """One file."""

    build: Callable[[], Any]
    """Makes its contents, the same each time."""
    check: Callable[[Any], None] | None
    """Reads it as another implementation would, from what it says alone; None: a test of its own does."""


FILES: Final[dict[str, VectorFile]] = {
    "agreement.json": VectorFile(agreements.build, agreements.check),
    "session.json": VectorFile(sessions.build, sessions.check),
    "content.json": VectorFile(build_contents, None),  # tests/protocol/e2e/test_content.py
    "service.json": VectorFile(services.build, services.check),
    "profile.json": VectorFile(people.build_profiles, people.check_profiles),
    "safety-number.json": VectorFile(people.build_safety_numbers, people.check_safety_numbers),
    "device-list.json": VectorFile(people.build_device_lists, people.check_device_lists),
    "linking.json": VectorFile(links.build, links.check),
    "group-log.json": VectorFile(groups.build_logs, groups.check_logs),
    "sender-key.json": VectorFile(groups.build_keys, groups.check_keys),
    "group-info.json": VectorFile(groups.build_infos, groups.check_infos),
    "group-link.json": VectorFile(groups.build_links, groups.check_links),
}


def as_text(contents: object) -> str:
    """A file's text."""
    return json.dumps(contents, indent=2, ensure_ascii=False) + "\n"


def write_all(folder: Path) -> list[str]:
    """Write all files, and say which ones have changed."""
    changed = []
    for name, file in FILES.items():
        path, text = folder / name, as_text(file.build())
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed
