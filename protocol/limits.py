"""Every limit of the wire: a named constant with its unit in the name and its reason above it.

Both sides check them when they encode and when they decode, so what one side may say the other can hear.
Not here: timings, which belong to whoever owns a clock (relay/config.py, the client).
"""

from typing import Final

# --- Frames ---

# 3 bytes of big-endian length, as in WhatsApp's framing: room to grow past 64 KiB in a later version.
FRAME_HEADER_BYTES: Final = 3

# Noise revision 34, section 3: no message may be longer. It also bounds what a hostile peer makes us hold.
MAX_FRAME_BYTES: Final = 65_535

# AES-GCM's tag at the end of every encrypted message.
AEAD_TAG_BYTES: Final = 16

# What is left for stanzas in one transport frame.
MAX_PLAINTEXT_BYTES: Final = MAX_FRAME_BYTES - AEAD_TAG_BYTES

# A frame of nothing but one-byte stanzas would be 65,519 of them: far more work than bytes. This bounds it.
MAX_STANZAS_PER_FRAME: Final = 1_024

# The deepest stanza nests frame > stanza > list > record > key; the rest is room for fields to come.
MAX_CBOR_DEPTH: Final = 8

# --- Numbers ---

# 63 bits, so that every number also fits the signed 64-bit integers of SQLite and of other languages.
MAX_UINT63: Final = 2**63 - 1
MAX_UINT32: Final = 2**32 - 1

# Two bytes in a device's address. Numbers are never reused, so this is registrations per account, ever.
MAX_DEVICE_ID: Final = 2**16 - 1

# One primary and four companions.
MAX_DEVICES_PER_USER: Final = 5

# --- Handles ---

# Bindings a side may hold; each costs the peer about 200 bytes. The binder then reuses the one that it has
# used least recently.
MAX_BINDINGS_PER_SIDE: Final = 4_096

# The client binds even handles from 0, the relay odd ones from 1.
MAX_HANDLE: Final = 2 * MAX_BINDINGS_PER_SIDE - 1

# --- Messages ---

# 60 KiB: one part, with the largest envelope a later version may add, always fits one frame.
MAX_CIPHERTEXT_BYTES: Final = 61_440

# --- Texts ---

# "+" and the 15 digits of E.164 fit with room for a number typed wrongly: the relay then says
# invalid-number, which helps a person more than malformed does.
MAX_PHONE_CHARS: Final = 32

# Codes have 6 digits; a wrong one should be called invalid-code, not malformed.
MAX_CODE_CHARS: Final = 16

# As with codes: what is no PIN is told so by name.
MAX_PIN_CHARS: Final = 16

# The client's program name and version, for the operator's statistics.
MAX_CLIENT_NAME_CHARS: Final = 64

# --- Keys ---

# Curve25519 and Ed25519-style sizes.
KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

# ML-KEM-768 (FIPS 203, table 3).
KEM_KEY_BYTES: Final = 1_184
KEM_CIPHERTEXT_BYTES: Final = 1_088

# With its signature a KEM prekey is 1.3 KB: 40 of them are 51 KB, and still fit one frame.
MAX_KEM_PREKEYS_PER_UPLOAD: Final = 40

# One upload of one-time prekeys: 256 of them are 10 KB. Signal's clients upload 100 at a time.
MAX_PREKEYS_PER_UPLOAD: Final = 256

# --- Lists ---

# People looked up in one request; longer address books take several.
MAX_LOOKUP_PHONES: Final = 256

# What the relay keeps of an account, a page in one answer.
MAX_EXPORTED_ROWS: Final = 2_048
MAX_EXPORTED_ROW_CHARS: Final = 48_000
MAX_TABLE_NAME_CHARS: Final = 32
MAX_EXPORT_PLACE_BYTES: Final = 128

# Chats whose ticks are fetched in one request.
MAX_PROGRESS_USERS: Final = 256

# Runs of expired messages in the progress of one chat: more at once are for a sender who was away for months.
# 256 chats with as many still fit a frame.
MAX_EXPIRED_RUNS: Final = 8

# How long a message may be told to live: a year. What lives longer than the relay keeps it is told to stay.
MAX_LIFE_SECONDS: Final = 366 * 86_400

# Users in one list of a ChangeSettings; longer lists take several requests. Four full lists fit a frame.
MAX_SETTINGS_USERS: Final = 1_024

# Users that one account may block: the answer lists them all, and its mailbox holds them in memory.
MAX_BLOCKED_USERS: Final = 1_024

# --- Groups ---

# As many as the original has; an entry that creates a group of them still fits a frame.
MAX_GROUP_MEMBERS: Final = 1_024

# Entries of a group's log in one stanza; they must also fit a frame together.
MAX_ENTRIES_PER_REQUEST: Final = 256

# Who asks to be let into a group shows a signature by the invitation's key, and their own key.
MAX_JOIN_PROOF_BYTES: Final = 512

# Those who ask to be let into one group at a time. Their proofs fit a frame.
MAX_JOIN_REQUESTS: Final = 64

# --- Profiles ---

# Half of the largest picture, with AES-GCM's nonce and tag: a piece fits a frame, and a picture is two.
MAX_PROFILE_PIECE_BYTES: Final = 32_768 + 28

# Name and about; the picture's first half; its second.
MAX_PROFILE_PIECES: Final = 3

# --- Devices ---

# Five devices are 225 bytes; the rest is room for what a later format says of each.
MAX_DEVICE_LIST_BYTES: Final = 1_024

# A link's name: random, and nobody guesses one within its minute.
LINK_BYTES: Final = 16

# A link's short name, for people who type it: 27,000 links can be open at a time.
NAMEPLATE_CHARS: Final = 3

# One message of a link: the primary's last one brings the people that the account knows. Fits a frame.
MAX_LINK_MESSAGE_BYTES: Final = 49_152

# --- Hello ---

# The first thing a stranger can make us decode (from an IK message it is encrypted to us only).
MAX_HELLO_BYTES: Final = 1_024

# --- Timings that travel ---

# A Welcome that promised an hour of silence would keep a dead connection for two and a half.
MAX_KEEPALIVE_SECONDS: Final = 3_600
