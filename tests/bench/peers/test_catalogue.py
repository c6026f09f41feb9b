"""Peers are found by name, and by whether they are installed."""

import pytest

from bench.peers.catalogue import NAMES, how_to_install, peer_named, peers_named, program_of, version_of
from tests.bench.peers.fakes import FakePeer, MissingPeer


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_has_the_name_that_it_is_found_by(name: str) -> None:
    assert peer_named(name).name == name


def test_peers_come_once_each_and_in_the_order_of_the_columns() -> None:
    assert [peer.name for peer in peers_named(["prosody", "ejabberd", "prosody"])] == ["ejabberd", "prosody"]
    assert tuple(peer.name for peer in peers_named(["prosody", "all"])) == NAMES
    assert peers_named([]) == []


def test_a_peer_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="'openfire' is no peer"):
        peers_named(["openfire"])


def test_what_is_not_installed_is_not_found_and_has_no_version() -> None:
    assert program_of(MissingPeer()) is None
    assert program_of(FakePeer()) is not None
    assert version_of(MissingPeer()) == "unknown"
    assert how_to_install(MissingPeer()) == "apt-get install fake-server"
