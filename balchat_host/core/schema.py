"""The tables, and the numbered steps that lead to them.

`PRAGMA user_version` counts the steps that a vault has taken. Until the first release there is one step, which is
edited; from then on a step never changes, and a change of the tables is a new one. A vault from a newer balchat is
refused and left as it is.

Peer ids, group ids and message ids are BLOBs; times are Unix milliseconds.
"""

from typing import Final

from balchat_host.api.errors import VaultTooNew
from balchat_host.api.storage import Transaction

_STEP_1: Final = """
-- `relays` are those that our chat code names, and those that a contact's does: onion addresses, divided by spaces.
-- `copied_at` is set in a backup alone: when it was made. `restored_at` is when we last went on from one.
CREATE TABLE account (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    peer_id BLOB NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    relays TEXT NOT NULL DEFAULT '',
    copied_at INTEGER,
    restored_at INTEGER
) STRICT;

-- `asking_since` is when we began to ask them to become a contact, and `reason` why we cannot go on. `missed_request`
-- is whether they asked us while they were blocked, and nobody has seen it. `offered_routes` is what we told them
-- last of how to reach us, and `offered_by` the id of the message. `routes_said_at` is when, by its own clock, a
-- contact said the routes that it said last: what comes late undoes nothing newer. `turned_away` counts how often a
-- KeyPackage of a contact's has led to nothing. `moved` is whether a contact has named other routes, or uses another
-- group, and what they have not confirmed still has to leave again, because that has a limit: 0, or 1 for the routes,
-- 2 for the group. `restored` is whether we have gone on from a backup and not heard from them since.
CREATE TABLE contact (
    id INTEGER PRIMARY KEY,
    peer_id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    verified INTEGER NOT NULL DEFAULT 0,
    blocked INTEGER NOT NULL DEFAULT 0,
    introduction TEXT NOT NULL DEFAULT '',
    offered_routes BLOB,
    offered_by BLOB,
    added_at INTEGER NOT NULL,
    asking_since INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    missed_request INTEGER NOT NULL DEFAULT 0,
    relays TEXT NOT NULL DEFAULT '',
    routes_said_at INTEGER NOT NULL DEFAULT 0,
    turned_away INTEGER NOT NULL DEFAULT 0,
    moved INTEGER NOT NULL DEFAULT 0,
    restored INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The MLS groups of two that carry a contact's conversation; almost always one. We send in the one of the highest
-- rank among those in which we have heard from them, or of the highest rank while we have heard in none.
CREATE TABLE contact_group (
    group_id BLOB PRIMARY KEY,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    rank INTEGER NOT NULL,
    heard INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX group_of_contact ON contact_group (contact, heard, rank);

-- How a contact can be reached, as it told us inside MLS.
CREATE TABLE route (
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    position INTEGER NOT NULL,
    transport TEXT NOT NULL,
    address BLOB NOT NULL,
    sealing_key BLOB,
    not_after INTEGER,
    PRIMARY KEY (contact, position)
) STRICT, WITHOUT ROWID;

-- Contact requests that wait for our approval. `routes` lead to whoever asks, as in a ROUTES message. `group_id` is
-- NULL where we have gone on from a backup since, and so have lost the group.
CREATE TABLE request (
    peer_id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    introduction TEXT NOT NULL,
    group_id BLOB,
    received_at INTEGER NOT NULL,
    routes BLOB NOT NULL
) STRICT;

-- KeyPackages of ours that a stranger holds and has not used; one each.
CREATE TABLE issued_key_package (
    peer_id BLOB PRIMARY KEY,
    key_package BLOB NOT NULL,
    issued_at INTEGER NOT NULL
) STRICT;

-- KeyPackages of ours that lie where strangers can claim them.
CREATE TABLE pooled_key_package (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key_package BLOB NOT NULL,
    last_resort INTEGER NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

-- `seq` is the order in which a conversation is shown. `content` is all that the author said, octet by octet, so that
-- a later version can act on what this one only keeps; `text` is what of it is shown. Authors number their messages
-- within a series, so that one that is withheld shows as a gap.
CREATE TABLE message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    ours INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    text TEXT,
    content BLOB NOT NULL,
    in_reply_to BLOB,
    state TEXT NOT NULL,
    reason TEXT,
    unread INTEGER NOT NULL DEFAULT 0,
    series BLOB,
    sequence INTEGER
) STRICT;
CREATE INDEX message_of_contact ON message (contact, seq);
CREATE INDEX message_unread ON message (contact, seq) WHERE unread = 1;
CREATE INDEX message_in_series ON message (contact, ours, series, sequence) WHERE sequence IS NOT NULL;

-- What waits to leave. `content` is an application message's plaintext, kept so that it can be encrypted once more in
-- another group. `envelope` is what leaves, NULL as long as it is not encrypted, and `group_id` the group that it was
-- encrypted in. `not_before` is when to try again. `confirmed_by` is what proves, inside MLS, that the contact has an
-- envelope: a message id, or the group of a contact request. `stored_at` is when something that keeps it for them
-- took it; until it is confirmed, it stays here. `stale_at` is when the KeyPackage that a contact request was made
-- with is out of date, and the request good for nothing.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    message INTEGER,
    content BLOB,
    envelope BLOB,
    group_id BLOB,
    not_before INTEGER NOT NULL DEFAULT 0,
    queued_at INTEGER NOT NULL,
    confirmed_by BLOB,
    stored_at INTEGER,
    stale_at INTEGER
) STRICT;
CREATE INDEX outbox_of_contact ON outbox (contact, id);
CREATE INDEX outbox_of_handshakes ON outbox (kind, contact) WHERE content IS NULL;
CREATE INDEX outbox_unencrypted ON outbox (contact, id) WHERE envelope IS NULL;
CREATE INDEX outbox_to_store ON outbox (contact, id) WHERE stored_at IS NULL;
CREATE INDEX outbox_confirmed_by ON outbox (confirmed_by) WHERE confirmed_by IS NOT NULL;

-- Envelopes that were taken, so that taking them again is harmless; which message of which contact came in each, and
-- when we last told them that we have it.
CREATE TABLE received (
    envelope_id BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    contact INTEGER,
    message_id BLOB,
    told_at INTEGER
) STRICT, WITHOUT ROWID;

-- Envelopes of contacts that brought up an exception which nobody foresaw, and how often.
CREATE TABLE failed_envelope (
    envelope_id BLOB PRIMARY KEY,
    times INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX failed_longest_ago ON failed_envelope (at);

CREATE TABLE event (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    contact INTEGER,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE subscriber (
    name TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Token buckets for what others may do.
CREATE TABLE bucket (
    name TEXT PRIMARY KEY,
    tokens REAL NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

STEPS: Final = (_STEP_1,)
"""The migrations, oldest first."""

SCHEMA_VERSION: Final = len(STEPS)


def migrate(tx: Transaction, *, steps: tuple[str, ...] = STEPS) -> None:
    """Bring a vault to the present tables; one that is there already stays untouched. Raises VaultTooNew."""
    found = tx.query("PRAGMA user_version")[0][0]
    assert isinstance(found, int)
    if found > len(steps):
        raise VaultTooNew(found=found, known=len(steps))
    for number, step in enumerate(steps[found:], start=found + 1):
        tx.script(step)
        tx.execute(f"PRAGMA user_version = {number}")
