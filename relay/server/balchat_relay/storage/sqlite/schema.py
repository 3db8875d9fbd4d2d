"""The tables of the SQLite store, and how a connection to them is opened.

No onion, peer id or capability lies in them: ids and verifiers are hashes, envelopes are sealed, cards encrypted. Blobs
lie in files beside the database (`blob_files`); `blobs.file` is what each is called there.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from balchat_relay.errors import StoreMissing, StoreUnusable

VERSION: Final = 1
_APPLICATION: Final = 0x62_61_72_31  # "bar1"

HEAD_SIZE: Final = 100
_MAGIC: Final = b"SQLite format 3\x00"
_APPLICATION_AT: Final = slice(68, 72)
"""Where the head of a database file has its application id (SQLite's file format, section 1.3)."""

_WAL_PAGES: Final = 16_384
"""64 MiB of 4 KiB pages between checkpoints: each costs two waits for the disk."""

_TABLES: Final = """
CREATE TABLE queues (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    send BLOB,
    receive BLOB,
    seen INTEGER NOT NULL,
    next INTEGER NOT NULL DEFAULT 1,
    envelopes INTEGER NOT NULL DEFAULT 0,
    octets INTEGER NOT NULL DEFAULT 0,
    cards INTEGER NOT NULL DEFAULT 0,
    pool INTEGER NOT NULL DEFAULT 0,
    hour INTEGER NOT NULL DEFAULT 0,
    puts INTEGER NOT NULL DEFAULT 0,
    claims INTEGER NOT NULL DEFAULT 0,
    blobs INTEGER NOT NULL DEFAULT 0,
    blob_octets INTEGER NOT NULL DEFAULT 0,
    blobs_until INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX queues_by_seen ON queues (seen);
CREATE INDEX queues_by_blobs_until ON queues (blobs_until) WHERE blobs > 0;
CREATE TABLE blobs (
    number INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    id BLOB NOT NULL UNIQUE,
    deletion BLOB NOT NULL,
    size INTEGER NOT NULL,
    file TEXT NOT NULL
) STRICT;
CREATE INDEX blobs_by_queue ON blobs (queue);
CREATE TABLE envelopes (
    number INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    id BLOB NOT NULL,
    arrived INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX envelopes_by_sequence ON envelopes (queue, sequence);
CREATE UNIQUE INDEX envelopes_by_id ON envelopes (queue, id);
CREATE TABLE acknowledged (
    queue INTEGER NOT NULL,
    id BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (queue, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX acknowledged_by_until ON acknowledged (until);
CREATE TABLE cards (
    number INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    last_resort INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX cards_by_queue ON cards (queue, last_resort);
CREATE TABLE tokens (
    queue INTEGER NOT NULL,
    verifier BLOB NOT NULL,
    PRIMARY KEY (queue, verifier)
) STRICT, WITHOUT ROWID;
CREATE TABLE invitations (
    verifier BLOB PRIMARY KEY,
    queues INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE totals (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    queues INTEGER NOT NULL,
    envelopes INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    cards INTEGER NOT NULL,
    blobs INTEGER NOT NULL,
    blob_octets INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 0);
CREATE TABLE relay (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    draining INTEGER NOT NULL
) STRICT;
INSERT INTO relay VALUES (1, 0);
"""


def connect(path: Path, *, cache_kib: int) -> sqlite3.Connection:
    """Open a connection that any one thread at a time may use. Raise sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # what is answered survives a power cut
        "secure_delete=ON",  # what is deleted is overwritten, not only unlinked
        "temp_store=MEMORY",
        "trusted_schema=OFF",
        f"cache_size=-{cache_kib}",
        f"wal_autocheckpoint={_WAL_PAGES}",
        "busy_timeout=10000",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def is_empty(head: bytes) -> bool:
    """Return whether nothing was ever made in a file, by its first HEAD_SIZE octets."""
    return not head or (head.startswith(_MAGIC) and not any(head[_APPLICATION_AT]))


def create(path: Path) -> None:
    """Make an empty store, or leave a whole one as it is. Raise StoreUnusable, sqlite3.Error."""
    with closing(connect(path, cache_kib=1024)) as connection:
        prepare(connection, new=True)


def has_queues(path: Path) -> bool:
    """Return whether a store has a queue; True where it cannot be read."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT 1 FROM queues LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return True


def prepare(connection: sqlite3.Connection, *, new: bool) -> None:
    """Make the tables in a `new` database; refuse one that is something else. Raise StoreMissing, StoreUnusable."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if (version, application) == (0, 0):
        if not new:
            raise StoreMissing("The store is empty.")
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id={_APPLICATION}; PRAGMA user_version={VERSION}; COMMIT;"
        )
    elif application != _APPLICATION:
        raise StoreUnusable("This file is no relay's database. Give the relay a folder of its own.")
    elif version != VERSION:
        raise StoreUnusable(f"The database has version {version}, and this balchat-relay knows {VERSION}. Update it.")


def blob_files(connection: sqlite3.Connection) -> set[str]:
    """Return what the files of all blobs are called."""
    return {file for (file,) in connection.execute("SELECT file FROM blobs")}


def is_draining(connection: sqlite3.Connection) -> bool:
    """Return whether the operator wants nothing new to be taken."""
    (draining,) = connection.execute("SELECT draining FROM relay").fetchone()
    return bool(draining)
