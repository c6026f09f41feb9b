"""Each package's ``__init__`` is a docstring, imports and ``__all__``, and these agree with each other."""

import ast
import importlib
from pathlib import Path

import pytest

from tests.helpers.source_tree import PACKAGES, module_name, modules, parsed

INITS = [path for path in modules(*PACKAGES) if path.name == "__init__.py"]


def export_violations(path: Path, tree: ast.Module) -> list[str]:
    """What is wrong with an ``__init__``, one line each."""
    found = []
    imported: list[str] = []
    exported: list[str] = []
    if len((ast.get_docstring(tree) or "").split()) < 3:
        found.append(f"{path}: the package does not say what it is")
    for node in tree.body[1:]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported += [alias.asname or alias.name for alias in node.names]
        elif (names := _value_of_all(node)) is not None:
            exported += ast.literal_eval(names)
        else:
            found.append(f"{path}:{node.lineno}: only imports and __all__ belong here")
    found += [f"{path}: {name} is imported but not in __all__" for name in imported if name not in exported]
    found += [f"{path}: {name} is in __all__ but not imported" for name in exported if name not in imported]
    if len(exported) != len(dict.fromkeys(exported)):
        found.append(f"{path}: __all__ names something twice")
    return found


def _value_of_all(node: ast.stmt) -> ast.List | ast.Tuple | None:
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    is_all = [getattr(target, "id", None) for target in targets] == ["__all__"]
    return node.value if is_all and isinstance(node.value, ast.List | ast.Tuple) else None


@pytest.mark.parametrize("path", INITS, ids=str)
def test_an_init_only_re_exports(path: Path) -> None:
    assert export_violations(path, parsed(path)) == []


@pytest.mark.parametrize("path", INITS, ids=str)
def test_what_a_package_exports_is_there(path: Path) -> None:
    module = importlib.import_module(module_name(path))
    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name), name


def _violations_of(source: str) -> list[str]:
    return export_violations(Path("p/__init__.py"), ast.parse(source))


def test_the_lint_is_content_with_docstring_imports_and_all() -> None:
    assert _violations_of('"""A good package."""\nfrom p.m import a\n__all__ = ["a"]') == []
    assert _violations_of('"""A good package."""\n__all__: list[str] = []') == []


def test_the_lint_finds_names_that_are_missing_on_either_side() -> None:
    assert _violations_of('"""A good package."""\nfrom p.m import a, b\n__all__ = ["b", "c"]') == [
        "p/__init__.py: a is imported but not in __all__",
        "p/__init__.py: c is in __all__ but not imported",
    ]


def test_the_lint_finds_code_duplicates_and_a_missing_docstring() -> None:
    assert "only imports" in _violations_of('"""A good package."""\nprint()')[0]
    assert "twice" in _violations_of('"""A good package."""\nfrom p.m import a\n__all__ = ["a", "a"]')[0]
    assert "what it is" in _violations_of('"""."""')[0]
