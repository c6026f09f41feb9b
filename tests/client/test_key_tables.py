import sqlite3
from pathlib import Path

from client.key_tables import KEY_TABLES

STORE = Path(__file__).parent / "stores" / "version_7.sql"


def test_prekeys_and_peers_of_before_are_not_post_quantum_and_nobody_is_verified() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(STORE.read_text(encoding="utf-8"))
    connection.executescript(KEY_TABLES)
    for table in ("signed_prekeys", "peer_devices"):
        (flags,) = connection.execute(f"SELECT total(is_post_quantum) FROM {table}").fetchone()
        assert flags == 0
    for table in ("kem_prekeys", "verifications"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    connection.close()
