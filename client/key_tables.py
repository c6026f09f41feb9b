"""What the phone's store got with version 8: KEM prekeys, and contacts whose code has been compared."""

KEY_TABLES = """
-- Signed for PQXDH alone; of a device that was made before there was PQXDH the older ones are not.
ALTER TABLE signed_prekeys ADD COLUMN is_post_quantum INTEGER NOT NULL DEFAULT 0;

-- One-time ones and, one for each signed prekey, last resorts. All that is kept is the seed of the key.
CREATE TABLE kem_prekeys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    generation INTEGER NOT NULL,
    seed BLOB NOT NULL,
    is_last_resort INTEGER NOT NULL,
    created_at REAL NOT NULL,
    uploaded INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Its bundle has had a KEM prekey: one without is not believed any more.
ALTER TABLE peer_devices ADD COLUMN is_post_quantum INTEGER NOT NULL DEFAULT 0;

-- Whose security code the person has compared, and when another one came in its place.
CREATE TABLE verifications (
    user INTEGER PRIMARY KEY,
    identity_key BLOB NOT NULL,             -- of their primary device, when it was compared
    verified_at REAL NOT NULL
) STRICT;
"""
