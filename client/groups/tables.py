"""The tables of groups in the phone's store; one of the migrations in ``client/schema.py``.

A chat with a group is a chat: its messages lie in ``messages`` and its counter in ``peers``, with the group's
id where a user's would stand (both are random numbers of one space), and the table ``groups`` tells which
ones are groups.
"""

from typing import Final

GROUP_TABLES: Final = """
-- `log` is what the entries that are here come to, each of them checked; the relay has spoken of `told`.
CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    info_key BLOB,                          -- opens name, description and picture
    name TEXT NOT NULL DEFAULT '',          -- as far as it could be opened; for finding a group by its name
    log BLOB,                               -- protocol.e2e.membership.GroupLog; null: no entry is here
    told INTEGER NOT NULL DEFAULT 0,
    vouched_index INTEGER,                  -- an entry whose hash a member has told us, end to end
    vouched_hash BLOB,
    standing INTEGER NOT NULL DEFAULT 0,    -- client.groups.records.Standing
    problem TEXT                            -- why the relay's log is not believed, if it is not
) STRICT;

CREATE TABLE group_entries (
    group_id INTEGER NOT NULL,
    place INTEGER NOT NULL,                 -- its index in the log
    entry BLOB NOT NULL,                    -- signed, as it came
    PRIMARY KEY (group_id, place)
) STRICT, WITHOUT ROWID;

-- What members have told us of a group of which we cannot judge yet whether they are members.
CREATE TABLE group_welcomes (
    group_id INTEGER NOT NULL,
    user INTEGER NOT NULL,                  -- who has told us
    info_key BLOB NOT NULL,
    place INTEGER NOT NULL,                 -- the newest entry that they know, and its hash
    hash BLOB NOT NULL,
    PRIMARY KEY (group_id, user)
) STRICT, WITHOUT ROWID;

-- Deliveries that cannot be judged before the missing part of the log is here, in order.
CREATE TABLE group_waiting (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL,
    gseq INTEGER NOT NULL,
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    number INTEGER NOT NULL,
    payload BLOB NOT NULL,
    is_entry INTEGER NOT NULL,
    accepted_at REAL
) STRICT;
CREATE INDEX group_waiting_in_order ON group_waiting (group_id, row);

-- What a person wants done with a group; any process may want it, the phone brings it to the relay.
CREATE TABLE group_wishes (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL,
    wish BLOB NOT NULL,                     -- client.groups.wishes
    state INTEGER NOT NULL DEFAULT 0,       -- client.groups.records.WishState
    error_name TEXT,
    wanted_at REAL NOT NULL
) STRICT;
CREATE INDEX group_wishes_due ON group_wishes (row) WHERE state = 0;

-- The sender key with which this device writes to a group.
CREATE TABLE group_own_keys (
    group_id INTEGER PRIMARY KEY,
    key_id INTEGER NOT NULL,
    record BLOB NOT NULL,
    epoch INTEGER NOT NULL,                 -- entries of the log that were known when it was made
    made_at REAL NOT NULL
) STRICT;

-- The sender keys of other devices, newest and earlier ones.
CREATE TABLE group_peer_keys (
    group_id INTEGER NOT NULL,
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    record BLOB NOT NULL,
    learned_at REAL NOT NULL,
    PRIMARY KEY (group_id, user, device, key_id)
) STRICT, WITHOUT ROWID;

-- Who was sent our present key, and with which message (a service of the chat with them).
CREATE TABLE group_shares (
    group_id INTEGER NOT NULL,
    user INTEGER NOT NULL,
    message INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,
    key_id INTEGER NOT NULL,
    PRIMARY KEY (group_id, user, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_shares_by_message ON group_shares (message);

-- Messages of a group that came and could not be opened, while their repetition is waited for.
CREATE TABLE group_lost (
    group_id INTEGER NOT NULL,
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    number INTEGER NOT NULL,
    place INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,
    lost_at REAL NOT NULL,
    asked INTEGER NOT NULL DEFAULT 0,
    asked_at REAL,
    PRIMARY KEY (group_id, user, device, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_lost_by_place ON group_lost (place);

ALTER TABLE messages ADD COLUMN author INTEGER;     -- of what came in a group: who wrote it
ALTER TABLE messages ADD COLUMN gseq INTEGER;       -- and its place in the group's timeline
ALTER TABLE messages ADD COLUMN epoch INTEGER;      -- of what goes to a group: the entry it is sealed behind

-- In a group the same id from two authors is two messages: nobody can take another's place.
DROP INDEX messages_received_once;
CREATE UNIQUE INDEX messages_received_once ON messages (user, coalesce(author, user), id) WHERE outgoing = 0;
"""
