"""Each module has its test file, and each test file its module; so a reader finds one from the other."""

from collections.abc import Collection
from pathlib import Path

from tests.helpers.source_tree import PACKAGES, ROOT, modules

# Packages that others mirror. bench/ is left out: it mirrors the packages itself, and what of it is logic is
# tested in tests/bench/. So is faults/, which is made of tests: tests/simulation/ tries it as a whole.
MIRRORED = tuple(package for package in PACKAGES if package not in ("bench", "faults"))

# Files whose contents are covered where they are used.
EXEMPT_NAMES = ("__init__.py", "__main__.py", "errors.py")

_IN_GROUPS = "works with the others of its package only; tests/guarantees/test_groups.py tries all of them"

# {module without a test file of its own: why}
NO_TEST_NEEDED: dict[str, str] = {
    "protocol/stanzas/account.py": "classes only; test_stanza.py goes over all of them",
    "protocol/stanzas/devices.py": "classes only; test_stanza.py goes over all of them",
    "protocol/stanzas/everyday.py": "classes only; test_stanza.py goes over all of them",
    "protocol/stanzas/groups.py": "classes only; test_stanza.py goes over all of them",
    "protocol/stanzas/session.py": "classes only; test_stanza.py goes over all of them",
    "protocol/stanzas/values.py": "classes only; test_stanza.py goes over all of them",
    "relay/asker.py": "a class of data only; test_requests.py hands one to every request",
    "relay/bus/messages/facts.py": "classes only; test_table.py goes over all of them",
    "relay/bus/messages/linking.py": "classes only; test_table.py goes over all of them",
    "relay/bus/messages/grouping.py": "classes only; test_table.py goes over all of them",
    "relay/group/acknowledging.py": _IN_GROUPS,
    "relay/group/answers.py": _IN_GROUPS,
    "relay/group/bus_side.py": _IN_GROUPS,
    "relay/group/delivering.py": _IN_GROUPS,
    "relay/group/group.py": _IN_GROUPS,
    "relay/group/handle.py": _IN_GROUPS,
    "relay/group/intake.py": _IN_GROUPS,
    "relay/group/landing.py": _IN_GROUPS,
    "relay/group/porter.py": _IN_GROUPS,
    "relay/group/reports.py": _IN_GROUPS,
    "relay/group/requests.py": _IN_GROUPS,
    "relay/group/settlement.py": _IN_GROUPS,
    "relay/group/supervision.py": _IN_GROUPS,
    "relay/bus/messages/questions.py": "classes only; test_table.py goes over all of them",
}

# {test file without a module: why}
NO_MODULE_NEEDED: dict[str, str] = {
    "tests/actors/test_hostile_links.py": "drives reactor, links and listener together against hostile peers",
    "tests/protocol/test_channel_states.py": "one of two files about protocol/channel.py",
    "tests/storage/test_durability.py": "kills processes and fills disks under all of storage together",
    "tests/storage/test_older_stores.py": "opens the stores of earlier versions with all of storage together",
    "tests/supervisors/test_supervisor_model.py": "random lives of supervisors beside a model of OTP",
    "tests/supervisors/test_supervisor_requests.py": "one of three files about supervisors/supervisor.py",
    "tests/supervisors/test_supervisor_restarts.py": "one of three files about supervisors/supervisor.py",
    "tests/roost/test_main.py": "tests roost/__main__.py, whose underscores a test file does not copy",
}


def mirror_of(module: Path) -> Path:
    """``protocol/noise/keys.py`` -> ``tests/protocol/noise/test_keys.py``."""
    return Path("tests") / module.parent / f"test_{module.name}"


def unmirrored(sources: Collection[Path], tests: Collection[Path]) -> list[str]:
    """Modules without tests and tests without modules, one line each."""
    expected = {mirror_of(source): source for source in sources if source.name not in EXEMPT_NAMES}
    optional = [mirror_of(source) for source in sources]
    found = [
        f"{source} has no {test}"
        for test, source in expected.items()
        if test not in tests and str(source) not in NO_TEST_NEEDED
    ]
    found += [
        f"{test} mirrors no module"
        for test in tests
        if test.name.startswith("test_") and test not in optional and str(test) not in NO_MODULE_NEEDED
    ]
    return found


def test_modules_and_tests_mirror_each_other() -> None:
    sources = list(modules(*MIRRORED))
    tests = list(modules(*(f"tests/{package}" for package in MIRRORED)))
    assert unmirrored(sources, tests) == []


def test_the_exceptions_exist() -> None:
    for name in (*NO_TEST_NEEDED, *NO_MODULE_NEEDED):
        assert (ROOT / name).exists(), name


def test_the_lint_finds_a_module_without_test_and_a_test_without_module() -> None:
    assert unmirrored([Path("actors/ref.py")], [Path("tests/actors/test_raf.py")]) == [
        "actors/ref.py has no tests/actors/test_ref.py",
        "tests/actors/test_raf.py mirrors no module",
    ]


def test_the_lint_is_content_with_a_pair_and_with_helpers_beside_tests() -> None:
    tests = [Path("tests/actors/test_ref.py"), Path("tests/actors/__init__.py"), Path("tests/actors/echo.py")]
    assert unmirrored([Path("actors/ref.py"), Path("actors/errors.py")], tests) == []
