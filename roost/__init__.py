"""The command line shell around the packages: one console script, log rendering, the demo."""

__all__: list[str] = []
