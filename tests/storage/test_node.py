from __future__ import annotations

import stat
from pathlib import Path
from random import Random

import pytest

from storage.errors import CorruptSecretsError
from storage.node import load_or_create_secrets


def test_secrets_are_made_once_and_stay(tmp_path: Path) -> None:
    made = load_or_create_secrets(tmp_path, Random(1).randbytes)
    assert load_or_create_secrets(tmp_path, Random(2).randbytes) == made
    assert (len(made.node_id), len(made.static_key), len(made.code_secret)) == (8, 32, 32)
    assert made.static_key != made.code_secret


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    load_or_create_secrets(tmp_path, Random(1).randbytes)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o600


def test_their_repr_shows_no_key(tmp_path: Path) -> None:
    secrets = load_or_create_secrets(tmp_path, Random(1).randbytes)
    assert "static_key" not in repr(secrets)
    assert "code_secret" not in repr(secrets)


def test_a_flip_of_any_byte_is_found_and_nothing_is_replaced(tmp_path: Path) -> None:
    load_or_create_secrets(tmp_path, Random(1).randbytes)
    path = tmp_path / "secrets"
    good = path.read_bytes()
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 0x10
        path.write_bytes(bad)
        with pytest.raises(CorruptSecretsError):
            load_or_create_secrets(tmp_path, Random(2).randbytes)
        assert path.read_bytes() == bytes(bad)
