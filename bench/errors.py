"""What can go wrong with a measurement.

BenchError
└── LoadError   a device of the load met what it should not have met
WireError       what a server said ends a connection of the load
"""


class BenchError(Exception):
    """A measurement could not be made; the text says why."""


class LoadError(BenchError):
    """A device of the load was refused, hung up on, or answered wrongly: the run is worth nothing."""


class WireError(Exception):
    """A server refuses a device of the load, or does not speak the protocol; the device is lost."""
