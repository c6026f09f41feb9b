-- A store of version 10, made of that of version 9 by the migration.
PRAGMA application_id = 1380929363;
PRAGMA user_version = 10;
BEGIN TRANSACTION;
CREATE TABLE blocks (
    user INTEGER PRIMARY KEY,
    is_blocked INTEGER NOT NULL,
    is_due INTEGER NOT NULL
) STRICT;
INSERT INTO "blocks" VALUES(999,1,0);
CREATE TABLE chat_rules (
    chat INTEGER NOT NULL,
    topic INTEGER NOT NULL,
    value INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,               -- of the message that said so, as in its content
    id BLOB NOT NULL,
    PRIMARY KEY (chat, topic)
) STRICT, WITHOUT ROWID;
CREATE TABLE contact_pause (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    until REAL NOT NULL
) STRICT;
CREATE TABLE contacts (
    phone TEXT PRIMARY KEY,                 -- E.164
    name TEXT NOT NULL,                     -- '' if only the number is known
    is_due INTEGER NOT NULL,                -- the relay is to be asked who has it
    asked_at REAL                           -- when it was last asked; null: never
) STRICT, WITHOUT ROWID;
CREATE TABLE deletions (
    chat INTEGER NOT NULL,
    author INTEGER NOT NULL,
    target BLOB NOT NULL,
    sent_at INTEGER NOT NULL,
    arrived_at REAL NOT NULL, expires_at REAL,
    PRIMARY KEY (chat, author, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE device_lists (
    user INTEGER PRIMARY KEY,
    primary_device INTEGER NOT NULL,
    primary_key BLOB NOT NULL,
    number INTEGER NOT NULL,                -- of the list; 0: there was none
    encoded BLOB,
    signature BLOB,
    checked_at REAL NOT NULL                -- when the relay was asked last
) STRICT;
INSERT INTO "device_lists" VALUES(2827,1,X'0A287165BD99FACE56722E57D735C3E74C76BB58AAEE00CE7E46A3E57AD87319',0,NULL,NULL,0.0);
CREATE TABLE device_names (
    device INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    linked_at REAL                          -- null: not told
) STRICT;
CREATE TABLE edits (
    chat INTEGER NOT NULL,
    author INTEGER NOT NULL,
    target BLOB NOT NULL,
    content BLOB NOT NULL,                  -- the newest edit, encoded
    sent_at INTEGER NOT NULL,
    arrived_at REAL NOT NULL, expires_at REAL,
    PRIMARY KEY (chat, author, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE group_entries (
    group_id INTEGER NOT NULL,
    place INTEGER NOT NULL,                 -- its index in the log
    entry BLOB NOT NULL,                    -- signed, as it came
    PRIMARY KEY (group_id, place)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE group_own_keys (
    group_id INTEGER PRIMARY KEY,
    key_id INTEGER NOT NULL,
    record BLOB NOT NULL,
    epoch INTEGER NOT NULL,                 -- entries of the log that were known when it was made
    made_at REAL NOT NULL
) STRICT;
CREATE TABLE group_peer_keys (
    group_id INTEGER NOT NULL,
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    record BLOB NOT NULL,
    learned_at REAL NOT NULL,
    PRIMARY KEY (group_id, user, device, key_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE group_shares (
    group_id INTEGER NOT NULL,
    user INTEGER NOT NULL,
    message INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,
    key_id INTEGER NOT NULL,
    PRIMARY KEY (group_id, user, message)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE group_welcomes (
    group_id INTEGER NOT NULL,
    user INTEGER NOT NULL,                  -- who has told us
    info_key BLOB NOT NULL,
    place INTEGER NOT NULL,                 -- the newest entry that they know, and its hash
    hash BLOB NOT NULL,
    PRIMARY KEY (group_id, user)
) STRICT, WITHOUT ROWID;
CREATE TABLE group_wishes (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL,
    wish BLOB NOT NULL,                     -- client.groups.wishes
    state INTEGER NOT NULL DEFAULT 0,       -- client.groups.records.WishState
    error_name TEXT,
    wanted_at REAL NOT NULL
) STRICT;
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
CREATE TABLE history_arrivals (
    device INTEGER PRIMARY KEY,             -- from which
    received INTEGER NOT NULL,
    total INTEGER NOT NULL,
    is_done INTEGER NOT NULL
) STRICT;
CREATE TABLE history_transfers (
    device INTEGER PRIMARY KEY,
    before INTEGER NOT NULL,                -- rows of `messages` below this are still to go
    since REAL NOT NULL,                    -- and were stored after this moment
    sent INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL,
    is_done INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE kem_prekeys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    generation INTEGER NOT NULL,
    seed BLOB NOT NULL,
    is_last_resort INTEGER NOT NULL,
    created_at REAL NOT NULL,
    uploaded INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE link_grants (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    encoded BLOB NOT NULL
) STRICT;
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
, profile_generation INTEGER, author INTEGER, gseq INTEGER, epoch INTEGER, for_device INTEGER, life INTEGER, expires_at REAL) STRICT;
INSERT INTO "messages" VALUES(1,X'4CDAEF5DF711D3DC',1,1,2827,NULL,NULL,1,X'8400484CDAEF5DF711D3DC1A01F419006E7772697474656E206265666F7265',1800000000.0,1800000000.0,2,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "messages" VALUES(2,X'27098DAE9B5EEDC5',1,0,2827,NULL,1,1,X'84004827098DAE9B5EEDC51A01F4190069616E20616E73776572',1800000000.0,NULL,16,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "messages" VALUES(3,X'31FB11C3783E1D4B',1,1,2827,NULL,NULL,NULL,X'84004831FB11C3783E1D4B1A01F419006D7374696C6C2077616974696E67',1800000000.0,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE one_time_prekeys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    generation INTEGER NOT NULL,
    private BLOB NOT NULL,
    uploaded INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "one_time_prekeys" VALUES(1,1,X'FF652F2A363FBE15C047E05ACCCCEF1E3899ED512685ED3BD8F09A9CAFD49E26',1);
INSERT INTO "one_time_prekeys" VALUES(2,1,X'0E4B1A6A16CAB2EF1758A53F230FF0CB5865167ED7763543386647055BC9F20D',1);
INSERT INTO "one_time_prekeys" VALUES(3,1,X'50068FAEE4244325E453B3BFF17A729C79DDD284AAEEA562F493FD68AFA66213',1);
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
INSERT INTO "own_devices" VALUES(1,'+4930111111','roost://relay.example',X'5252525252525252525252525252525252525252525252525252525252525252',X'2A48ADBEA4A897CB66CD6DA66112CC96F71855C5DD56D96D6777402D9EC75644',X'11F6752339E5C7455E656527686452E3EBE68C6EA1BCF39A06661BD5DC9F0474',659918,1,1,0);
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
CREATE TABLE parts (
    message INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,
    device INTEGER NOT NULL,
    ciphertext BLOB NOT NULL,
    PRIMARY KEY (message, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE peer_devices (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    identity_key BLOB NOT NULL,
    first_seen_at REAL NOT NULL,
    active INTEGER NOT NULL, is_post_quantum INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;
INSERT INTO "peer_devices" VALUES(2827,1,X'0A287165BD99FACE56722E57D735C3E74C76BB58AAEE00CE7E46A3E57AD87319',1800000000.0,1,0);
CREATE TABLE peer_profiles (
    user INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,     -- of what is here; 0: nothing is
    name TEXT NOT NULL DEFAULT '',
    about TEXT NOT NULL DEFAULT '',
    picture BLOB,
    checked_at REAL NOT NULL DEFAULT 0      -- when the relay was last asked
) STRICT;
CREATE TABLE peers (
    user INTEGER PRIMARY KEY,
    phone TEXT UNIQUE,
    next_number INTEGER NOT NULL DEFAULT 1, -- of the next message to this user
    bundles_stale INTEGER NOT NULL DEFAULT 0 -- the relay said that the device list has changed
, is_contact INTEGER NOT NULL DEFAULT 0, is_named INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "peers" VALUES(2827,'+4930222222',2,0,1,0);
CREATE TABLE reactions (
    chat INTEGER NOT NULL,
    author INTEGER NOT NULL,
    target BLOB NOT NULL,
    reactor INTEGER NOT NULL,
    emoji TEXT,                             -- null: it was taken back
    sent_at INTEGER NOT NULL, expires_at REAL,               -- as in the content; likewise below
    PRIMARY KEY (chat, author, target, reactor)
) STRICT, WITHOUT ROWID;
CREATE TABLE read_marks (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    read INTEGER NOT NULL,
    reported INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE recipients (
    message INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,
    device INTEGER NOT NULL,
    resent INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (message, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE session_renewals (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    is_due INTEGER NOT NULL,
    renewed_at REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    record BLOB NOT NULL,                   -- protocol.e2e.SessionRecord, private keys included
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;
INSERT INTO "sessions" VALUES(2827,1,X'820181850158209634B6BAF3A0CECFE7492A67A1593981A1EDAF9214464570C9D97F12CAE60D51587E526F6F73742031206964656E74697479206B657900157684F890810B6B8A1927CCAC66AA4DD0131B5F4F095B666F0A07CBF44ECE39526F6F73742031206964656E74697479206B6579000A287165BD99FACE56722E57D735C3E74C76BB58AAEE00CE7E46A3E57AD8731900000000000A11CE00010000000000000B0B0001F6875820E3B5D7D9BBF7D39B916F8B393463B66F5409CD8F5B9F67A44FAD36981F6AE241582040AAF071B491323B83D69F00762A56C43D89224A75BC89E8C804F06D5053312C82035820A88C42600671FF8094344A3DE37A5454E16BD0207B8D84E255CB9C5312B8AEE982005820F0514A79FC2E010CEA131FD75B145CEFCE20BCD7C6248E480893BA31965A0A1082015820C84E9094CF604BC1E3E27161D019D37E28DC0AEA68B7BDB2168B4A0076B864190180');
CREATE TABLE settings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_seen TEXT NOT NULL DEFAULT 'everyone',     -- protocol.stanzas.Audience; likewise the next two
    read_receipts TEXT NOT NULL DEFAULT 'everyone',
    profile TEXT NOT NULL DEFAULT 'everyone',
    is_due INTEGER NOT NULL DEFAULT 0,
    is_known INTEGER NOT NULL DEFAULT 0,            -- this device has heard how they stand at the relay
    refusal TEXT                                    -- why the relay refused the last change, if it did
, discoverable TEXT NOT NULL DEFAULT 'everyone') STRICT;
CREATE TABLE signed_lists (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    identity_key BLOB NOT NULL,
    number INTEGER NOT NULL
) STRICT;
CREATE TABLE signed_prekeys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    generation INTEGER NOT NULL,
    private BLOB NOT NULL,
    created_at REAL NOT NULL,
    uploaded INTEGER NOT NULL DEFAULT 0
, is_post_quantum INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "signed_prekeys" VALUES(1,1,X'16E44D0ADBF0CEF40564F907FF2465489E499208809296F702FCFF5DF5A75F7C',1800000000.0,1,0);
CREATE TABLE verifications (
    user INTEGER PRIMARY KEY,
    identity_key BLOB NOT NULL,             -- of their primary device, when it was compared
    verified_at REAL NOT NULL,
    changed_at REAL                         -- null: it still is that key
) STRICT;
CREATE INDEX messages_by_id ON messages (id);
CREATE INDEX messages_by_chat ON messages (user, row);
CREATE UNIQUE INDEX messages_numbered_once ON messages (user, number)
    WHERE outgoing = 1 AND number IS NOT NULL;
CREATE INDEX messages_by_state ON messages (user, state, number) WHERE outgoing = 1 AND number IS NOT NULL;
CREATE INDEX messages_pending ON messages (row) WHERE state = 0;
CREATE INDEX messages_unread ON messages (row) WHERE state = 16;
CREATE INDEX peers_to_name ON peers (user) WHERE is_contact <> is_named;
CREATE INDEX messages_with_key ON messages (user, profile_generation) WHERE profile_generation IS NOT NULL;
CREATE INDEX lost_messages_by_place ON lost_messages (place);
CREATE INDEX messages_unknown ON messages (row) WHERE kind = 2;
CREATE INDEX group_waiting_in_order ON group_waiting (group_id, row);
CREATE INDEX group_wishes_due ON group_wishes (row) WHERE state = 0;
CREATE INDEX group_shares_by_message ON group_shares (message);
CREATE INDEX group_lost_by_place ON group_lost (place);
CREATE UNIQUE INDEX messages_received_once ON messages (user, coalesce(author, user), id) WHERE outgoing = 0;
CREATE INDEX contacts_due ON contacts (phone) WHERE is_due = 1;
CREATE INDEX messages_for_device ON messages (for_device, state) WHERE for_device IS NOT NULL;
CREATE INDEX messages_to_wind ON messages (row) WHERE life IS NOT NULL AND expires_at IS NULL;
CREATE INDEX messages_to_end ON messages (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX reactions_to_end ON reactions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX edits_to_end ON edits (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX deletions_to_end ON deletions (expires_at) WHERE expires_at IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('messages',3);
INSERT INTO "sqlite_sequence" VALUES('one_time_prekeys',3);
INSERT INTO "sqlite_sequence" VALUES('own_devices',1);
INSERT INTO "sqlite_sequence" VALUES('signed_prekeys',1);
INSERT INTO "sqlite_sequence" VALUES('own_devices',1);
INSERT INTO "sqlite_sequence" VALUES('signed_prekeys',1);
INSERT INTO "sqlite_sequence" VALUES('one_time_prekeys',100);
INSERT INTO "sqlite_sequence" VALUES('messages',3);
COMMIT;
