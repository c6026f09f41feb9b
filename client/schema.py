"""The tables of the phone's store, as the migrations that led to them.

``MIGRATIONS[n]`` turns version n into n + 1; the file's version is SQLite's ``user_version``. A released
migration is never edited, only followed by another; each one that ships brings a file of the version before
as a test fixture.

Ids of users fit 63 bits, hence SQLite's integers. Private keys lie here in clear, guarded by the file's mode
(0600) and folder (0700), as in Signal's and WhatsApp's stores.
"""

from client.contacts.tables import CONTACT_TABLES
from client.groups.tables import GROUP_TABLES
from client.key_tables import KEY_TABLES

_VERSION_1 = """
-- One row a device that this phone is or is about to be: each registration makes a new generation of keys.
-- `user` is null until the relay has registered it. The newest registered generation is the account.
CREATE TABLE own_devices (
    generation INTEGER PRIMARY KEY AUTOINCREMENT,
    phone TEXT NOT NULL,
    relay_url TEXT NOT NULL,
    relay_key BLOB,
    noise_private BLOB NOT NULL,
    identity_seed BLOB NOT NULL,
    user INTEGER,
    device INTEGER,
    cursor INTEGER NOT NULL DEFAULT 0,      -- the highest delivery (seq) that is stored
    logged_out INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Ids count up and are never reused (AUTOINCREMENT), not even after the key is gone.
CREATE TABLE signed_prekeys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    generation INTEGER NOT NULL,
    private BLOB NOT NULL,
    created_at REAL NOT NULL,
    uploaded INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE one_time_prekeys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    generation INTEGER NOT NULL,
    private BLOB NOT NULL,
    uploaded INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE peers (
    user INTEGER PRIMARY KEY,
    phone TEXT UNIQUE,
    next_number INTEGER NOT NULL DEFAULT 1, -- of the next message to this user
    bundles_stale INTEGER NOT NULL DEFAULT 0 -- the relay said that the device list has changed
) STRICT;

-- Every device of a peer that was ever seen; `active` are those to be written to now.
CREATE TABLE peer_devices (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    identity_key BLOB NOT NULL,
    first_seen_at REAL NOT NULL,
    active INTEGER NOT NULL,
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    record BLOB NOT NULL,                   -- protocol.e2e.SessionRecord, private keys included
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;

-- History and outbox in one: what is pending is the outbox. The row number is the order of a chat.
-- Pending without a number: a plaintext that waits. Pending with a number: encrypted, parts in `parts`.
CREATE TABLE messages (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL,
    kind INTEGER NOT NULL,                  -- client.records.EntryKind
    outgoing INTEGER NOT NULL,
    user INTEGER,                           -- null while `phone` has not been looked up
    phone TEXT,
    device INTEGER,                         -- the sender's device, of incoming ones
    number INTEGER,
    content BLOB,                           -- the encoded plaintext (protocol.e2e.content)
    stored_at REAL NOT NULL,
    accepted_at REAL,
    state INTEGER NOT NULL,                 -- client.records.MessageState
    error_name TEXT
) STRICT;

CREATE INDEX messages_by_id ON messages (id);
CREATE INDEX messages_by_chat ON messages (user, row);
-- Content ids are random: the same one from the same user is the same message. Not "from the same device":
-- who registers anew sends what was not accepted again, from a new device.
CREATE UNIQUE INDEX messages_received_once ON messages (user, id) WHERE outgoing = 0;
CREATE UNIQUE INDEX messages_numbered_once ON messages (user, number)
    WHERE outgoing = 1 AND number IS NOT NULL;
-- These keep ticks, the outbox and "unread" independent of how long the history is.
CREATE INDEX messages_by_state ON messages (user, state, number) WHERE outgoing = 1 AND number IS NOT NULL;
CREATE INDEX messages_pending ON messages (row) WHERE state = 0;
CREATE INDEX messages_unread ON messages (row) WHERE state = 16;

CREATE TABLE parts (
    message INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,
    device INTEGER NOT NULL,
    ciphertext BLOB NOT NULL,
    PRIMARY KEY (message, device)
) STRICT, WITHOUT ROWID;

-- Per sender device: how far its messages were read here, and how far the relay has been told so.
CREATE TABLE read_marks (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    read INTEGER NOT NULL,
    reported INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;
"""

_VERSION_2 = """
-- What the person has chosen (one row, made when needed), and what of it the relay has not been told yet.
CREATE TABLE settings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_seen TEXT NOT NULL DEFAULT 'everyone',     -- protocol.stanzas.Audience; likewise the next two
    read_receipts TEXT NOT NULL DEFAULT 'everyone',
    profile TEXT NOT NULL DEFAULT 'everyone',
    is_due INTEGER NOT NULL DEFAULT 0,
    is_known INTEGER NOT NULL DEFAULT 0,            -- this device has heard how they stand at the relay
    refusal TEXT                                    -- why the relay refused the last change, if it did
) STRICT;

CREATE TABLE blocks (
    user INTEGER PRIMARY KEY,
    is_blocked INTEGER NOT NULL,
    is_due INTEGER NOT NULL
) STRICT;

ALTER TABLE peers ADD COLUMN is_contact INTEGER NOT NULL DEFAULT 0;    -- we have written to them
ALTER TABLE peers ADD COLUMN is_named INTEGER NOT NULL DEFAULT 0;      -- the relay knows them as a contact
UPDATE peers SET is_contact = 1 WHERE user IN (SELECT user FROM messages WHERE outgoing = 1);
CREATE INDEX peers_to_name ON peers (user) WHERE is_contact <> is_named;

-- One's own profile (one row). Each change of the key is a new generation.
CREATE TABLE own_profile (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL DEFAULT '',
    about TEXT NOT NULL DEFAULT '',
    picture BLOB,
    key BLOB NOT NULL,
    generation INTEGER NOT NULL,
    version INTEGER NOT NULL,               -- 0: it has been removed
    is_due INTEGER NOT NULL
) STRICT;

-- Which generation of the key went out with a message.
ALTER TABLE messages ADD COLUMN profile_generation INTEGER;
CREATE INDEX messages_with_key ON messages (user, profile_generation) WHERE profile_generation IS NOT NULL;

CREATE TABLE peer_profiles (
    user INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,     -- of what is here; 0: nothing is
    name TEXT NOT NULL DEFAULT '',
    about TEXT NOT NULL DEFAULT '',
    picture BLOB,
    checked_at REAL NOT NULL DEFAULT 0      -- when the relay was last asked
) STRICT;
"""

_VERSION_3 = """
-- Messages that came and could not be opened, while their repetition is waited for.
CREATE TABLE lost_messages (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    number INTEGER NOT NULL,
    place INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE, -- what stands for it in the history
    lost_at REAL NOT NULL,
    asked INTEGER NOT NULL DEFAULT 0,
    asked_at REAL,                          -- the last time
    PRIMARY KEY (user, device, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX lost_messages_by_place ON lost_messages (place);

CREATE TABLE session_renewals (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    is_due INTEGER NOT NULL,
    renewed_at REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;

-- For which devices a message was encrypted, and how often each was sent it again.
CREATE TABLE recipients (
    message INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,
    device INTEGER NOT NULL,
    resent INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (message, device)
) STRICT, WITHOUT ROWID;
INSERT INTO recipients (message, device) SELECT message, device FROM parts;
"""

_VERSION_4 = """
-- What was said about messages afterwards (client/changes.py). `chat` is the other side of the conversation,
-- `author` who wrote the message that is meant, `target` its id; the message may come later, or never.
CREATE TABLE reactions (
    chat INTEGER NOT NULL,
    author INTEGER NOT NULL,
    target BLOB NOT NULL,
    reactor INTEGER NOT NULL,
    emoji TEXT,                             -- null: it was taken back
    sent_at INTEGER NOT NULL,               -- as in the content; likewise below
    PRIMARY KEY (chat, author, target, reactor)
) STRICT, WITHOUT ROWID;

CREATE TABLE edits (
    chat INTEGER NOT NULL,
    author INTEGER NOT NULL,
    target BLOB NOT NULL,
    content BLOB NOT NULL,                  -- the newest edit, encoded
    sent_at INTEGER NOT NULL,
    arrived_at REAL NOT NULL,
    PRIMARY KEY (chat, author, target)
) STRICT, WITHOUT ROWID;

-- Only of messages that are not here yet.
CREATE TABLE deletions (
    chat INTEGER NOT NULL,
    author INTEGER NOT NULL,
    target BLOB NOT NULL,
    sent_at INTEGER NOT NULL,
    arrived_at REAL NOT NULL,
    PRIMARY KEY (chat, author, target)
) STRICT, WITHOUT ROWID;

-- What this version does not understand and the next one may.
CREATE INDEX messages_unknown ON messages (row) WHERE kind = 2;
"""

_VERSION_7 = """
-- Who an account is by its primary device, and the newest list of its devices that the primary has signed.
CREATE TABLE device_lists (
    user INTEGER PRIMARY KEY,
    primary_device INTEGER NOT NULL,
    primary_key BLOB NOT NULL,
    number INTEGER NOT NULL,                -- of the list; 0: there was none
    encoded BLOB,
    signature BLOB,
    checked_at REAL NOT NULL                -- when the relay was asked last
) STRICT;
INSERT INTO device_lists SELECT user, device, identity_key, 0, NULL, NULL, 0 FROM peer_devices p
    WHERE device = (SELECT max(device) FROM peer_devices q WHERE q.user = p.user);

-- A message for one device alone: the user's other devices get word that it is not for them.
ALTER TABLE messages ADD COLUMN for_device INTEGER;
CREATE INDEX messages_for_device ON messages (for_device, state) WHERE for_device IS NOT NULL;

-- What of the history goes to a new device of one's own, newest first; one row a device.
CREATE TABLE history_transfers (
    device INTEGER PRIMARY KEY,
    before INTEGER NOT NULL,                -- rows of `messages` below this are still to go
    since REAL NOT NULL,                    -- and were stored after this moment
    sent INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL,
    is_done INTEGER NOT NULL DEFAULT 0
) STRICT;

-- And what has come of it, on the new device.
CREATE TABLE history_arrivals (
    device INTEGER PRIMARY KEY,             -- from which
    received INTEGER NOT NULL,
    total INTEGER NOT NULL,
    is_done INTEGER NOT NULL
) STRICT;
"""

DEVICE_TABLES = """
-- What the devices of this account are called.
CREATE TABLE device_names (
    device INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    linked_at REAL                          -- null: not told
) STRICT;

-- What the primary has given this device while it is being linked, until the relay has confirmed it.
CREATE TABLE link_grants (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    encoded BLOB NOT NULL
) STRICT;

-- The highest number of a device list that was ever signed here, whatever became of it.
CREATE TABLE signed_lists (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    identity_key BLOB NOT NULL,
    number INTEGER NOT NULL
) STRICT;
"""

_CHAT_RULES = """
-- How long a message lives, and when it ends: null as long as it has not been sent, and if it stays.
ALTER TABLE messages ADD COLUMN life INTEGER;
ALTER TABLE messages ADD COLUMN expires_at REAL;
CREATE INDEX messages_to_wind ON messages (row) WHERE life IS NOT NULL AND expires_at IS NULL;
CREATE INDEX messages_to_end ON messages (expires_at) WHERE expires_at IS NOT NULL;

-- What is said about a message ends with it; this is for those whose message is not here.
ALTER TABLE reactions ADD COLUMN expires_at REAL;
ALTER TABLE edits ADD COLUMN expires_at REAL;
ALTER TABLE deletions ADD COLUMN expires_at REAL;
CREATE INDEX reactions_to_end ON reactions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX edits_to_end ON edits (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX deletions_to_end ON deletions (expires_at) WHERE expires_at IS NOT NULL;

-- What holds in a chat (client/chat_rules.py); `chat` is a user or a group.
CREATE TABLE chat_rules (
    chat INTEGER NOT NULL,
    topic INTEGER NOT NULL,
    value INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,               -- of the message that said so, as in its content
    id BLOB NOT NULL,
    PRIMARY KEY (chat, topic)
) STRICT, WITHOUT ROWID;
"""

_PRIMARY_KEYS = """
-- The keys that a primary device of the user has had, the present one and earlier ones: no companion's.
CREATE TABLE primary_keys (
    user INTEGER NOT NULL,
    identity_key BLOB NOT NULL,
    PRIMARY KEY (user, identity_key)
) STRICT, WITHOUT ROWID;
INSERT INTO primary_keys SELECT user, primary_key FROM device_lists;
"""

MIGRATIONS: tuple[str, ...] = (
    _VERSION_1,
    _VERSION_2,
    _VERSION_3,
    _VERSION_4,
    GROUP_TABLES,
    CONTACT_TABLES,
    _VERSION_7,
    KEY_TABLES,
    _CHAT_RULES,
    DEVICE_TABLES,
    _PRIMARY_KEYS,
)

CURRENT_VERSION = len(MIGRATIONS)
