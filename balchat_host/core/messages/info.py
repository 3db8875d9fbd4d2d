"""All that is known of one message: versions, who has it and what we did with it since, and who reacted."""

from typing import Any, Final, cast

from balchat_host.api.storage import ReadTransaction, SqlRow
from balchat_host.api.views import (
    ChangeKind,
    ChangeView,
    MessageInfoView,
    PersonReactionView,
    ReceiptView,
    VersionView,
)
from balchat_host.core import ways
from balchat_host.core.content import MimiContent, shown
from balchat_host.core.delivery.progress import STATES, Step
from balchat_host.core.message_views import message_views
from balchat_host.core.messages import history, versions
from balchat_host.core.rows import MessageRow

_HOW_FAR: Final = (
    "SELECT contact.name, account_key, reached.state, at, reached.reason, way FROM ("
    " SELECT peer, state, at, reason, way FROM {receipts} WHERE {of} = ?2"
    " UNION ALL SELECT member.peer, coalesce(delivery.state, 0), coalesce(delivery.stored_at, payload.made_at),"
    " delivery.reason, delivery.way FROM payload JOIN member ON member.conversation = payload.conversation"
    " LEFT JOIN delivery ON delivery.payload = payload.id AND delivery.peer = member.peer"
    " WHERE payload.{payloads} = ?3 AND member.conversation = ?1 AND member.peer <> (SELECT peer FROM account)"
    " AND member.peer NOT IN (SELECT peer FROM {receipts} WHERE {of} = ?2)"
    ") AS reached JOIN peer ON peer.id = reached.peer JOIN contact ON contact.peer = reached.peer"
    " ORDER BY at, reached.peer"
)
"""How far something has come with each person: a receipt says so, or else what waits for them."""


def info(tx: ReadTransaction, which: str) -> MessageInfoView:
    """Return all that is known of a message. Raise NoSuchMessage."""
    row = history.find(tx, which)
    return MessageInfoView(
        message=message_views(tx, [row])[0],
        versions=_versions(tx, row) if row.removal is None else (),
        receipts=_receipts(tx, row) if row.ours and not row.deleted else (),
        reactions=_reactions(tx, row),
        changes=_changes(tx, row),
        **({} if row.ours else _arrival(tx, row)),
    )


def _arrival(tx: ReadTransaction, row: MessageRow) -> dict[str, Any]:
    ((received_at, way),) = tx.query("SELECT received_at, way FROM message WHERE seq = ?", (row.seq,))
    return {"received_at": received_at, "way": ways.view(tx, cast("int | None", way))}


def _versions(tx: ReadTransaction, row: MessageRow) -> tuple[VersionView, ...]:
    views: list[VersionView] = []
    for identifier, sent_at, octets in versions.everything(tx, row.seq):
        what = shown(MimiContent.decode(octets).part)
        views.append(VersionView(id=identifier.hex(), sent_at=sent_at, content_type=what.content_type, text=what.text))
    return tuple(views)


def _receipts(tx: ReadTransaction, row: MessageRow) -> tuple[ReceiptView, ...]:
    found = tx.query(
        _HOW_FAR.format(receipts="receipt", of="message", payloads="message"), (row.conversation, row.seq, row.seq)
    )
    return tuple(_receipt(tx, each) for each in found)


def _changes(tx: ReadTransaction, row: MessageRow) -> tuple[ChangeView, ...]:
    found = tx.query(
        "SELECT number, id, kind, emoji, made_at FROM change WHERE message = ? ORDER BY number", (row.seq,)
    )
    how_far = _HOW_FAR.format(receipts="change_receipt", of="change", payloads="message_id")
    return tuple(
        ChangeView(
            id=cast("bytes", said).hex(),
            kind=ChangeKind(cast("str", kind)),
            emoji=cast("str | None", emoji),
            made_at=cast("int", made_at),
            receipts=tuple(_receipt(tx, each) for each in tx.query(how_far, (row.conversation, number, said))),
        )
        for number, said, kind, emoji, made_at in found
    )


def _receipt(tx: ReadTransaction, found: SqlRow) -> ReceiptView:
    name, key, state, at, reason, way = found
    return ReceiptView(
        name=cast("str", name),
        peer_id=cast("bytes", key).hex(),
        state=STATES[Step(cast("int", state))],
        at=cast("int", at),
        reason=cast("str | None", reason),
        way=ways.view(tx, cast("int | None", way)),
    )


def _reactions(tx: ReadTransaction, row: MessageRow) -> tuple[PersonReactionView, ...]:
    found = tx.query(
        "SELECT contact.name, account_key, emoji, min(sent_at), max(refers_to = ?)"
        " FROM reaction JOIN peer ON peer.id = reaction.author"
        " LEFT JOIN contact ON contact.peer = reaction.author WHERE message = ? AND emoji IS NOT NULL"
        " GROUP BY reaction.author, replace(emoji, char(65039), '') ORDER BY min(sent_at), reaction.author",
        (versions.shown_id(tx, row), row.seq),
    )
    return tuple(
        PersonReactionView(
            name=cast("str | None", name),
            peer_id=cast("bytes", key).hex(),
            emoji=cast("str", emoji),
            sent_at=cast("int", sent_at),
            edited=not is_to_this,
        )
        for name, key, emoji, sent_at, is_to_this in found
    )
