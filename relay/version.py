"""Which version runs here."""

from importlib.metadata import PackageNotFoundError, version


def node_version() -> str:
    """The version that is installed; a checkout that is not installed has none."""
    try:
        return version("roost")
    except PackageNotFoundError:
        return "unknown"
