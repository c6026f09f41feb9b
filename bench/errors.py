"""What can go wrong with a measurement.

BenchError
├── LoadError          a device of the load met what it should not have met
└── PeerMissingError   another server is not installed here
WireError              what a server said ends a connection of the load
"""


class BenchError(Exception):
    """A measurement could not be made; the text says why."""


class LoadError(BenchError):
    """A device of the load was refused, hung up on, or answered wrongly: the run is worth nothing."""


class PeerMissingError(BenchError):
    """Another server is not installed here; the text says how it would be. The run goes on without it."""


class WireError(Exception):
    """A server refuses a device of the load, or does not speak the protocol; the device is lost."""
