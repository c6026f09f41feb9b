from importlib import metadata

import pytest

from relay import version


def test_the_version_is_that_of_the_installed_distribution() -> None:
    assert version.node_version() == metadata.version("roost")


def test_a_checkout_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(version, "version", missing)
    assert version.node_version() == "unknown"
