"""Runs Noise test vectors in cacophony's format: `python -m tests.protocol.noise_vectors FILE [FILE ...]`.

Each vector is played by both sides: every message must come out byte for byte, be read back by the other
side, and the handshake hash must match. What the engine has no pattern or primitive for (psk, fallback, other
suites) is reported as skipped, by name. Exit status: 0, 1 if a vector failed, 2 if a file is no vector file.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from protocol.errors import NoiseError, UnsupportedNoiseError
from protocol.noise import HandshakeState, KeyPair, Transport
from protocol.noise.patterns import parse_protocol_name

Vector = Mapping[str, Any]


class Result(Enum):
    """What became of a vector."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One vector's result, with the reason unless it passed."""

    name: str
    result: Result
    reason: str = ""


class FileFormatError(Exception):
    """The file is no vector file of cacophony's format."""


class MismatchError(Exception):
    """What the engine does is not what the vector says."""


def load(path: Path) -> Sequence[Vector]:
    """Read the vectors of a file."""
    try:
        vectors = json.loads(path.read_text(encoding="utf-8"))["vectors"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path}: {type(error).__name__}: {error}") from error
    if not isinstance(vectors, list) or not all(isinstance(vector, dict) for vector in vectors):
        raise FileFormatError(f"{path}: 'vectors' is no list of objects")
    return vectors


def run(vector: Vector) -> Outcome:
    """Play one vector."""
    name = str(vector.get("protocol_name") or vector.get("name") or "unnamed")
    reason = why_skipped(name, vector)
    if reason:
        return Outcome(name, Result.SKIPPED, reason)
    try:
        play(name, vector)
    except (MismatchError, NoiseError, KeyError, TypeError, ValueError, AssertionError) as error:
        return Outcome(name, Result.FAILED, f"{type(error).__name__}: {error}")
    return Outcome(name, Result.PASSED)


def why_skipped(name: str, vector: Vector) -> str:
    """Say what the engine does not have; empty if it has everything."""
    if vector.get("init_psks") or vector.get("resp_psks") or vector.get("init_psk"):
        return "pre-shared keys"
    if vector.get("fallback") or vector.get("fallback_pattern"):
        return "fallback"
    try:
        parse_protocol_name(name)
    except UnsupportedNoiseError as error:
        return str(error)
    return ""


def play(name: str, vector: Vector) -> None:
    """Play both sides of a vector; raise at the first difference."""
    pattern, _ = parse_protocol_name(name)
    sides = (handshake(name, vector, "init"), handshake(name, vector, "resp"))
    messages = [(unhex(m["payload"]), unhex(m["ciphertext"])) for m in vector["messages"]]
    count = len(pattern.messages)
    for place, (payload, ciphertext) in enumerate(messages[:count]):
        speaker, listener = sides if place % 2 == 0 else sides[::-1]
        expect(f"message {place}", speaker.write_message(payload), ciphertext)
        expect(f"payload {place}", listener.read_message(ciphertext), payload)
    initiator, responder = sides[0].finish(), sides[1].finish()
    check_hashes(vector, initiator, responder)
    for place, (payload, ciphertext) in enumerate(messages[count:], start=count):
        one_way_or_turn = pattern.is_one_way or place % 2 == 0
        first, second = (initiator, responder) if one_way_or_turn else (responder, initiator)
        expect(f"message {place}", first.encrypt(payload), ciphertext)
        expect(f"payload {place}", second.decrypt(ciphertext), payload)


def check_hashes(vector: Vector, initiator: Transport, responder: Transport) -> None:
    """Both sides must name the channel as the vector does, if it does."""
    expect("the two handshake hashes", initiator.handshake_hash, responder.handshake_hash)
    if vector.get("handshake_hash"):
        expect("handshake_hash", initiator.handshake_hash, unhex(vector["handshake_hash"]))


def handshake(name: str, vector: Vector, side: str) -> HandshakeState:
    """Set one side up with the keys of the vector; its ephemeral key is what its entropy gives."""
    static = vector.get(f"{side}_static")
    remote = vector.get(f"{side}_remote_static")
    return HandshakeState(
        name,
        initiator=side == "init",
        entropy=fixed_entropy(unhex(vector.get(f"{side}_ephemeral") or "")),
        static=KeyPair.from_private_bytes(unhex(static)) if static else None,
        remote_static=unhex(remote) if remote else None,
        prologue=unhex(vector.get(f"{side}_prologue") or ""),
    )


def fixed_entropy(ephemeral: bytes) -> Callable[[int], bytes]:
    """Entropy that gives one ephemeral private key and nothing else."""

    def entropy(size: int) -> bytes:
        if size != len(ephemeral):
            raise MismatchError(f"{size} random bytes drawn, the vector gives {len(ephemeral)}")
        return ephemeral

    return entropy


def unhex(text: str) -> bytes:
    """Read the vector's hex."""
    return bytes.fromhex(text)


def expect(what: str, got: bytes, wanted: bytes) -> None:
    """Raise MismatchError unless the two are equal."""
    if got != wanted:
        raise MismatchError(f"{what} is {got.hex()}, the vector says {wanted.hex()}")


def run_files(paths: Sequence[Path]) -> Iterator[Outcome]:
    """Play all vectors of all files."""
    for path in paths:
        for vector in load(path):
            yield run(vector)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the files named on the command line and print one line a vector and a summary."""
    parser = argparse.ArgumentParser(prog="python -m tests.protocol.noise_vectors", description=__doc__)
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    count: Counter[Result] = Counter()
    try:
        for outcome in run_files(parser.parse_args(arguments).files):
            count[outcome.result] += 1
            print(f"{outcome.result.value:8}{outcome.name}{': ' if outcome.reason else ''}{outcome.reason}")
    except FileFormatError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(", ".join(f"{count[result]} {result.value}" for result in Result))
    return 1 if count[Result.FAILED] else 0


if __name__ == "__main__":
    sys.exit(main())
