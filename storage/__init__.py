"""Where things last: the store of a node, the journal that writes a worker's part of it, the tables.

    with prepare_store(data, workers, progress):                # the node's parent process, while it lives
        ...
    with open_store(data, worker) as store:                     # each worker
        journal = WriterJournal(store.own, post, monotonic)
        with store.read_of(device.user) as reader:              # never await in here
            cursor = mailboxes.load_device_queue_state(reader, device)
        cursor, ops = mailboxes.append(device, cursor, message)
        journal.submit([*ops, put_progress(user, sender, progress)], done)

The families are modules, and are used with their names: accounts, codes, fanouts, groups, mailboxes,
payloads, prekeys, profiles, settings. What `progress` has is imported by name: its callers call their values
that.
"""

from storage import (
    accounts,
    bans,
    codes,
    device_lists,
    fanouts,
    groups,
    kem_prekeys,
    mailboxes,
    payloads,
    pins,
    prekeys,
    profiles,
    settings,
)
from storage.backups import backup, is_backup
from storage.checks import check_records
from storage.environment import Environment, EnvironmentStatistics, Reader, open_environment, verify
from storage.errors import (
    READ_ERRORS,
    BackupError,
    CorruptLayoutError,
    CorruptRecordError,
    CorruptSecretsError,
    DataFolderInUseError,
    InvalidOperationError,
    JournalClosedError,
    JournalError,
    JournalFailedError,
    JournalFullError,
    MapTooSmallError,
    MisplacedEnvironmentError,
    MissingEnvironmentError,
    NoRoomToMoveError,
    NoStoreError,
    RestoreError,
    RestoreUnfinishedError,
    SchemaTooNewError,
    StorageError,
    StorageFullError,
    UnreadableStoreError,
)
from storage.figures import JournalStatistics
from storage.folder import FolderLock
from storage.journal import InlineJournal, Journal, WriterJournal
from storage.layout import Layout, read_layout
from storage.node import NodeSecrets, load_or_create_secrets, read_secrets
from storage.outside import OutsideView, holder_of, open_outside
from storage.preparation import prepare_store
from storage.restoration import restore
from storage.routing import Route, RoutingTable, create_routing_table, open_routing_table
from storage.store import Store, open_store
from storage.tables import Delete, DeleteRange, Op, Put, Table

__all__ = [
    "READ_ERRORS",
    "BackupError",
    "CorruptLayoutError",
    "CorruptRecordError",
    "CorruptSecretsError",
    "DataFolderInUseError",
    "Delete",
    "DeleteRange",
    "Environment",
    "EnvironmentStatistics",
    "FolderLock",
    "InlineJournal",
    "InvalidOperationError",
    "Journal",
    "JournalClosedError",
    "JournalError",
    "JournalFailedError",
    "JournalFullError",
    "JournalStatistics",
    "Layout",
    "MapTooSmallError",
    "MisplacedEnvironmentError",
    "MissingEnvironmentError",
    "NoRoomToMoveError",
    "NoStoreError",
    "NodeSecrets",
    "Op",
    "OutsideView",
    "Put",
    "Reader",
    "RestoreError",
    "RestoreUnfinishedError",
    "Route",
    "RoutingTable",
    "SchemaTooNewError",
    "StorageError",
    "StorageFullError",
    "Store",
    "Table",
    "UnreadableStoreError",
    "WriterJournal",
    "accounts",
    "backup",
    "bans",
    "check_records",
    "codes",
    "create_routing_table",
    "device_lists",
    "fanouts",
    "groups",
    "holder_of",
    "is_backup",
    "kem_prekeys",
    "load_or_create_secrets",
    "mailboxes",
    "open_environment",
    "open_outside",
    "open_routing_table",
    "open_store",
    "payloads",
    "pins",
    "prekeys",
    "prepare_store",
    "profiles",
    "read_layout",
    "read_secrets",
    "restore",
    "settings",
    "verify",
]
