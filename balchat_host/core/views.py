"""How rows look to front ends."""

from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, cast

from balchat_host.api.frontend import MYSELF, NOTES_TO_SELF
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import AlarmKind, ContactState, ContactView, ConversationKind, ConversationView, MessageView
from balchat_host.core import rows
from balchat_host.core.message_views import message_views
from balchat_host.core.rows import ContactRow, ConversationRow

RESTORED: Final = "restored"
"""Why a contact that we had is asked for contact again (`ContactView.reason`)."""
FOREVER: Final = 2**62
"""The time until which a conversation is muted that is muted without an end."""
_UNREAD: Final = (
    "FROM message WHERE message.conversation = conversation.id"
    " AND author <> (SELECT peer FROM account) AND seq > read_up_to AND removal IS NULL"
)
_TIMER_BY: Final = (
    f"iif(timer_by = (SELECT peer FROM account), '{MYSELF}',"  # noqa: S608  # our own text
    " (SELECT name FROM contact WHERE contact.peer = timer_by))"
)
_NEWEST: Final = f"(SELECT max(seq) FROM message WHERE message.conversation = conversation.id AND {rows.SHOWN})"  # noqa: S608  # our own text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """What is to be known of the keys with a contact."""

    alarm: AlarmKind | None = None
    renewed_by_us: int | None = None
    renewed_by_them: int | None = None


_NO_KEYS: Final = _Keys()
_SERIOUS: Final = list(AlarmKind)


def contact_view(tx: ReadTransaction, row: ContactRow) -> ContactView:
    """Show a contact; whether it is reachable is the runtime's to say."""
    return _contact_view(row, _unread(tx, row.conversation), _keys(tx, row)[row.id])


def contact_views(tx: ReadTransaction) -> list[ContactView]:
    """Show all contacts, by name. There may be a thousand, so what is unread is counted in one query."""
    counted = tx.query(
        f"SELECT id, (SELECT count(*) {_UNREAD}) FROM conversation"  # noqa: S608  # our own text
    )
    unread = {cast("int", conversation): cast("int", count) for conversation, count in counted}
    keys = _keys(tx)
    return [
        _contact_view(row, unread[row.conversation.id], keys[row.id])
        for row in rows.contacts_where(tx, "1 ORDER BY name_key")
    ]


def _contact_view(row: ContactRow, unread: int, keys: _Keys) -> ContactView:
    return ContactView(
        name=row.name,
        peer_id=row.peer.octets.hex(),
        onion=row.peer.onion,
        conversation=row.conversation.conversation_id.hex(),
        state=row.state,
        verified=row.verified,
        blocked=row.blocked,
        reason=row.shown_reason or (RESTORED if row.restored else None),
        unread=unread,
        alarm=keys.alarm,
        renewed_by_us=keys.renewed_by_us,
        renewed_by_them=keys.renewed_by_them,
    )


def conversation_view(tx: ReadTransaction, row: ConversationRow, *, now: int) -> ConversationView:
    """Show a conversation as it is at `now` (Unix milliseconds)."""
    return conversation_views(tx, now=now, only=row.id)[0]


def conversation_views(tx: ReadTransaction, *, now: int, only: int | None = None) -> list[ConversationView]:
    """Show all conversations, or one, whichever has the newest message first.

    There may be a thousand, so each kind of fact about them takes one query, which indices answer.
    """
    chosen = "1" if only is None else f"conversation.id = {only:d}"
    found = tx.query(
        "SELECT id, conversation_id, kind, title, draft, muted_until, archived,"  # noqa: S608  # our own text
        f" (SELECT count(*) {_UNREAD}), (SELECT min(seq) {_UNREAD}), {_NEWEST} AS newest,"
        f" expire_after, {_TIMER_BY}, (SELECT count(*) {_UNREAD} AND mentions_us = 1), fetch_up_to"
        f" FROM conversation WHERE {chosen} ORDER BY newest IS NULL, newest DESC, id"
    )
    contacts = rows.contacts_where(tx, "1" if only is None else f"contact.conversation = {only:d}")
    shown = f"message.seq IN (SELECT {_NEWEST} FROM conversation WHERE {chosen})"  # noqa: S608  # our own text
    unread_ids = f"message.seq IN (SELECT (SELECT min(seq) {_UNREAD}) FROM conversation WHERE {chosen})"  # noqa: S608  # our own text
    ids = tx.query(f"SELECT seq, id FROM message WHERE {unread_ids}")  # noqa: S608  # our own text
    first_unread = {seq: cast("bytes", identifier).hex() for seq, identifier in ids}
    last = rows.messages_where(tx, shown)
    newest = {row.seq: view for row, view in zip(last, message_views(tx, last), strict=True)}
    of_conversation = {contact.conversation.id: contact for contact in contacts}
    keys = _keys(tx, *(contacts if only is not None else ()))
    views: list[ConversationView] = []
    for number, identifier, kind, title, draft, muted_until, archived, unread, first, last, *more in found:
        contact = of_conversation.get(cast("int", number))
        until = cast("int", muted_until or 0)
        views.append(
            ConversationView(
                id=cast("bytes", identifier).hex(),
                kind=ConversationKind(cast("str", kind)),
                title=contact.name if contact else cast("str | None", title) or NOTES_TO_SELF,
                unread=cast("int", unread),
                first_unread=first_unread.get(first),
                last_message=newest.get(cast("int", last)),
                draft=cast("str", draft),
                muted=until > now,
                muted_until=until if now < until < FOREVER else None,
                archived=bool(archived),
                contact=contact and _contact_view(contact, cast("int", unread), keys[contact.id]),
                expire_after=cast("int | None", more[0]),
                timer_by=cast("str | None", more[1]),
                mentions=cast("int", more[2]),
                fetch_up_to=cast("int | None", more[3]),
            )
        )
    return views


def contact_differences(before: ContactRow | None, after: ContactRow) -> list[str]:
    """Return the names of the fields of a contact's view that have changed; none where it is new."""
    return differences(before and _contact_view(before, 0, _NO_KEYS), _contact_view(after, 0, _NO_KEYS))


def differences(before: ContactView | MessageView | ConversationView | None, after: object) -> list[str]:
    """Return the names of the fields in which two views of the same thing differ; none where there was none before."""
    if before is None:
        return []
    return [field.name for field in fields(before) if getattr(before, field.name) != getattr(after, field.name)]


def contact_body(view: ContactView) -> dict[str, Any]:
    """Return a contact as it stands in an event."""
    return asdict(view)


def contact_of_body(body: dict[str, Any]) -> ContactView:
    """Return a contact as an event told of it."""
    alarm = body.pop("alarm")
    return ContactView(state=ContactState(body.pop("state")), alarm=alarm and AlarmKind(alarm), **body)


def _keys(tx: ReadTransaction, *of: ContactRow) -> defaultdict[int, _Keys]:
    """Return what is to be known of the keys with each contact, or with some."""
    chosen = f"peer IN ({', '.join(str(contact.id) for contact in of)})" if of else "1"
    alarms: dict[int, AlarmKind] = {}
    for peer, kind in tx.query(f"SELECT peer, kind FROM alarm WHERE {chosen}"):  # noqa: S608  # numbers
        number, found = cast("int", peer), AlarmKind(cast("str", kind))
        alarms[number] = min(found, alarms.get(number, found), key=_SERIOUS.index)
    keys = defaultdict(_Keys, {number: _Keys(alarm=alarm) for number, alarm in alarms.items()})
    for peer, ours, theirs in tx.query(f"SELECT peer, ours_at, theirs_at FROM renewal WHERE {chosen}"):  # noqa: S608  # numbers
        number = cast("int", peer)
        keys[number] = _Keys(
            alarm=alarms.get(number),
            renewed_by_us=cast("int | None", ours),
            renewed_by_them=cast("int | None", theirs),
        )
    return keys


def _unread(tx: ReadTransaction, conversation: ConversationRow) -> int:
    """Return how many messages of others came after the one up to which we have read."""
    return rows.number(
        tx,
        "SELECT count(*) FROM message WHERE conversation = ?1 AND author <> (SELECT peer FROM account)"
        " AND seq > (SELECT read_up_to FROM conversation WHERE id = ?1) AND removal IS NULL",
        (conversation.id,),
    )
