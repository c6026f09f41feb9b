"""Nothing but the ports touches time and chance, and nothing depends on the order of a set.

What comes in through a port can be simulated, and a simulation that fails replays from its seed. One
``random()`` in one module would end that for the whole house, and so would one loop over a set, whose order
changes with the hash seed of the process.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.source_tree import modules, parsed

# roost/ is the shell around the house, where arguments become ports; bench/ and tests/ measure and command
# time.
GUARDED = ("actors", "supervisors", "protocol", "storage", "relay", "client")

# {the file: why it may}
THE_PORTS = {"actors/ports.py": "it is the one door to the clock and to entropy"}

BANNED_MODULES = ("time", "random", "secrets", "uuid")

# {banned function: what to use}; matched against the end of a dotted name.
BANNED_CALLS = {
    "os.urandom": "an Entropy",
    "os.getrandom": "an Entropy",
    "ssl.RAND_bytes": "an Entropy",
    "datetime.now": "a Clock",
    "datetime.utcnow": "a Clock",
    "datetime.today": "a Clock",
    "date.today": "a Clock",
}

# Functions that keep the order of what they are given. (sorted, min, max, sum, len, any, all, set do not.)
ORDER_KEEPING = ("list", "tuple", "iter", "enumerate", "zip", "map", "filter", "reversed", "join", "extend")

SET_ANNOTATIONS = ("set", "frozenset", "Set", "AbstractSet", "MutableSet", "FrozenSet")
SET_METHODS = ("union", "intersection", "difference", "symmetric_difference")

Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def port_violations(path: Path, tree: ast.Module) -> list[str]:
    """Uses of the banned modules and functions, one line each."""
    return [f"{path}:{line}: {what}" for line, what in _banned_uses(tree)]


def _banned_uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in BANNED_MODULES:
                    yield node.lineno, f"imports {alias.name}"
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from _banned_from(node)
        elif isinstance(node, ast.Attribute):
            name = ".".join(ast.unparse(node).split(".")[-2:])
            if name in BANNED_CALLS:
                yield node.lineno, f"uses {name} instead of {BANNED_CALLS[name]}"


def _banned_from(node: ast.ImportFrom) -> Iterator[tuple[int, str]]:
    if (node.module or "").split(".")[0] in BANNED_MODULES:
        yield node.lineno, f"imports {node.module}"
    for alias in node.names:
        name = f"{node.module}.{alias.name}"
        if name in BANNED_CALLS:
            yield node.lineno, f"uses {name} instead of {BANNED_CALLS[name]}"


class SetLoops(ast.NodeVisitor):
    """Finds loops over sets, as far as a reader without types can.

    A name counts as a set if it is annotated as one, or assigned a set expression, in the function at hand or
    around it; ``self.name`` counts if that holds anywhere in the file.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[tuple[int, str]] = []
        self._attributes = dict.fromkeys(_attributes_of_sets(tree))
        self._names: list[dict[str, bool]] = [_names_in(tree)]  # a scope each: whether a name is a set

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_scope(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_scope(node)

    def visit_For(self, node: ast.For) -> None:
        self._check(node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._check(node.iter)
        self.generic_visit(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        # A set made from a set has no order to lose; only what it computes on the way is looked at.
        for generator in node.generators:
            self.visit(generator.iter)
        self.visit(node.elt)

    def visit_Starred(self, node: ast.Starred) -> None:
        self._check(node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = getattr(node.func, "id", getattr(node.func, "attr", None))
        if name in ORDER_KEEPING:
            for argument in node.args:
                self._check(argument)
        if name in ("sorted", "min", "max", "sum", "any", "all", "set", "frozenset", "len"):
            self._visit_without_order(node)
        else:
            self.generic_visit(node)

    def _visit_without_order(self, node: ast.Call) -> None:
        # sorted(x for x in some_set) is fine: its order is made afterwards.
        for argument in node.args:
            if isinstance(argument, ast.GeneratorExp):
                self.visit(argument.elt)
            else:
                self.visit(argument)

    def _visit_scope(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._names.append(_names_in(node))
        self.generic_visit(node)
        self._names.pop()

    def _check(self, node: ast.expr) -> None:
        if self._is_set(node):
            self.found.append((node.lineno, f"iterates over the set {ast.unparse(node)}"))

    def _is_set(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return next((names[node.id] for names in reversed(self._names) if node.id in names), False)
        if isinstance(node, ast.Attribute):
            return node.attr in self._attributes
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
            return any(self._is_set(side) or _is_keys_call(side) for side in (node.left, node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return node.func.attr in SET_METHODS and self._is_set(node.func.value)
        return _is_set_expression(node)


def _is_set_expression(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", None) in ("set", "frozenset")
    return isinstance(node, ast.Set | ast.SetComp)


def _is_keys_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "keys"


def _is_set_annotation(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.BinOp):  # set[int] | None
        return _is_set_annotation(node.left) or _is_set_annotation(node.right)
    return getattr(node, "id", getattr(node, "attr", None)) in SET_ANNOTATIONS


def _names_in(scope: Scope) -> dict[str, bool]:
    """{name bound in the scope itself: whether to a set}"""
    names: dict[str, bool] = {}
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = scope.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            names[argument.arg] = _is_set_annotation(argument.annotation)
    for node in _own_nodes(scope):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names[node.target.id] = _is_set_annotation(node.annotation)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    names.setdefault(target.id, _is_set_expression(node.value))
    return names


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _own_nodes(node)


def _attributes_of_sets(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and _is_set_annotation(node.annotation):
            if isinstance(node.target, ast.Attribute):
                yield node.target.attr
        elif isinstance(node, ast.Assign) and _is_set_expression(node.value):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    yield target.attr
        elif isinstance(node, ast.ClassDef):
            yield from _fields_of_sets(node)


def _fields_of_sets(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and _is_set_annotation(statement.annotation):
            yield ast.unparse(statement.target)


def set_violations(path: Path, tree: ast.Module) -> list[str]:
    """Loops over sets, one line each."""
    visitor = SetLoops(tree)
    visitor.visit(tree)
    return [f"{path}:{line}: {what}" for line, what in visitor.found]


def test_only_the_ports_touch_time_and_chance() -> None:
    violations = [
        line
        for path in modules(*GUARDED)
        if path.as_posix() not in THE_PORTS
        for line in port_violations(path, parsed(path))
    ]
    assert violations == []


def test_nothing_iterates_over_a_set() -> None:
    assert [line for path in modules(*GUARDED) for line in set_violations(path, parsed(path))] == []


def _port_lint(source: str) -> list[str]:
    return port_violations(Path("m.py"), ast.parse(source))


def _set_lint(source: str) -> list[str]:
    return set_violations(Path("m.py"), ast.parse(source))


def test_the_lint_finds_every_way_to_time_and_chance() -> None:
    for source in (
        "import time",
        "import random as r",
        "from secrets import token_bytes",
        "def f():\n    import uuid",
        "import os\nos.urandom(8)",
        "from os import urandom",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\nf = datetime.datetime.utcnow",
        "from datetime import date\ndate.today()",
    ):
        assert len(_port_lint(source)) == 1, source


def test_the_lint_lets_arithmetic_on_dates_and_own_clocks_pass() -> None:
    assert _port_lint("from datetime import datetime\ndatetime.fromtimestamp(clock.now())") == []
    assert _port_lint("import os\nos.replace(a, b)") == []


def test_the_lint_finds_loops_over_sets() -> None:
    for source in (
        "for x in {1, 2}: pass",
        "for x in set(y): pass",
        "[x for x in frozenset(y)]",
        "def f(s: set[int]):\n    for x in s: pass",
        "s: set[int] | None = None\nfor x in s: pass",
        "s = set()\nfor x in s: pass",
        "class C:\n    def __init__(self): self.s = set()\n    def f(self): return [x for x in self.s]",
        "class C:\n    s: frozenset[int]\n    def f(self):\n        for x in self.s: pass",
        "for x in a.keys() & b: pass",
        "s = {1}\nfor x in s - {2}: pass",
        "s = {1}\nfor x in s.union(t): pass",
        "s = {1}\nlist(s)",
        "s = {'a'}\n', '.join(s)",
        "s = {1}\nf(*s)",
        "s = {1}\n{x: 1 for x in s}",
    ):
        assert len(_set_lint(source)) == 1, source


def test_the_lint_lets_sets_without_order_pass() -> None:
    for source in (
        "for x in sorted({1, 2}): pass",
        "any(x for x in {1, 2})",
        "1 in {1, 2}",
        "len({1, 2})",
        "s = {1}\n{x + 1 for x in s}",
        "for x in {1: 2}: pass",
        "def f():\n    s = {1}\ndef g(s: list[int]):\n    for x in s: pass",
    ):
        assert _set_lint(source) == [], source
