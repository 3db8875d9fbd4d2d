"""The tables, and the numbered steps that lead to them. docs/data-model.md shows them as a picture.

`PRAGMA user_version` counts the steps that a vault has taken. Until the first release there is one step, which is
edited; from then on a step never changes, and a change of the tables is a new one. A vault from a newer balchat is
refused and left as it is.

Keys, MLS group ids and message ids are BLOBs; times are Unix milliseconds. Numbers of peers, eras, messages, deliveries
and events (AUTOINCREMENT) are never given out twice: whoever still holds one of a row that is gone finds nothing.
"""

from typing import Final

from balchat_host.api.errors import VaultTooNew
from balchat_host.api.storage import Transaction

_STEP_1: Final = """
-- Everybody whom we know of, ourselves among them. `account_key` is the peer id, an Ed25519 public key. What grows for
-- ever names a peer by its number without REFERENCES: or to forget somebody would look at every message there is.
-- `peers.forget` sees that nothing of theirs is left.
CREATE TABLE peer (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_key BLOB NOT NULL UNIQUE
) STRICT;

-- What a peer uses balchat on, ourselves too; `device_id` is what its account calls it. Devices cannot be linked yet,
-- so a peer has one at a time (`peers.know_device`). `routes_said_at` is when, by its own clock, it said the routes
-- that it said last: what comes late undoes nothing newer.
CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    peer INTEGER NOT NULL REFERENCES peer ON DELETE CASCADE,
    device_id BLOB NOT NULL,
    routes_said_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (peer, device_id)
) STRICT;

-- `account_key` is that of `peer`: every look-up of a contact asks who we are. `device_id` is that of the device that
-- this vault is, `device_onion_seed` the Ed25519 seed of its onion. `copied_at` is set in a backup alone: when it was
-- made. `restored_at` is when we last went on from one.
CREATE TABLE account (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    peer INTEGER NOT NULL REFERENCES peer,
    account_key BLOB NOT NULL,
    device_id BLOB NOT NULL,
    device_onion_seed BLOB NOT NULL,
    name TEXT NOT NULL,
    copied_at INTEGER,
    restored_at INTEGER
) STRICT;

-- The relays that our chat code names, by the key in their onion address.
CREATE TABLE account_relay (
    position INTEGER PRIMARY KEY,
    relay_key BLOB NOT NULL
) STRICT;

-- `conversation_id` is what members call it, the same at all of them. `title` is a group's. Messages up to `read_up_to`
-- are read. `muted_until` is NULL where it is not muted. `draft` is what our owner has begun to write. `sending_era` is
-- the era that we send in (`eras.choice`), NULL where there is none.
--
-- The timer: what is written from now on expires `expire_after` seconds after it was read. `timer_by` is the peer who
-- set it last, `timer_at` when, by that peer's clock; `timer_sequence` and `timer_id` are of the message that said so.
-- `withdrawn` is how many that were encrypted have been withdrawn since nothing waited (`messages.erasing`).
-- `fetch_up_to`: files of others of up to so many octets are fetched by themselves; NULL is as the configuration says.
CREATE TABLE conversation (
    id INTEGER PRIMARY KEY,
    conversation_id BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('direct', 'group', 'self')),
    title TEXT,
    title_key TEXT,
    read_up_to INTEGER NOT NULL DEFAULT 0,
    muted_until INTEGER,
    archived INTEGER NOT NULL DEFAULT 0,
    draft TEXT NOT NULL DEFAULT '',
    expire_after INTEGER,
    timer_by INTEGER,
    timer_at INTEGER NOT NULL DEFAULT 0,
    timer_sequence INTEGER NOT NULL DEFAULT 0,
    timer_id BLOB NOT NULL DEFAULT x'',
    sending_era INTEGER,
    fetch_up_to INTEGER,
    withdrawn INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX conversation_by_title ON conversation (title_key) WHERE title_key IS NOT NULL;

-- Who is in a conversation, ourselves among them.
CREATE TABLE member (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    peer INTEGER NOT NULL REFERENCES peer,
    PRIMARY KEY (conversation, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_of_peer ON member (peer);

-- A peer whom our owner has added or accepted. `conversation` is the one of two with them.
CREATE TABLE contact (
    peer INTEGER PRIMARY KEY REFERENCES peer ON DELETE CASCADE,
    conversation INTEGER NOT NULL UNIQUE REFERENCES conversation,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    verified INTEGER NOT NULL DEFAULT 0,
    blocked INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The relays that a contact's chat code named.
CREATE TABLE contact_relay (
    peer INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    position INTEGER NOT NULL,
    relay_key BLOB NOT NULL,
    PRIMARY KEY (peer, position)
) STRICT, WITHOUT ROWID;

-- How far we are in becoming contacts (`first_contact.machine`). `began_at` is when we began to ask, `failures` how
-- often a KeyPackage of theirs has led to nothing since, and `reason` what keeps us from going on. `restored` is
-- whether we have gone on from a backup and not heard from them since. `missed_request` is whether they asked us while
-- they were blocked, and nobody has seen it. `asked_at` is when they made the newest request of theirs that we took.
CREATE TABLE first_contact (
    peer INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    phase TEXT NOT NULL,
    introduction TEXT NOT NULL DEFAULT '',
    began_at INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    restored INTEGER NOT NULL DEFAULT 0,
    missed_request INTEGER NOT NULL DEFAULT 0,
    asked_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- An MLS group in the life of a conversation (docs/spec/eras.md). `era_id` is what its messages call it. That of a
-- contact request that nobody has accepted has no conversation. `requested`: it came, or left, with a contact request.
-- `confirmed`: the other side has proved that it holds the group. `followed_at` is since when it has done its service,
-- `followed_up` the same as a time up (`up_time`); both are NULL where it has not.
CREATE TABLE era (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    era_id BLOB NOT NULL UNIQUE,
    mls_group_id BLOB NOT NULL UNIQUE,
    conversation INTEGER REFERENCES conversation ON DELETE CASCADE,
    founder INTEGER NOT NULL,
    requested INTEGER NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0,
    founded_at INTEGER NOT NULL,
    followed_at INTEGER,
    followed_up INTEGER
) STRICT;
CREATE INDEX era_of_conversation ON era (conversation);
CREATE INDEX era_followed ON era (followed_at) WHERE followed_at IS NOT NULL;

-- The ids of the eras that one names, and of those that it counts as naming; they need not be here.
CREATE TABLE named_era (
    era INTEGER NOT NULL REFERENCES era ON DELETE CASCADE,
    era_id BLOB NOT NULL,
    PRIMARY KEY (era, era_id)
) STRICT, WITHOUT ROWID;

-- The ids of eras that have gone: what comes in one is of no use any more.
CREATE TABLE gone_era (
    era_id BLOB PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    gone_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX gone_era_of_conversation ON gone_era (conversation, gone_at);
CREATE INDEX gone_longest_ago ON gone_era (gone_at);

-- How long this account has been up, in milliseconds, as of `at`.
CREATE TABLE up_time (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    up INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- The transports by which something may be stored for us, and up to which time up all of that was read.
CREATE TABLE read_to_end (
    transport TEXT PRIMARY KEY,
    up INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Contact requests that wait for our owner. `device_id` is which device of theirs asks, and `routes` lead to it, as in
-- a ROUTES message. `made_at` is when, by their clock. `era` is NULL where we have gone on from a backup since, and so
-- have lost the group.
CREATE TABLE request (
    peer INTEGER PRIMARY KEY REFERENCES peer ON DELETE CASCADE,
    device_id BLOB NOT NULL,
    era INTEGER UNIQUE REFERENCES era ON DELETE SET NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    introduction TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    routes BLOB NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

-- How a device of a contact's can be reached, as it told us inside MLS.
CREATE TABLE route (
    device INTEGER NOT NULL REFERENCES device ON DELETE CASCADE,
    position INTEGER NOT NULL,
    transport TEXT NOT NULL,
    address BLOB NOT NULL,
    sealing_key BLOB,
    not_after INTEGER,
    client_key BLOB,
    PRIMARY KEY (device, position)
) STRICT, WITHOUT ROWID;

-- What we told a contact last of how to reach us, NULL where it counts as not told, and the id of the message in which
-- we did, where it was one of its own.
CREATE TABLE offered_routes (
    peer INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    routes BLOB,
    message_id BLOB
) STRICT;

-- KeyPackages of ours that others may use. One that was handed to a peer who asked, or given to one for new eras,
-- has that peer as its `holder`; the others lie where strangers can claim them. One for new eras has its reference (RFC
-- 9420, section 5.2); those of one `batch` were given in one message, and `goes_up` is at which time up it goes, NULL
-- while none that was given later is used.
CREATE TABLE own_key_package (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL CHECK (purpose IN ('handed', 'pooled', 'last-resort', 'contact')),
    holder BLOB,
    key_package BLOB NOT NULL,
    reference BLOB,
    batch INTEGER,
    made_at INTEGER NOT NULL,
    goes_up INTEGER,
    CHECK ((purpose IN ('handed', 'contact')) = (holder IS NOT NULL)),
    CHECK ((purpose = 'contact') = (reference IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX own_key_package_handed ON own_key_package (holder) WHERE purpose = 'handed';
CREATE INDEX own_key_package_of_purpose ON own_key_package (purpose, made_at);
CREATE INDEX own_key_package_of_contact ON own_key_package (holder, id) WHERE purpose = 'contact';
CREATE UNIQUE INDEX own_key_package_by_reference ON own_key_package (reference) WHERE reference IS NOT NULL;

-- KeyPackages that a device of a contact's gave us for new eras, by the time at which it said so.
CREATE TABLE contact_key_package (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device INTEGER NOT NULL REFERENCES device ON DELETE CASCADE,
    key_package BLOB NOT NULL,
    said_at INTEGER NOT NULL
) STRICT;
CREATE INDEX contact_key_package_of_device ON contact_key_package (device, said_at);

-- How the conversation with a contact heals. `ours_at` and `theirs_at` are when an era that we, or they, founded was
-- first heard in. `renewed_at` is when one was last, `due_at` when the next one is due, if there is use; `wanted` is
-- whether it is due at once. `founded_at` is when we last founded one, `failures` how often they have refused one since
-- they opened one. `given_at` is when we last gave them KeyPackages, `asked_at` since when we wait for some of theirs.
CREATE TABLE renewal (
    peer INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    ours_at INTEGER,
    theirs_at INTEGER,
    renewed_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    wanted INTEGER NOT NULL DEFAULT 0,
    founded_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    given_at INTEGER,
    asked_at INTEGER
) STRICT;

-- By which way messages came and went: over which transport, directly or not, and at which relay they lay, by its onion
-- address; empty where there was none, or it is not known.
CREATE TABLE way (
    id INTEGER PRIMARY KEY,
    transport TEXT NOT NULL,
    direct INTEGER NOT NULL,
    relay TEXT NOT NULL,
    UNIQUE (transport, direct, relay)
) STRICT;

-- `seq` is the order in which a conversation is shown. `content` is all that the author said first, octet by octet, so
-- that a later version can act on what this one only keeps. `text`, with type and disposition, is what is shown now:
-- that of the latest `version`. Authors number their messages within a series, so that a withheld one shows as a gap.
--
-- It expires at `expires_at`; where that is NULL, `expires_after` seconds after it was read, if that is not. `removal`
-- is a `rows.Removal`: the row stays without content, so that the message does not come back. Two authors may say that
-- one id is deleted, and only one of them can have written it (`messages.adding`). `way` is how one of others came.
CREATE TABLE message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    author INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    disposition INTEGER NOT NULL,
    text TEXT,
    content BLOB NOT NULL,
    in_reply_to BLOB,
    series BLOB,
    sequence INTEGER,
    expires_after INTEGER,
    expires_at INTEGER,
    removal TEXT,
    mentions_us INTEGER NOT NULL DEFAULT 0,
    way INTEGER REFERENCES way,
    UNIQUE (id, author)
) STRICT;
CREATE INDEX message_of_conversation ON message (conversation, seq, author, sent_at, removal);
CREATE INDEX message_in_series ON message (conversation, author, series, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX message_to_expire ON message (removal, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX message_to_expire_once_read ON message (conversation, seq)
    WHERE expires_after IS NOT NULL AND expires_at IS NULL;
CREATE INDEX message_that_mentions_us ON message (conversation, seq) WHERE mentions_us = 1;

-- The number of the last message that we wrote into a conversation, and its series (`messages.numbering`).
CREATE TABLE own_series (
    conversation INTEGER PRIMARY KEY REFERENCES conversation ON DELETE CASCADE,
    series BLOB NOT NULL,
    last INTEGER NOT NULL
) STRICT;

-- What we said besides the messages that are here, and when, in days since 1970 (`own_message_ids`).
CREATE TABLE own_message_id (
    id BLOB PRIMARY KEY,
    day INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX own_message_id_of_day ON own_message_id (day);

-- What our owner should hear about a contact (`alarms`): when it came first and last, how often, and when we last told.
CREATE TABLE alarm (
    peer INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    kind TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (peer, kind)
) STRICT, WITHOUT ROWID;

-- What an author said in place of the message whose id is `replaces`, which is that of its first version. `message` is
-- that message, NULL until it comes, and where this changes nothing: then `content` is empty. `id` names this version;
-- `sent_at`, `sequence`, `id` is their order.
CREATE TABLE version (
    id BLOB NOT NULL UNIQUE,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    author INTEGER NOT NULL,
    replaces BLOB NOT NULL,
    message INTEGER REFERENCES message ON DELETE CASCADE,
    sent_at INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX version_of_message ON version (message, sent_at, sequence, id) WHERE message IS NOT NULL;
CREATE INDEX version_that_waits ON version (conversation, replaces) WHERE message IS NULL;

-- What somebody reacted with: one emoji. `id` is that of the message that said so, which may have several. `message` is
-- what it is a reaction to, NULL until it comes; `refers_to` is that message's id, or that of the version seen. `emoji`
-- is NULL where the reaction was taken back: then the row keeps a late original from coming back.
CREATE TABLE reaction (
    id BLOB NOT NULL,
    place INTEGER NOT NULL,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    author INTEGER NOT NULL,
    refers_to BLOB,
    message INTEGER REFERENCES message ON DELETE CASCADE,
    emoji TEXT,
    sent_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    UNIQUE (id, author, place)
) STRICT;
CREATE INDEX reaction_to_message ON reaction (message, author) WHERE message IS NOT NULL;
CREATE INDEX reaction_that_waits ON reaction (conversation, refers_to) WHERE message IS NULL;

-- A file that messages offer, ours or others'. Front ends call it `file_id`; `name` is harmless (`files.names`).
-- `root`, `key` and `header` are of docs/spec/files.md, NULL while our owner's front end writes it. `stored_as` is what
-- it is called in the folder of files, NULL where nothing of it lies there: the row is there first, so whatever has no
-- row can be deleted. `state` is a `views.FileState`. `parts` is a `shape.Bitmap` while not all of them are here.
-- `peer` is who offers it, NULL for ours; `wanted_at` is when our owner wanted it. `told_parts` is of how many parts
-- its author was told that they are here, NULL where they were told nothing, or that it is not wanted; `asked_at` is
-- when they were last asked to leave parts at relays. `width` and `height` are of a picture, `duration` and `levels` of
-- a voice message (`files.preview`). Of ours, `metadata_removed` has what was taken out of it, separated by commas, and
-- `may_hold_metadata` says that nothing was.
CREATE TABLE file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id BLOB NOT NULL UNIQUE,
    peer INTEGER,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB,
    key BLOB,
    header BLOB,
    stored_as TEXT,
    state TEXT NOT NULL,
    reason TEXT,
    parts BLOB NOT NULL DEFAULT x'',
    wanted_at INTEGER,
    told_parts INTEGER,
    asked_at INTEGER NOT NULL DEFAULT 0,
    made_at INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    duration INTEGER,
    levels BLOB,
    metadata_removed TEXT NOT NULL DEFAULT '',
    may_hold_metadata INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX file_by_root ON file (root, peer) WHERE root IS NOT NULL;
CREATE INDEX file_wanted ON file (peer, wanted_at) WHERE state = 'fetching';

-- The hashes of a file's parts; a table of its own, since `file.parts` changes with each of them.
CREATE TABLE manifest (
    file INTEGER PRIMARY KEY REFERENCES file ON DELETE CASCADE,
    octets BLOB NOT NULL
) STRICT;

-- A small picture of a file. One that somebody else made is not `safe`: it is made again before it is shown.
CREATE TABLE file_preview (
    file INTEGER PRIMARY KEY REFERENCES file ON DELETE CASCADE,
    octets BLOB NOT NULL,
    safe INTEGER NOT NULL
) STRICT;

-- Which files a message has. A file goes with the last message that has it.
CREATE TABLE attachment (
    message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    position INTEGER NOT NULL,
    file INTEGER NOT NULL REFERENCES file,
    PRIMARY KEY (message, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_of_file ON attachment (file);

-- Who has all of a file of ours.
CREATE TABLE file_receipt (
    file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    peer INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (file, peer)
) STRICT, WITHOUT ROWID;

-- To whom a file of ours is offered by relay (`files.relay_recipients`), until they have all of it. `confirmed` is a
-- `shape.Bitmap` of the parts that they have, with one bit more for the manifest, and `confirmed_count` how many;
-- `heard_at` is when they last said so, or it began, and `lost_at` when it was last believed that they have fewer than
-- before. `stopped_at` is since when they want no more of it. `told` are the parts of which they were told where they
-- lie, and until when. `put_lately` are the parts that were put, until an hour after `put_at`, when the
-- last of them was.
CREATE TABLE file_recipient (
    id INTEGER PRIMARY KEY,
    file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    peer INTEGER NOT NULL,
    confirmed BLOB NOT NULL DEFAULT x'',
    confirmed_count INTEGER NOT NULL DEFAULT 0,
    heard_at INTEGER NOT NULL,
    lost_at INTEGER NOT NULL DEFAULT 0,
    stopped_at INTEGER,
    told BLOB NOT NULL DEFAULT x'',
    told_until INTEGER NOT NULL DEFAULT 0,
    put_lately BLOB NOT NULL DEFAULT x'',
    put_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (file, peer)
) STRICT;
CREATE INDEX file_recipient_of ON file_recipient (peer);

-- Where parts of our files lie, or may lie, for somebody (`files.containers.Container`). It outlives its file until it
-- is emptied, so whom it is for stands in it.
CREATE TABLE file_container (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file INTEGER REFERENCES file ON DELETE SET NULL,
    parts INTEGER NOT NULL,
    account_key BLOB NOT NULL,
    transport TEXT NOT NULL,
    key BLOB NOT NULL,
    offer BLOB NOT NULL,
    until INTEGER NOT NULL,
    kept INTEGER NOT NULL DEFAULT 0,
    put BLOB NOT NULL DEFAULT x'',
    put_count INTEGER NOT NULL DEFAULT 0,
    tried BLOB NOT NULL DEFAULT x''
) STRICT;
CREATE INDEX file_container_of ON file_container (account_key);
CREATE INDEX file_container_of_file ON file_container (file) WHERE file IS NOT NULL;

-- Where parts of a file of others lie, as they say (`files.part_notices.OfferedContainer`).
CREATE TABLE file_source (
    id INTEGER PRIMARY KEY,
    file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    transport TEXT NOT NULL,
    offer BLOB NOT NULL,
    until INTEGER NOT NULL,
    put BLOB NOT NULL,
    UNIQUE (file, transport, offer)
) STRICT;

-- Files of others of which all parts have come, until whoever offers them is told (`files.receipts`).
CREATE TABLE untold_receipt (
    id INTEGER PRIMARY KEY,
    peer INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    root BLOB NOT NULL
) STRICT;
CREATE INDEX untold_receipt_of ON untold_receipt (peer);

-- What lies in the folder of files and is to be deleted there.
CREATE TABLE discarded_file (
    stored_as TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TRIGGER file_without_message AFTER DELETE ON attachment
    WHEN NOT EXISTS (SELECT 1 FROM attachment WHERE file = OLD.file)
BEGIN
    DELETE FROM file WHERE id = OLD.file;
END;
CREATE TRIGGER file_deleted AFTER DELETE ON file WHEN OLD.stored_as IS NOT NULL BEGIN
    INSERT INTO discarded_file VALUES (OLD.stored_as);
END;
CREATE TRIGGER file_removed AFTER UPDATE OF stored_as ON file
    WHEN OLD.stored_as IS NOT NULL AND NEW.stored_as IS NOT OLD.stored_as
BEGIN
    INSERT INTO discarded_file VALUES (OLD.stored_as);
END;

-- Up to when time has certainly passed, for what expires (`messages.expiry`); Unix milliseconds.
CREATE TABLE expiry_clock (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    reached INTEGER NOT NULL
) STRICT;

-- How far a message of ours has come with a person, once nothing of it waits for them (`delivery.progress`), and `way`
-- by which it went. They may say that they have it before the transport says how it went: `ticket` is that of the
-- delivery then, until it does.
CREATE TABLE receipt (
    message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    peer INTEGER NOT NULL,
    state INTEGER NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT,
    way INTEGER REFERENCES way,
    ticket INTEGER,
    PRIMARY KEY (message, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipt_of_ticket ON receipt (ticket) WHERE ticket IS NOT NULL;

-- What we did with a message after it was written, and others hear of: `id` names what said so, as a payload's
-- `message_id` does, `kind` is a `ChangeKind`, and `emoji` what a reaction is.
CREATE TABLE change (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('edit', 'delete', 'react', 'take-back')),
    emoji TEXT,
    made_at INTEGER NOT NULL
) STRICT;
CREATE INDEX change_of_message ON change (message, number);

-- How far a change has come with a person, as `receipt` is of a message.
CREATE TABLE change_receipt (
    change INTEGER NOT NULL REFERENCES change ON DELETE CASCADE,
    peer INTEGER NOT NULL,
    state INTEGER NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT,
    way INTEGER REFERENCES way,
    ticket INTEGER,
    PRIMARY KEY (change, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX change_receipt_of_ticket ON change_receipt (ticket) WHERE ticket IS NOT NULL;

-- What leaves, once for whomever it goes to; it stays for as long as a delivery of it does. `purpose` is a
-- `rows.Purpose`; 1 is a person's MESSAGE. `ciphertext` is what leaves, NULL until it is encrypted in an era. `content`
-- is the plaintext, so that it can be encrypted in another one; that of a MESSAGE stands in `message`, and what belongs
-- to one era alone has none. `message_id` is what a receipt for it names, where it is not the id of a `message`. `era`
-- has no REFERENCES: what was encrypted in one that is gone may still leave.
CREATE TABLE payload (
    id INTEGER PRIMARY KEY,
    purpose INTEGER NOT NULL,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    message INTEGER REFERENCES message ON DELETE CASCADE,
    message_id BLOB,
    era INTEGER,
    content BLOB,
    ciphertext BLOB,
    made_at INTEGER NOT NULL
) STRICT;
CREATE INDEX payload_of_message ON payload (message) WHERE message IS NOT NULL;
CREATE INDEX payload_by_message_id ON payload (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX payload_unencrypted ON payload (conversation, id) WHERE ciphertext IS NULL;
CREATE INDEX payload_of_purpose ON payload (conversation, purpose) WHERE purpose <> 1;

-- A payload's way to one device; to a peer of whom no device is known yet only where it asks them. Gone when done.
-- `state` is how far it has come, and `way` by which way. `not_before` is when to try again. `stored_at` is when
-- something that keeps it for them took it; until they confirm it, it stays here. `stale_at` is when it is good for
-- nothing any more.
CREATE TABLE delivery (
    ticket INTEGER PRIMARY KEY AUTOINCREMENT,
    payload INTEGER NOT NULL REFERENCES payload ON DELETE CASCADE,
    peer INTEGER NOT NULL REFERENCES peer ON DELETE CASCADE,
    device INTEGER REFERENCES device ON DELETE CASCADE,
    state INTEGER NOT NULL DEFAULT 0,
    queued_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL DEFAULT 0,
    stored_at INTEGER,
    stale_at INTEGER,
    reason TEXT,
    way INTEGER REFERENCES way
) STRICT;
CREATE INDEX delivery_of_payload ON delivery (payload, peer);
CREATE INDEX delivery_of_peer ON delivery (peer, ticket);

-- Contacts of whom all that waits is still to be queued again, and why.
CREATE TABLE deferred_requeue (
    peer INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    reason TEXT NOT NULL
) STRICT;

-- Envelopes that were taken, so that taking them again is harmless; which message of which peer came in each, and
-- when we last queued a receipt for it.
CREATE TABLE received (
    envelope_id BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    peer INTEGER,
    message_id BLOB,
    receipt_at INTEGER
) STRICT, WITHOUT ROWID;

-- Envelopes of contacts that brought up an exception which nobody foresaw, and how often.
CREATE TABLE failed_envelope (
    envelope_id BLOB PRIMARY KEY,
    times INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX failed_longest_ago ON failed_envelope (at);

-- `conversation` is whose deletion deletes it, and `message` what an event about a message tells of.
CREATE TABLE event (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    conversation INTEGER,
    message INTEGER,
    body TEXT NOT NULL DEFAULT '{}'
) STRICT;

-- Which messages have a term (`search.index`), without their texts; `rowid` is `message.seq`.
CREATE VIRTUAL TABLE message_terms USING fts5(
    terms, content = '', detail = none, columnsize = 0, tokenize = 'ascii'
);

-- Messages up to `indexed_up_to` are in the index, which was made by the rules of that name. No row: none is.
CREATE TABLE search_progress (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    indexed_up_to INTEGER NOT NULL,
    rules TEXT NOT NULL
) STRICT;

-- Who reads events by name, up to where it has dealt with them, and when it last said so. The one without a name has
-- the cursor of the newest event that was deleted.
CREATE TABLE subscriber (
    name TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL,
    acknowledged_at INTEGER NOT NULL
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
    """Bring a vault to the present tables; leave one that has them as it is. Raise VaultTooNew."""
    found = tx.query("PRAGMA user_version")[0][0]
    assert isinstance(found, int)
    if found > len(steps):
        raise VaultTooNew(found=found, known=len(steps))
    for number, step in enumerate(steps[found:], start=found + 1):
        tx.script(step)
        tx.execute(f"PRAGMA user_version = {number}")
