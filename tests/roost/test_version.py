from importlib.metadata import version

from roost.version import VERSION


def test_the_installed_distribution_has_the_version_that_is_written_down() -> None:
    assert version("roost") == VERSION
