"""The durable stream of events: written with what it tells of, read by cursor, kept until every subscriber has it.

An event about a message refers to it instead of copying it, and one about a conversation too, so that what is deleted
leaves nothing here: no text, and no draft. Other events carry what was true when they happened.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Final, cast

from balchat_host.api.errors import BadInput, CursorTooOld
from balchat_host.api.events import (
    AccountRestored,
    ContactAlarm,
    ContactChanged,
    ContactRemoved,
    ConversationChanged,
    Event,
    FileChanged,
    MessageAdded,
    MessageChanged,
    MessageRemoved,
    RequestClosed,
    RequestReceived,
)
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.api.views import AlarmKind, MessageState, RequestView
from balchat_host.core import rows
from balchat_host.core.delivery import progress
from balchat_host.core.delivery.progress import Progress
from balchat_host.core.files import rows as files
from balchat_host.core.message_views import message_views
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork
from balchat_host.core.views import contact_of_body, conversation_views

KEPT_FOR: Final = 30 * 24 * 3600 * 1000
"""Milliseconds that an event stays even when every subscriber has it, for those who read by cursor alone."""
WAITED_FOR: Final = 90 * 24 * 3600 * 1000
"""Milliseconds that what a subscriber needs is kept for it after it last acknowledged something."""
_SKIPPED: Final = 2**32
"""Cursors that are left out where we go on from a backup: more than were given out since it was made."""
_AS_WRITTEN: Final[dict[str, Callable[..., Event]]] = {
    kind.type: kind for kind in (MessageRemoved, ContactRemoved, AccountRestored, RequestClosed)
}
"""Events that carry plain values of when they happened."""
_PRUNED: Final = "SELECT cursor FROM subscriber WHERE name = ''"
"""The cursor of the newest event that was deleted; the nameless subscriber remembers it."""
_PROGRESS: Final = tuple(field.name for field in fields(Progress))
_MAX_SUBSCRIBERS: Final = 64
_MAX_SUBSCRIBER_NAME: Final = 64


def append(unit: UnitOfWork, event: type[Event], *, conversation: int | None, body: dict[str, Any]) -> None:
    """Write an event. `conversation` is whose deletion deletes it."""
    unit.tx.execute(
        "INSERT INTO event (at, type, conversation, body) VALUES (?, ?, ?, ?)",
        (unit.now, event.type, conversation, json.dumps(body)),
    )
    unit.effect(ANNOUNCE)


def append_message(unit: UnitOfWork, conversation: int, seq: int) -> None:
    """Write that a message came into a conversation."""
    _append_of_message(unit, MessageAdded, conversation, seq, {})


def append_progress(unit: UnitOfWork, conversation: int, seq: int, before: Progress, after: Progress) -> None:
    """Write how far a message of ours is that was less far before."""
    # Somebody may tell of hundreds of messages at once; `dataclasses.asdict` takes ten times as long.
    now = {name: getattr(after, name) for name in _PROGRESS}
    changed = [name for name, value in now.items() if getattr(before, name) != value]
    _append_of_message(unit, MessageChanged, conversation, seq, now | {"changed": changed})


def append_conversation(unit: UnitOfWork, conversation: int, changed: Sequence[str]) -> None:
    """Write that a conversation has changed, and in which fields of its view."""
    append(unit, ConversationChanged, conversation=conversation, body={"changed": list(changed)})


def _append_of_message(unit: UnitOfWork, event: type[Event], conversation: int, seq: int, body: dict[str, Any]) -> None:
    unit.tx.execute(
        "INSERT INTO event (at, type, conversation, message, body) VALUES (?, ?, ?, ?, ?)",
        (unit.now, event.type, conversation, seq, json.dumps(body)),
    )
    unit.effect(ANNOUNCE)


def append_changed(unit: UnitOfWork, conversation: int, seq: int, *changed: str) -> None:
    """Write that a message is not what it was, and in which fields of its view."""
    _append_of_message(unit, MessageChanged, conversation, seq, {"changed": changed})


def append_removed(unit: UnitOfWork, seq: int) -> None:
    """Write that a message is not shown any more, while its row is still there."""
    ((message_id, conversation, conversation_id),) = unit.tx.query(
        "SELECT message.id, conversation.id, conversation_id FROM message"
        " JOIN conversation ON conversation.id = message.conversation WHERE seq = ?",
        (seq,),
    )
    body = {"id": cast("bytes", message_id).hex(), "conversation": cast("bytes", conversation_id).hex()}
    append(unit, MessageRemoved, conversation=cast("int", conversation), body=body)


def forget(unit: UnitOfWork, peer: PeerId, conversation: int) -> None:
    """Delete what tells of the conversation with a peer, and of requests of theirs: what they said of themselves."""
    unit.tx.execute("DELETE FROM event WHERE conversation = ?", (conversation,))
    unit.tx.execute(
        "DELETE FROM event WHERE type IN (?, ?) AND json_extract(body, '$.peer_id') = ?",
        (RequestReceived.type, RequestClosed.type, peer.octets.hex()),
    )


def skip(unit: UnitOfWork) -> None:
    """Leave out the cursors that were given out since a backup was made: whoever read up to one must miss nothing."""
    last = newest(unit.tx)
    unit.tx.execute("DELETE FROM sqlite_sequence WHERE name = 'event'")
    unit.tx.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('event', ?)", (last + _SKIPPED,))


def newest(tx: ReadTransaction) -> int:
    """Return the cursor of the last event ever written, 0 before the first."""
    return rows.number(tx, "SELECT seq FROM sqlite_sequence WHERE name = 'event'")


def start(tx: ReadTransaction, *, after: int | None, subscriber: str | None) -> int:
    """Return the cursor after which a reader begins. Raise CursorTooOld, BadInput."""
    if after is None and subscriber is None:
        return newest(tx)
    pruned = rows.number(tx, _PRUNED)
    if after is None:
        found = tx.query("SELECT cursor FROM subscriber WHERE name = ?", (_subscriber(cast("str", subscriber)),))
        # A subscriber that nobody knew begins with the oldest event there is.
        after = cast("int", found[0][0]) if found else pruned
    if after < 0 or after > newest(tx):
        raise BadInput(what="The cursor", problem="there has never been such an event")
    if after < pruned:
        raise CursorTooOld(cursor=after, oldest=pruned + 1)
    return after


def read(tx: ReadTransaction, *, after: int, limit: int, now: int) -> tuple[list[Event], int]:
    """Return up to `limit` events after a cursor, and the cursor to go on from, at `now` (Unix milliseconds)."""
    found = tx.query(
        "SELECT cursor, at, type, conversation, message, body FROM event WHERE cursor > ? ORDER BY cursor LIMIT ?",
        (after, limit),
    )
    events: list[Event] = []
    for cursor, at, kind, conversation, message, body in found:
        event = _build(
            tx,
            cursor=cast("int", cursor),
            at=cast("int", at),
            kind=cast("str", kind),
            conversation=cast("int | None", conversation),
            message=cast("int | None", message),
            body=json.loads(cast("str", body)),
            now=now,
        )
        if event is not None:
            events.append(event)
    return events, cast("int", found[-1][0]) if found else after


def acknowledge(unit: UnitOfWork, subscriber: str, cursor: int) -> None:
    """Remember how far a subscriber has come, and when it said so; it never goes back. Raise BadInput.

    One that has come nowhere is remembered too: what it needs is kept from now on.
    """
    name = _subscriber(subscriber)
    if cursor < 0 or cursor > newest(unit.tx):
        raise BadInput(what="The cursor", problem="there has never been such an event")
    known = unit.tx.query("SELECT 1 FROM subscriber WHERE name = ?", (name,))
    if not known and rows.number(unit.tx, "SELECT count(*) FROM subscriber WHERE name <> ''") >= _MAX_SUBSCRIBERS:
        raise BadInput(what="The subscriber", problem=f"there are already {_MAX_SUBSCRIBERS}")
    unit.tx.execute(
        "INSERT INTO subscriber (name, cursor, acknowledged_at) VALUES (?, ?, ?) ON CONFLICT (name)"
        " DO UPDATE SET cursor = max(cursor, excluded.cursor), acknowledged_at = excluded.acknowledged_at",
        (name, max(cursor, rows.number(unit.tx, _PRUNED)), unit.now),
    )


def prune(unit: UnitOfWork) -> None:
    """Delete what every subscriber has acknowledged and what is old.

    What one still needs stays for as long as it is waited for. One that comes after that is told (CursorTooOld).
    """
    acknowledged = unit.tx.query(
        "SELECT min(cursor) FROM subscriber WHERE name <> '' AND acknowledged_at >= ?", (unit.now - WAITED_FOR,)
    )[0][0]
    needed = newest(unit.tx) if acknowledged is None else cast("int", acknowledged)
    old = rows.number(unit.tx, "SELECT max(cursor) FROM event WHERE at < ?", (unit.now - KEPT_FOR,))
    last = min(needed, old)
    if last and unit.tx.execute("DELETE FROM event WHERE cursor <= ?", (last,)):
        unit.tx.execute(
            "INSERT INTO subscriber (name, cursor, acknowledged_at) VALUES ('', ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET cursor = max(cursor, excluded.cursor)",
            (last, unit.now),
        )


def _subscriber(name: str) -> str:
    if not 0 < len(name) <= _MAX_SUBSCRIBER_NAME:
        raise BadInput(what="The subscriber", problem=f"its name has 1 to {_MAX_SUBSCRIBER_NAME} characters")
    return name


def _build(
    tx: ReadTransaction,
    *,
    cursor: int,
    at: int,
    kind: str,
    conversation: int | None,
    message: int | None,
    body: dict[str, Any],
    now: int,
) -> Event | None:
    changed = tuple(body.pop("changed", ()))
    match kind:
        case MessageAdded.type | MessageChanged.type:
            return _of_message(tx, cursor=cursor, at=at, kind=kind, message=message, body=body, changed=changed)
        case FileChanged.type:
            file = files.by_number(tx, body["file"])
            return None if file is None else FileChanged(cursor=cursor, at=at, file=files.view(tx, file))
        case ConversationChanged.type:
            shown = conversation_views(tx, now=now, only=cast("int", conversation))
            return ConversationChanged(cursor=cursor, at=at, conversation=shown[0], changed=changed) if shown else None
        case ContactChanged.type:
            return ContactChanged(cursor=cursor, at=at, contact=contact_of_body(body), changed=changed)
        case ContactAlarm.type:
            return ContactAlarm(cursor=cursor, at=at, kind=AlarmKind(body.pop("kind")), **body)
        case RequestReceived.type:
            return RequestReceived(cursor=cursor, at=at, request=RequestView(**body))
        case _ if kind in _AS_WRITTEN:
            return _AS_WRITTEN[kind](cursor=cursor, at=at, **body)
        case _:
            return None  # written by a newer version that was taken back


def _of_message(
    tx: ReadTransaction,
    *,
    cursor: int,
    at: int,
    kind: str,
    message: int | None,
    body: dict[str, Any],
    changed: tuple[str, ...],
) -> Event | None:
    found = rows.messages_where(tx, f"message.seq = ? AND {rows.SHOWN}", (message,))
    if not found:
        return None
    if kind == MessageAdded.type:
        row = replace(found[0], progress=progress.at_first(recipients=found[0].progress.recipients))
        return MessageAdded(cursor=cursor, at=at, message=message_views(tx, [row])[0])
    # It tells of how far the message was then, or of what else is different now.
    then = Progress(state=MessageState(body.pop("state")), **body) if "state" in body else found[0].progress
    (view,) = message_views(tx, [replace(found[0], progress=then)])
    return MessageChanged(cursor=cursor, at=at, message=view, changed=changed)
