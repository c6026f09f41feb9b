"""What can go wrong in the relay's own house; what a peer did wrong has codes in `protocol/`.

RelayError
├── ConfigError            a setting that cannot be used; names the setting and where it came from
├── TooFewDescriptorsError the limit of open files leaves no room for devices
├── AddressInUseError      an address on which the node cannot listen
├── NotAssignedError       a worker process that no node has started
├── WrongVersionError      a worker process of another version than its node
├── WorkerNotStartedError  a worker could not start, and so the node cannot
├── WorkersEndedError      the workers ended again and again, and the node gives up
├── NodeNotAnsweringError  a running node does not answer the operator's order
├── WrongNumberError       a text that cannot be anybody's phone number; names the problem
├── GatewayError           a verification code could not be handed to the SMS gateway
└── RefusalError           a request that is refused, with the wire code and detail to answer with
"""

import os
import socket
from typing import Any

from protocol import ErrorCode, NumberProblem


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

    def __init__(self, what: str, address: str, error: OSError, advice: str) -> None:
        problem = error.strerror or str(error)
        if error.errno is not None and not isinstance(error, socket.gaierror):
            problem = os.strerror(error.errno)  # create_server has added a sentence to it
        super().__init__(f"cannot listen for {what} on {address}: {problem.lower()}; {advice}")
        self.address = address


class TooFewDescriptorsError(RelayError):
    """The limit of open files leaves room for hardly a device: nearly everybody would be turned away."""

    def __init__(self, limit: int, room: int, needed: int) -> None:
        super().__init__(
            f"the limit of {limit} open files leaves room for {room} connections of devices: raise it to "
            f"{needed} or more (systemd: LimitNOFILE=, shell: ulimit -Hn)"
        )


class NotAssignedError(RelayError):
    """A worker process was started by somebody who is no node, and so has nothing to do."""

    def __init__(self) -> None:
        super().__init__("workers are started by 'roost serve'; this one was told nothing")


class WrongVersionError(RelayError):
    """A worker process is of another version than its node: the program was replaced meanwhile."""

    def __init__(self, node: str, worker: str) -> None:
        super().__init__(
            f"the node runs Roost {node} and its new worker would be Roost {worker}: restart the node"
        )


class WorkerNotStartedError(RelayError):
    """A worker could not start; its own words if it found any."""

    def __init__(self, number: int, complaint: str | None) -> None:
        super().__init__(complaint or f"worker {number} ended before it was ready; the log says why")
        self.number = number


class WorkersEndedError(RelayError):
    """The workers ended again and again within a short time, and the node gives up."""

    def __init__(self, restarts: int, seconds: float) -> None:
        super().__init__(
            f"the workers ended again and again, more often than {restarts} times within {seconds:g} s; "
            "the log says why"
        )


class NodeNotAnsweringError(RelayError):
    """The node that runs in a data folder does not do what it is told; its own words if it has any."""

    def __init__(self, data: object, complaint: str | None = None) -> None:
        problem = f"the node in {data} does not answer: it starts, stops or hangs; try again"
        super().__init__(complaint or problem)


class WrongNumberError(RelayError, ValueError):
    """A text that cannot be anybody's phone number, and why; it does not repeat the text."""

    def __init__(self, problem: NumberProblem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


class GatewayError(RelayError):
    """The SMS gateway did not take a code; the text never has the code in it."""


class RefusalError(RelayError):
    """A request is refused: an expected outcome that travels from a decision to the stanza that answers."""

    def __init__(self, code: ErrorCode, detail: Any = None) -> None:
        super().__init__(code.wire_name)
        self.code = code
        self.detail = detail
