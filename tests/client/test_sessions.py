from pathlib import Path

from client.database import Database
from client.sessions import Sessions
from protocol.e2e import Bundle, IdentityKeyPair, Prekey
from protocol.ids import DeviceAddress, DeviceId, UserId
from tests.client.phones import seeded_entropy

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
    sessions.begin(
        record, identity, Bundle(theirs.public, Prekey.generate(1, entropy).signed_by(theirs), None)
    )
    sessions.store(PEER, record)
    assert sessions.load(OWN, PEER).sending_session == record.sending_session
    assert not sessions.load(OWN, DeviceAddress(PEER.user, DeviceId(2))).can_encrypt
    database.close()


def test_storing_again_replaces_the_record(tmp_path: Path) -> None:
    entropy = seeded_entropy(1)
    database = Database.open(tmp_path, "phone.sqlite")
    sessions = Sessions(database, entropy)
    for _ in range(2):
        sessions.store(PEER, sessions.load(OWN, PEER))
    assert database.value("SELECT count(*) FROM sessions") == 1
    database.close()
