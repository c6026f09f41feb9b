"""The import arrows of the house: who may import whom, read from the source of every module.

Imports inside functions and under ``TYPE_CHECKING`` count like all others.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.source_tree import PACKAGES, modules, parsed

# {package: the packages of the house that it may import, itself always}
MAY_IMPORT: dict[str, frozenset[str]] = {
    "actors": frozenset(),
    "supervisors": frozenset({"actors"}),
    "protocol": frozenset(),
    "storage": frozenset({"protocol"}),
    "relay": frozenset({"actors", "supervisors", "protocol", "storage"}),
    "client": frozenset({"actors", "supervisors", "protocol"}),
    "roost": frozenset(PACKAGES),
    "bench": frozenset(PACKAGES),
    "faults": frozenset(PACKAGES),
}

# {package: the libraries that it may import}; packages that are not here may import any.
LIBRARIES: dict[str, frozenset[str]] = {
    "actors": frozenset({"trio"}),
    "supervisors": frozenset({"trio"}),
    "protocol": frozenset({"cbor2", "cryptography"}),
    "protocol.e2e": frozenset({"cbor2", "cryptography", "x3dh", "doubleratchet", "xeddsa", "spake2"}),
    "storage": frozenset({"lmdb", "cbor2"}),
}

# {package: modules that it must not import, whatever else holds, with the reason}
NEVER: dict[str, dict[str, str]] = {
    "relay": {"protocol.e2e": "the relay must not be able to read what it carries (D9)"},
    "storage": {"trio": "storage takes plain callables; it has a thread of its own"},
    "protocol": dict.fromkeys(
        (
            "trio",
            "asyncio",
            "threading",
            "socket",
            "select",
            "selectors",
            "ssl",
            "subprocess",
            "os",
            "pathlib",
            "time",
            "random",
            "secrets",
            "uuid",
        ),
        "protocol is sans-IO: bytes in, events out",
    ),
}


# {module that is a command and no part of its package: what it is for}. NEVER does not bind it, and no module
# may import it.
COMMANDS: dict[str, str] = {"protocol.tables": "writes the tables of docs/wire-protocol.md into the page"}


def imported_names(tree: ast.Module, package: str) -> Iterator[tuple[int, str]]:
    """All that a module imports, dotted, with the line; ``from a import b`` gives ``a`` and ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield node.lineno, base
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def within(name: str, module: str) -> bool:
    """Whether ``name`` is ``module`` or lies in it."""
    return name == module or name.startswith(module + ".")


def layering_violations(path: Path, tree: ast.Module) -> list[str]:
    """What a module imports against the rules, one line each."""
    package = ".".join(path.parts[:-1])
    found: dict[str, None] = {}  # as an ordered set: `from a import b, c` is one violation
    is_command = ".".join(path.with_suffix("").parts) in COMMANDS
    for line, name in imported_names(tree, package):
        reason = _objection(package, name, is_command)
        if reason is not None:
            found[f"{path}:{line}: {reason}"] = None
    return list(found)


def _objection(package: str, name: str, is_command: bool) -> str | None:
    house = package.split(".")[0]
    top = name.split(".")[0]
    if name in COMMANDS:
        return f"nothing imports {name}: it is a command"
    for module, reason in NEVER.get(house, {}).items():
        if within(name, module) and not is_command:
            return f"{house} must not import {module}: {reason}"
    if top == "tests":
        return "only tests import tests"
    if top in PACKAGES:
        return None if top == house or top in MAY_IMPORT[house] else f"{house} must not import {top}"
    libraries = LIBRARIES.get(package, LIBRARIES.get(house))
    if libraries is not None and top not in libraries and top not in sys.stdlib_module_names:
        return f"{package} must not import the library {top}"
    return None


def test_every_import_follows_the_arrows() -> None:
    violations = [line for path in modules(*PACKAGES) for line in layering_violations(path, parsed(path))]
    assert violations == []


def _violations_of(path: str, source: str) -> list[str]:
    return layering_violations(Path(path), ast.parse(source))


def test_the_lint_finds_an_arrow_that_points_up() -> None:
    assert _violations_of("actors/actor.py", "import relay.tree") == [
        "actors/actor.py:1: actors must not import relay"
    ]
    assert _violations_of("client/outbox.py", "from storage import journal")
    assert _violations_of("relay/mailbox.py", "import roost.logs")


def test_the_lint_looks_into_functions_and_type_checking_blocks() -> None:
    assert _violations_of("actors/actor.py", "def f():\n    from supervisors import Supervisor")
    assert _violations_of("actors/actor.py", "if TYPE_CHECKING:\n    import supervisors")


def test_the_lint_keeps_end_to_end_keys_from_the_relay_however_they_are_imported() -> None:
    for source in (
        "import protocol.e2e",
        "from protocol import e2e",
        "from protocol.e2e.session import Session",
    ):
        assert _violations_of("relay/mailbox.py", source), source
    assert _violations_of("client/keys.py", "from protocol import e2e") == []


def test_the_lint_keeps_io_out_of_the_protocol_and_trio_out_of_storage() -> None:
    for source in ("import trio", "from socket import socket", "import time", "import os.path"):
        assert _violations_of("protocol/noise/handshake.py", source), source
    assert _violations_of("storage/journal.py", "from trio import lowlevel")


def test_the_lint_lets_a_command_use_files_and_lets_nobody_import_it() -> None:
    assert _violations_of("protocol/tables.py", "from pathlib import Path") == []
    assert _violations_of("protocol/tables.py", "import relay.tree")
    assert _violations_of("protocol/codec.py", "from protocol import tables")


def test_the_lint_resolves_relative_imports() -> None:
    assert _violations_of("relay/mailbox.py", "from . import delivery") == []
    assert _violations_of("protocol/noise/keys.py", "from ..codec import encode") == []


def test_the_lint_finds_libraries_that_a_package_may_not_use() -> None:
    assert _violations_of("actors/actor.py", "import structlog")
    assert _violations_of("protocol/codec.py", "import x3dh")
    assert _violations_of("protocol/e2e/session.py", "import x3dh") == []
