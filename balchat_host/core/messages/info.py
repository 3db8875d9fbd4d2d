"""All that is known of one message: versions, receipts, and who reacted."""

from typing import cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import MessageInfoView, PersonReactionView, ReceiptView, VersionView
from balchat_host.core.content import MimiContent, shown
from balchat_host.core.delivery.progress import STATES, Step
from balchat_host.core.message_views import message_views
from balchat_host.core.messages import history, versions
from balchat_host.core.rows import MessageRow


def info(tx: ReadTransaction, which: str) -> MessageInfoView:
    """Return all that is known of a message. Raise NoSuchMessage."""
    row = history.find(tx, which)
    return MessageInfoView(
        message=message_views(tx, [row])[0],
        versions=_versions(tx, row) if row.removal is None else (),
        receipts=_receipts(tx, row) if row.ours else (),
        reactions=_reactions(tx, row),
    )


def _versions(tx: ReadTransaction, row: MessageRow) -> tuple[VersionView, ...]:
    views: list[VersionView] = []
    for identifier, sent_at, octets in versions.everything(tx, row.seq):
        what = shown(MimiContent.decode(octets).part)
        views.append(VersionView(id=identifier.hex(), sent_at=sent_at, content_type=what.content_type, text=what.text))
    return tuple(views)


def _receipts(tx: ReadTransaction, row: MessageRow) -> tuple[ReceiptView, ...]:
    found = tx.query(
        "SELECT contact.name, account_key, state, at, reason FROM receipt JOIN peer ON peer.id = receipt.peer"
        " JOIN contact ON contact.peer = receipt.peer WHERE message = ? ORDER BY at, receipt.peer",
        (row.seq,),
    )
    return tuple(
        ReceiptView(
            name=cast("str", name),
            peer_id=cast("bytes", key).hex(),
            state=STATES[Step(cast("int", state))],
            at=cast("int", at),
            reason=cast("str | None", reason),
        )
        for name, key, state, at, reason in found
    )


def _reactions(tx: ReadTransaction, row: MessageRow) -> tuple[PersonReactionView, ...]:
    found = tx.query(
        "SELECT contact.name, account_key, emoji, min(sent_at) FROM reaction JOIN peer ON peer.id = reaction.author"
        " LEFT JOIN contact ON contact.peer = reaction.author WHERE message = ? AND emoji IS NOT NULL"
        " GROUP BY reaction.author, replace(emoji, char(65039), '') ORDER BY min(sent_at), reaction.author",
        (row.seq,),
    )
    return tuple(
        PersonReactionView(
            name=cast("str | None", name),
            peer_id=cast("bytes", key).hex(),
            emoji=cast("str", emoji),
            sent_at=cast("int", sent_at),
        )
        for name, key, emoji, sent_at in found
    )
