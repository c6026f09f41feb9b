"""The commands of a phone: one module each, with ``add_arguments`` and ``run``."""
