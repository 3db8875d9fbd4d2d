"""The units that change the database: each a function of one transaction, all or nothing by its savepoint."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Final

from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import Claimed
from balchat_relay_proto.sizes import MAX_INBOX_ENVELOPE

from balchat_relay.storage import rules
from balchat_relay.storage.contract import DAY, HOUR, StoreLimits
from balchat_relay.storage.subscribers import Stored

_PIECE: Final = 256
"""Rows that one sweep deletes of each kind, so that others need not wait long."""

_QUEUE_PIECE: Final = 16

_MOST_PAGES: Final = "max_page_count"
_SPARE_PAGES: Final = 20
"""What the database must be able to grow by for there to be room again: an envelope."""


@dataclass(slots=True)
class Unit:
    """What one unit works with. What follows them says afterwards what came, and what is gone."""

    sql: sqlite3.Cursor
    limits: StoreLimits
    totals: dict[str, int]
    room_on_disk: bool
    stored: list[Stored] = field(default_factory=list[Stored])
    deleted: list[bytes] = field(default_factory=list[bytes])
    files: list[str] = field(default_factory=list[str])
    """Files of blobs that are gone."""
    looked: bool = False
    """Whether it has made sure that something can be written, and that the database may grow."""

    def one(self, sql: str, *values: object) -> Any:
        """Run a statement; return its first row or None."""
        return self.sql.execute(sql, values).fetchone()

    def need_room(self, octets: int) -> None:
        """Raise Refused (RELAY_FULL) where this much more does not fit."""
        if not self.room_on_disk or self.totals["octets"] + octets > self.limits.octets:
            raise rules.relay_full()

    def need_blob_room(self, octets: int) -> None:
        """Raise Refused (RELAY_FULL) where a blob of this size does not fit."""
        if not self.room_on_disk or self.totals["blob_octets"] + octets > self.limits.blob_octets:
            raise rules.relay_full()

    def count(self, **changes: int) -> None:
        """Change totals."""
        for name, change in changes.items():
            self.totals[name] += change


def create(
    unit: Unit, queue: bytes, *, send: bytes | None, receive: bytes | None, invitation: bytes | None, now: int
) -> None:
    """QueueStore.create."""
    found = unit.one("SELECT send, receive FROM queues WHERE id = ?", queue)
    if found is not None:
        rules.admit(there=True, stored=found[0], presented=send)
        rules.admit(there=True, stored=found[1], presented=receive)
        return
    if invitation is not None:
        used = unit.one(
            "UPDATE invitations SET queues = queues - 1 WHERE verifier = ? AND queues > 0 RETURNING queues", invitation
        )
        if used is None:
            raise rules.not_invited()
    if unit.totals["queues"] >= unit.limits.queues:
        raise rules.relay_full()
    unit.need_room(0)
    unit.sql.execute(
        "INSERT INTO queues (id, send, receive, seen) VALUES (?, ?, ?, ?)", (queue, send, receive, now // DAY)
    )
    unit.count(queues=1)


def delete(unit: Unit, queue: bytes, *, receive: bytes | None) -> None:
    """QueueStore.delete."""
    _drop(unit, _own(unit, queue, receive), queue)


def put(unit: Unit, queue: bytes, *, send: bytes | None, envelope_id: bytes, envelope: bytes, now: int) -> None:
    """QueueStore.put."""
    found = unit.one("SELECT row, send, envelopes, octets, next, hour, puts FROM queues WHERE id = ?", queue)
    rules.admit(there=found is not None, stored=found[1] if found else None, presented=send)
    row, kept_send, envelopes, octets, sequence, hour, puts = found
    if unit.one(
        "SELECT 1 FROM envelopes WHERE queue = ? AND id = ?"
        " UNION ALL SELECT 1 FROM acknowledged WHERE queue = ? AND id = ? AND until > ?",
        *(row, envelope_id, row, envelope_id, now),
    ):
        return
    limits, inbox = unit.limits, kept_send is None
    puts = puts if hour == now // HOUR else 0
    if inbox and len(envelope) > MAX_INBOX_ENVELOPE:
        raise rules.inbox_envelope_too_large(MAX_INBOX_ENVELOPE)
    if inbox and puts >= limits.inbox_puts_per_hour:
        raise rules.inbox_busy(now)
    max_envelopes, max_octets = quota(limits, inbox=inbox)
    if envelopes >= max_envelopes or octets + len(envelope) > max_octets:
        raise rules.queue_full()
    unit.need_room(len(envelope))
    unit.sql.execute(
        "INSERT INTO envelopes (queue, sequence, id, arrived, body) VALUES (?, ?, ?, ?, ?)",
        (row, sequence, envelope_id, now, envelope),
    )
    unit.sql.execute(
        "UPDATE queues SET envelopes = envelopes + 1, octets = octets + ?, next = next + 1,"
        " claims = iif(hour = ?, claims, 0), hour = ?, puts = ? WHERE row = ?",
        (len(envelope), now // HOUR, now // HOUR, puts + 1, row),
    )
    unit.count(envelopes=1, octets=len(envelope))
    unit.stored.append(Stored(queue, sequence, envelope))


def acknowledge(unit: Unit, queue: bytes, *, receive: bytes | None, envelope_ids: Sequence[bytes], now: int) -> None:
    """QueueStore.acknowledge."""
    row = _own(unit, queue, receive)
    count = octets = 0
    for envelope_id in envelope_ids:
        gone = unit.one("DELETE FROM envelopes WHERE queue = ? AND id = ? RETURNING length(body)", row, envelope_id)
        if gone is not None:
            count += 1
            octets += gone[0]
            unit.sql.execute(
                "INSERT OR REPLACE INTO acknowledged VALUES (?, ?, ?)",
                (row, envelope_id, now + unit.limits.remembered),
            )
    if count:
        _lighten(unit, row, count, octets)


def publish(
    unit: Unit,
    queue: bytes,
    *,
    receive: bytes | None,
    cards: Sequence[bytes],
    last_resort: bytes | None,
    tokens: Sequence[bytes],
    now: int,
) -> int:
    """QueueStore.publish."""
    row = _own(unit, queue, receive)
    (there,) = unit.one("SELECT cards FROM queues WHERE row = ?", row)
    if there + len(cards) > unit.limits.cards:
        raise rules.pool_full(unit.limits.cards)
    if last_resort is not None:
        for (size,) in unit.sql.execute(
            "DELETE FROM cards WHERE queue = ? AND last_resort RETURNING length(body)", (row,)
        ).fetchall():
            unit.count(cards=-1, octets=-size)
    added = [(row, 0, card) for card in cards] + ([] if last_resort is None else [(row, 1, last_resort)])
    octets = sum(len(body) for _, _, body in added)
    unit.need_room(octets)
    unit.sql.executemany("INSERT INTO cards (queue, last_resort, body) VALUES (?, ?, ?)", added)
    unit.sql.executemany("INSERT OR IGNORE INTO tokens VALUES (?, ?)", [(row, token) for token in tokens])
    (known,) = unit.one("SELECT count(*) FROM tokens WHERE queue = ?", row)
    if known > unit.limits.tokens:
        raise rules.pool_full(unit.limits.tokens)
    unit.count(cards=len(added), octets=octets)
    pool = there + len(cards)
    unit.sql.execute("UPDATE queues SET cards = ?, pool = ?, seen = ? WHERE row = ?", (pool, pool, now // DAY, row))
    return pool


def claim(unit: Unit, queue: bytes, *, send: bytes | None, token: bytes | None, now: int) -> Claimed:
    """QueueStore.claim."""
    found = unit.one("SELECT row, send, cards, pool, hour, claims FROM queues WHERE id = ?", queue)
    rules.admit(there=found is not None, stored=found[1] if found else None, presented=send)
    row, kept_send, cards, pool, hour, claims = found
    claims = claims if hour == now // HOUR else 0
    if cards:
        with_token = unit.one("DELETE FROM tokens WHERE queue = ? AND verifier = ? RETURNING 1", row, token)
        privileged = kept_send is not None or with_token is not None
        if privileged or (claims < unit.limits.claims_per_hour and 2 * cards > pool):
            body = _take_card(unit, row)
            unit.sql.execute(
                "UPDATE queues SET cards = cards - 1, puts = iif(hour = ?, puts, 0), hour = ?, claims = ?"
                " WHERE row = ?",
                (now // HOUR, now // HOUR, claims + (not privileged), row),
            )
            return Claimed(card=body, last_resort=False)
    last_resort = unit.one("SELECT body FROM cards WHERE queue = ? AND last_resort", row)
    if last_resort is None:
        raise rules.no_card()
    return Claimed(card=last_resort[0], last_resort=True)


def invite(unit: Unit, invitation: bytes, *, queues: int) -> None:
    """QueueStore.invite."""
    unit.sql.execute("INSERT OR REPLACE INTO invitations VALUES (?, ?)", (invitation, queues))


def set_draining(unit: Unit, *, draining: bool) -> None:
    """QueueStore.set_draining."""
    unit.sql.execute("UPDATE relay SET draining = ?", (draining,))


def keep_blob(
    unit: Unit, queue: bytes, *, receive: bytes | None, blob: bytes, deletion: bytes, size: int, file: str, now: int
) -> bool:
    """Note a blob whose file is durable; return False where it was there already, and the file is for nothing."""
    row = _own(unit, queue, receive)
    _expire_blobs(unit, row, now)
    there = unit.one("SELECT deletion, queue FROM blobs WHERE id = ?", blob)
    if there is not None:
        rules.admit_blob(stored=there[0], presented=deletion)
    else:
        (kept,) = unit.one("SELECT blob_octets FROM queues WHERE row = ?", row)
        if kept + size > unit.limits.queue_blob_octets:
            raise rules.blobs_full()
        unit.need_blob_room(size)
        unit.sql.execute(
            "INSERT INTO blobs (queue, id, deletion, size, file) VALUES (?, ?, ?, ?, ?)",
            (row, blob, deletion, size, file),
        )
        unit.sql.execute(
            "UPDATE queues SET blobs = blobs + 1, blob_octets = blob_octets + ? WHERE row = ?", (size, row)
        )
        unit.count(blobs=1, blob_octets=size)
    _keep_blobs(unit, row, now)
    return there is None


def renew_blobs(unit: Unit, queue: bytes, *, receive: bytes | None, now: int) -> None:
    """QueueStore.renew_blobs."""
    row = _own(unit, queue, receive)
    _expire_blobs(unit, row, now)
    _keep_blobs(unit, row, now)


def delete_blobs(unit: Unit, blobs: Sequence[tuple[bytes, bytes]]) -> None:
    """QueueStore.delete_blobs."""
    for blob, deletion in blobs:
        found = unit.one("SELECT number, queue, size, file, deletion FROM blobs WHERE id = ?", blob)
        if found is not None and compare_digest(found[4], deletion):
            _drop_blob(unit, *found[:4])


def lose_blobs(unit: Unit, files: Sequence[str]) -> None:
    """Forget blobs whose files are gone."""
    for file in files:
        found = unit.one("SELECT number, queue, size, file FROM blobs WHERE file = ?", file)
        if found is not None:
            _drop_blob(unit, *found)


def touch(unit: Unit, queue: bytes, *, now: int) -> None:
    """Note that a queue's owner was here today."""
    unit.sql.execute("UPDATE queues SET seen = ? WHERE id = ?", (now // DAY, queue))


def sweep(unit: Unit, *, now: int) -> bool:
    """QueueStore.sweep."""
    # Written although nothing changes, so that a disk which takes nothing is noticed, and one which does again.
    unit.sql.execute("UPDATE totals SET one = one")
    (pages,), (free,), (most,) = (unit.one(f"PRAGMA {each}") for each in ("page_count", "freelist_count", _MOST_PAGES))
    unit.looked = most - pages + free >= _SPARE_PAGES
    old = unit.sql.execute(
        "SELECT number, queue, length(body) FROM envelopes WHERE arrived <= ? ORDER BY number LIMIT ?",
        (now - unit.limits.max_age, _PIECE),
    ).fetchall()
    for number, row, size in old:
        unit.sql.execute("DELETE FROM envelopes WHERE number = ?", (number,))
        _lighten(unit, row, 1, size)
    forgotten = unit.sql.execute(
        "DELETE FROM acknowledged WHERE (queue, id) IN (SELECT queue, id FROM acknowledged WHERE until <= ? LIMIT ?)",
        (now, _PIECE),
    ).rowcount
    idle = unit.sql.execute(
        "SELECT row, id FROM queues WHERE seen < ? LIMIT ?", ((now - unit.limits.max_idle) // DAY, _QUEUE_PIECE)
    ).fetchall()
    for row, queue in idle:
        _drop(unit, row, queue)
    expired = unit.sql.execute(
        "SELECT number, blobs.queue, size, file FROM queues JOIN blobs ON blobs.queue = queues.row"
        " WHERE queues.blobs > 0 AND blobs_until <= ? LIMIT ?",
        (now, _PIECE),
    ).fetchall()
    for each in expired:
        _drop_blob(unit, *each)
    return _PIECE in (len(old), forgotten, len(expired)) or len(idle) == _QUEUE_PIECE


def quota(limits: StoreLimits, *, inbox: bool) -> tuple[int, int]:
    """How many envelopes, and octets, one queue takes."""
    if inbox:
        return limits.inbox_envelopes, limits.inbox_octets
    return limits.queue_envelopes, limits.queue_octets


def _own(unit: Unit, queue: bytes, receive: bytes | None) -> int:
    found = unit.one("SELECT row, receive FROM queues WHERE id = ?", queue)
    rules.admit(there=found is not None, stored=found[1] if found else None, presented=receive)
    return found[0]


def _take_card(unit: Unit, row: int) -> bytes:
    taken = unit.one(
        "DELETE FROM cards WHERE number = (SELECT min(number) FROM cards WHERE queue = ? AND NOT last_resort)"
        " RETURNING body",
        row,
    )
    if taken is None:
        raise Refused(Code.INTERNAL, "The pool's count is wrong; its operator should run `balchat-relay check`.")
    unit.count(cards=-1, octets=-len(taken[0]))
    return taken[0]


def _lighten(unit: Unit, row: int, count: int, octets: int) -> None:
    unit.sql.execute(
        "UPDATE queues SET envelopes = envelopes - ?, octets = octets - ? WHERE row = ?", (count, octets, row)
    )
    unit.count(envelopes=-count, octets=-octets)


def _drop(unit: Unit, row: int, queue: bytes) -> None:
    envelopes, octets = unit.one("SELECT envelopes, octets FROM queues WHERE row = ?", row)
    cards, card_octets = unit.one("SELECT count(*), coalesce(sum(length(body)), 0) FROM cards WHERE queue = ?", row)
    for each in unit.sql.execute("SELECT number, queue, size, file FROM blobs WHERE queue = ?", (row,)).fetchall():
        _drop_blob(unit, *each)
    for statement in (
        "DELETE FROM envelopes WHERE queue = ?",
        "DELETE FROM acknowledged WHERE queue = ?",
        "DELETE FROM cards WHERE queue = ?",
        "DELETE FROM tokens WHERE queue = ?",
        "DELETE FROM queues WHERE row = ?",
    ):
        unit.sql.execute(statement, (row,))
    unit.count(queues=-1, envelopes=-envelopes, octets=-octets - card_octets, cards=-cards)
    unit.deleted.append(queue)


def _keep_blobs(unit: Unit, row: int, now: int) -> None:
    unit.sql.execute(
        "UPDATE queues SET blobs_until = ?, seen = ? WHERE row = ?", (now + unit.limits.blob_age, now // DAY, row)
    )


def _expire_blobs(unit: Unit, row: int, now: int) -> None:
    """Delete a queue's blobs where their time is over: nothing that was put since may bring them back."""
    for each in unit.sql.execute(
        "SELECT number, queue, size, file FROM blobs WHERE queue = ?1"
        " AND (SELECT blobs_until FROM queues WHERE row = ?1) <= ?2",
        (row, now),
    ).fetchall():
        _drop_blob(unit, *each)


def _drop_blob(unit: Unit, number: int, row: int, size: int, file: str) -> None:
    unit.sql.execute("DELETE FROM blobs WHERE number = ?", (number,))
    unit.sql.execute("UPDATE queues SET blobs = blobs - 1, blob_octets = blob_octets - ? WHERE row = ?", (size, row))
    unit.count(blobs=-1, blob_octets=-size)
    unit.files.append(file)
