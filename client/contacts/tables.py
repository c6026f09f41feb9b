"""The table of the address book, and what a person has chosen about being found, as a migration."""

CONTACT_TABLES = """
CREATE TABLE contacts (
    phone TEXT PRIMARY KEY,                 -- E.164
    name TEXT NOT NULL,                     -- '' if only the number is known
    is_due INTEGER NOT NULL,                -- the relay is to be asked who has it
    asked_at REAL                           -- when it was last asked; null: never
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_due ON contacts (phone) WHERE is_due = 1;

-- Until when the relay wants no more questions (one row, made when needed).
CREATE TABLE contact_pause (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    until REAL NOT NULL
) STRICT;

ALTER TABLE settings ADD COLUMN discoverable TEXT NOT NULL DEFAULT 'everyone';
"""
