"""A place fills in the templates of this package."""

from pathlib import Path

import pytest

from bench.peers.catalogue import NAMES, peer_named
from bench.peers.peer import PeerAccount, Place


def test_a_template_is_filled_in(tmp_path: Path) -> None:
    place = Place(tmp_path, 5333)
    text = place.configure("prosody.cfg.lua", "written.lua").read_text()
    assert "c2s_ports = { 5333 }" in text
    assert f'data_path = "{tmp_path}/data"' in text


@pytest.mark.parametrize("name", NAMES)
def test_every_peer_says_what_it_promises(name: str) -> None:
    promises = peer_named(name).promises
    assert all((promises.durable, promises.encrypted, promises.receipts, promises.order, promises.login))


def test_prosody_s_accounts_are_files_as_it_writes_them(tmp_path: Path) -> None:
    place = Place(tmp_path, 5333)
    place.data.mkdir()
    peer_named("prosody").prepare(place, [PeerAccount("ann", "secret")])
    account = tmp_path / "data" / "bench%2eexample" / "accounts" / "ann.dat"
    assert account.read_text() == 'return {\n\t["password"] = "secret";\n};\n'
