"""What makes this node this node: its id, its static key, and the key that codes are hashed with.

One small file with mode 0600 beside the database and not in it: the code secret protects rows of the
database, and a copy of the database alone must not give it away. It is made once, on the first start. Losing
it is losing the node's name: clients have pinned its public key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import cbor2

from storage.errors import CorruptSecretsError
from storage.folder import prepare_folder, secrets_file, write_file_durably

KEY_BYTES = 32
NODE_ID_BYTES = 8

_MAGIC = b"roost-secrets-1\n"
_CRC_BYTES = 4


@dataclass(frozen=True, slots=True)
class NodeSecrets:
    """The contents of the secrets file. Its repr shows the id only."""

    node_id: bytes
    # The private half of the relay's Noise static key (X25519): any 32 random bytes are one.
    static_key: bytes = field(repr=False)
    # The HMAC key of registration codes.
    code_secret: bytes = field(repr=False)


def load_or_create_secrets(data: Path, entropy: Callable[[int], bytes]) -> NodeSecrets:
    """The secrets of the node in the data folder `data`, made from `entropy` if there are none.

    Call it while holding the folder (with its environment open): two processes would make two.

    Raises:
        CorruptSecretsError: the file is there and damaged. It is not replaced: that would be another node.
    """
    prepare_folder(data)
    path = secrets_file(data)
    if path.exists():
        return _decode(path, path.read_bytes())
    secrets = NodeSecrets(entropy(NODE_ID_BYTES), entropy(KEY_BYTES), entropy(KEY_BYTES))
    write_file_durably(path, _encode(secrets))
    return secrets


def read_secrets(data: Path) -> NodeSecrets:
    """The secrets in the folder `data`, which must be there: of a backup, or for a check.

    Raises:
        CorruptSecretsError: the file is not there, or damaged.
    """
    path = secrets_file(data)
    if not path.exists():
        raise CorruptSecretsError(path, "there is no such file")
    return _decode(path, path.read_bytes())


def _encode(secrets: NodeSecrets) -> bytes:
    body = _MAGIC + cbor2.dumps([secrets.node_id, secrets.static_key, secrets.code_secret])
    return body + crc32(body).to_bytes(_CRC_BYTES, "big")


def _decode(path: Path, data: bytes) -> NodeSecrets:
    body = data[:-_CRC_BYTES]
    if not data.startswith(_MAGIC):
        raise CorruptSecretsError(path, "it does not begin as such a file does")
    if crc32(body) != int.from_bytes(data[-_CRC_BYTES:], "big"):
        raise CorruptSecretsError(path, "its checksum does not match")
    return NodeSecrets(*cbor2.loads(body[len(_MAGIC) :]))
