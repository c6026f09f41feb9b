"""What can go wrong in the relay's own house; what a peer did wrong has codes in `protocol/`.

RelayError
├── ConfigError            a setting that cannot be used; names the setting and where it came from
├── AddressInUseError      somebody listens on that address already
├── GatewayError           a verification code could not be handed to the SMS gateway
└── RefusalError           a request that is refused, with the wire code and detail to answer with
"""

from typing import Any

from protocol import ErrorCode


class RelayError(Exception):
    """Base of everything in this list."""


class ConfigError(RelayError):
    """A setting cannot be used."""

    def __init__(self, source: str, key: str, problem: str) -> None:
        super().__init__(f"{source}: {key}: {problem}")
        self.source = source
        self.key = key
        self.problem = problem


class AddressInUseError(RelayError):
    """The node cannot listen where it was told to."""

    def __init__(self, what: str, address: str, problem: str, advice: str) -> None:
        super().__init__(f"cannot listen for {what} on {address}: {problem}; {advice}")
        self.address = address


class GatewayError(RelayError):
    """The SMS gateway did not take a code; the text never has the code in it."""


class RefusalError(RelayError):
    """A request is refused: an expected outcome that travels from a decision to the stanza that answers."""

    def __init__(self, code: ErrorCode, detail: Any = None) -> None:
        super().__init__(code.wire_name)
        self.code = code
        self.detail = detail
