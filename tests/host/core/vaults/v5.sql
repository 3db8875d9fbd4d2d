CREATE TABLE account (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    peer_id BLOB NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
, relays TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO "account" VALUES(1,X'6522A19DFF6CCE41A910B536BAB354B0A2B13CCD934A5CF29724574C6CA47A62','Alice',1,'a.onion');
CREATE TABLE bucket (
    name TEXT PRIMARY KEY,
    tokens REAL NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "bucket" VALUES('requests',1.5,8);
CREATE TABLE contact (
    id INTEGER PRIMARY KEY,
    peer_id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    state TEXT NOT NULL,
    verified INTEGER NOT NULL DEFAULT 0,
    blocked INTEGER NOT NULL DEFAULT 0,
    introduction TEXT NOT NULL DEFAULT '',
    offered_routes BLOB,
    added_at INTEGER NOT NULL
, relays TEXT NOT NULL DEFAULT '', routes_said_at INTEGER NOT NULL DEFAULT 0, turned_away INTEGER NOT NULL DEFAULT 0, moved INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "contact" VALUES(1,X'4CB5ABF6AD79FBF5ABBCCAFCC269D85CD2651ED4B885B5869F241AEDF0A5BA29','Bob','active',1,0,'It is me',X'80',2,'b.onion',3,4,1);
CREATE TABLE contact_group (
    group_id BLOB PRIMARY KEY,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    rank INTEGER NOT NULL,
    heard INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "contact_group" VALUES(X'0102',1,0,1,3);
CREATE TABLE event (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    contact INTEGER,
    body TEXT NOT NULL
) STRICT;
INSERT INTO "event" VALUES(1,6,'message.added',1,'{"seq": 1}');
CREATE TABLE issued_key_package (
    peer_id BLOB PRIMARY KEY,
    key_package BLOB NOT NULL,
    issued_at INTEGER NOT NULL
) STRICT;
INSERT INTO "issued_key_package" VALUES(X'7422B9887598068E32C4448A949ADB290D0F4E35B9E01B0EE5F1A1E600FE2674',X'05',5);
CREATE TABLE message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    ours INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    text TEXT,
    content BLOB,
    in_reply_to BLOB,
    state TEXT NOT NULL,
    reason TEXT,
    unread INTEGER NOT NULL DEFAULT 0
, series BLOB, sequence INTEGER) STRICT;
INSERT INTO "message" VALUES(1,X'0000000000000000000000000000000000000000000000000000000000000000',1,1,6,'text/markdown','hello',NULL,NULL,'queued',NULL,0,X'0A',1);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    message INTEGER,
    content BLOB,
    envelope BLOB,
    not_before INTEGER NOT NULL DEFAULT 0,
    queued_at INTEGER NOT NULL
, confirmed_by BLOB, stored_at INTEGER, stale_at INTEGER) STRICT;
INSERT INTO "outbox" VALUES(1,1,1,1,X'06',X'07',0,6,X'0B',NULL,10);
CREATE TABLE pooled_key_package (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key_package BLOB NOT NULL,
    last_resort INTEGER NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;
INSERT INTO "pooled_key_package" VALUES(1,X'0C',1,9);
CREATE TABLE received (
    envelope_id BLOB PRIMARY KEY,
    at INTEGER NOT NULL
, contact INTEGER, message_id BLOB, told_at INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO "received" VALUES(X'08',7,1,X'09',8);
CREATE TABLE request (
    peer_id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    introduction TEXT NOT NULL,
    group_id BLOB NOT NULL,
    received_at INTEGER NOT NULL
, routes BLOB NOT NULL DEFAULT x'80') STRICT;
INSERT INTO "request" VALUES(X'7422B9887598068E32C4448A949ADB290D0F4E35B9E01B0EE5F1A1E600FE2674','Zoe','may I?',X'0304',4,X'80');
CREATE TABLE route (
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    position INTEGER NOT NULL,
    transport TEXT NOT NULL,
    address BLOB NOT NULL,
    sealing_key BLOB,
    not_after INTEGER,
    PRIMARY KEY (contact, position)
) STRICT, WITHOUT ROWID;
INSERT INTO "route" VALUES(1,0,'transport_tor_direct',X'4CB5ABF6AD79FBF5ABBCCAFCC269D85CD2651ED4B885B5869F241AEDF0A5BA29',NULL,NULL);
CREATE TABLE subscriber (
    name TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "subscriber" VALUES('screen',1);
CREATE INDEX group_of_contact ON contact_group (contact, heard, rank);
CREATE INDEX message_of_contact ON message (contact, seq);
CREATE INDEX message_unread ON message (contact, seq) WHERE unread = 1;
CREATE INDEX outbox_of_contact ON outbox (contact, id);
CREATE INDEX outbox_to_store ON outbox (contact, id) WHERE stored_at IS NULL;
CREATE INDEX outbox_confirmed_by ON outbox (confirmed_by) WHERE confirmed_by IS NOT NULL;
CREATE INDEX message_in_series ON message (contact, ours, series, sequence) WHERE sequence IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('message',1);
INSERT INTO "sqlite_sequence" VALUES('outbox',1);
INSERT INTO "sqlite_sequence" VALUES('pooled_key_package',1);
INSERT INTO "sqlite_sequence" VALUES('event',1);
PRAGMA user_version = 5;
