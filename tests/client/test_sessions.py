from pathlib import Path

import pytest

from client.database import Database
from client.peers import Peers
from client.sessions import Sessions
from protocol.e2e import Bundle, DowngradedBundleError, IdentityKeyPair, KemPrekey, Prekey
from protocol.ids import DeviceAddress, DeviceId, UserId
from tests.client.phones import SettableClock, seeded_entropy

OWN = DeviceAddress(UserId(1), DeviceId(1))
PEER = DeviceAddress(UserId(2), DeviceId(1))


def test_who_is_not_known_has_an_empty_record(tmp_path: Path) -> None:
    database = Database.open(tmp_path, "phone.sqlite")
    assert not Sessions(database, seeded_entropy(1)).load(OWN, PEER).can_encrypt
    database.close()


def test_a_stored_record_is_loaded_again_for_its_device_only(tmp_path: Path) -> None:
    entropy = seeded_entropy(1)
    database = Database.open(tmp_path, "phone.sqlite")
    sessions = Sessions(database, entropy)
    identity, theirs = IdentityKeyPair.generate(entropy), IdentityKeyPair.generate(entropy)
    record = sessions.load(OWN, PEER)
    signed = Prekey.generate(1, entropy).signed_by(theirs)
    sessions.begin(record, PEER, identity, Bundle(theirs.public, signed, None))
    sessions.store(PEER, record)
    assert sessions.load(OWN, PEER).sending_session == record.sending_session
    assert not sessions.load(OWN, DeviceAddress(PEER.user, DeviceId(2))).can_encrypt
    database.close()


def test_a_device_that_has_done_pqxdh_is_not_believed_to_do_without(tmp_path: Path) -> None:
    """The relay plays the bundle of before the device had KEM prekeys: its signature is still good."""
    entropy = seeded_entropy(1)
    database = Database.open(tmp_path, "phone.sqlite")
    sessions = Sessions(database, entropy)
    identity, theirs = IdentityKeyPair.generate(entropy), IdentityKeyPair.generate(entropy)
    kem = KemPrekey.generate(1, entropy).signed_by(theirs)
    signed = [Prekey.generate(n, entropy).signed_by(theirs, post_quantum=n == 2) for n in (1, 2)]
    old, new = Bundle(theirs.public, signed[0], None), Bundle(theirs.public, signed[1], None, kem)
    Peers(database, entropy, SettableClock())._learn_device(PEER, theirs.public)
    for bundle in (old, new, new):
        sessions.begin(sessions.load(OWN, PEER), PEER, identity, bundle)
    record = sessions.load(OWN, PEER)
    with pytest.raises(DowngradedBundleError):
        sessions.begin(record, PEER, identity, old)
    assert not record.can_encrypt
    database.close()


def test_storing_again_replaces_the_record(tmp_path: Path) -> None:
    entropy = seeded_entropy(1)
    database = Database.open(tmp_path, "phone.sqlite")
    sessions = Sessions(database, entropy)
    for _ in range(2):
        sessions.store(PEER, sessions.load(OWN, PEER))
    assert database.value("SELECT count(*) FROM sessions") == 1
    database.close()
