"""How messages look to front ends, with what belongs to them: reactions, what they answer, and people's names in them.

A page has up to a thousand messages, so each kind of fact about them takes one query.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from balchat_host.api.errors import BadOnionAddress
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.api.views import MessageView, ReactionView, ReplyView, TimerView
from balchat_host.core import emoji, rows
from balchat_host.core.content import MimiContent, is_markdown, shown, timer_body
from balchat_host.core.delivery import changes
from balchat_host.core.files import rows as files
from balchat_host.core.messages import mentions
from balchat_host.core.rows import MessageRow, Removal

MAX_QUOTE: Final = 280
"""Characters that are shown of a message that another one answers."""
_Reactions = dict[int, tuple[ReactionView, ...]]


def message_view(row: MessageRow) -> MessageView:
    """Show a message without what stands elsewhere: reactions, what it answers, and names of people."""
    return MessageView(
        id=row.id.hex(),
        conversation=row.conversation_id.hex(),
        author=None if row.ours else row.author_name,
        author_id=row.author.octets.hex(),
        sent_at=row.sent_at,
        content_type=row.content_type,
        text=row.text,
        in_reply_to=row.in_reply_to.hex() if row.in_reply_to else None,
        state=row.state,
        reason=row.progress.reason if row.ours else None,
        delivered_to=row.progress.delivered_to if row.ours else 0,
        recipients=row.progress.recipients if row.ours else 0,
        missing_before=row.missing_before,
        edited=row.edited,
        deleted=row.deleted,
        expires_after=row.expires_after,
        expires_at=row.expires_at,
        mentions_us=row.mentions_us,
    )


def message_views(tx: ReadTransaction, found: Sequence[MessageRow]) -> list[MessageView]:
    """Show messages as they are now."""
    names = _Names(tx)
    reactions = _reactions(tx, [row.seq for row in found])
    replies = _replies(tx, found, names)
    timers = _timers(tx, [row.seq for row in found if row.removal is Removal.TIMER])
    attached = files.of_messages(tx, [row.seq for row in found])
    return [
        replace(
            message_view(row),
            text=names.in_text(row.text, row.content_type),
            reactions=reactions.get(row.seq, ()),
            reply=replies.get((row.conversation, row.in_reply_to)),
            timer=timers.get(row.seq),
            files=attached.get(row.seq, ()),
        )
        for row in found
    ]


class _Names:
    """What we call people, by their URI, each looked up once."""

    def __init__(self, tx: ReadTransaction) -> None:
        self._tx = tx
        self._known: dict[str, str | None] = {}

    def in_text(self, text: str | None, content_type: str) -> str | None:
        """Return a text with our own names for the people that it mentions."""
        if text is None or not is_markdown(content_type):
            return text
        return mentions.under_names(text, self._of)

    def _of(self, uri: str) -> str | None:
        if uri not in self._known:
            self._known[uri] = self._look_up(uri)
        return self._known[uri]

    def _look_up(self, uri: str) -> str | None:
        try:
            key = PeerId.from_onion(f"{uri.partition(':')[2]}.onion").octets
        except BadOnionAddress:
            return None
        found = self._tx.query(
            "SELECT name FROM contact JOIN peer ON peer.id = contact.peer WHERE account_key = ?1"
            " UNION ALL SELECT name FROM account WHERE account_key = ?1",
            (key,),
        )
        return cast("str", found[0][0]) if found else None


def _reactions(tx: ReadTransaction, seqs: Sequence[int]) -> _Reactions:
    """Return the reactions to messages, each emoji once, in the order in which they came."""
    found = tx.query(
        "SELECT message, emoji, author, author = (SELECT peer FROM account) FROM reaction"  # noqa: S608  # numbers
        f" WHERE message IN ({','.join(map(str, seqs))}) AND emoji IS NOT NULL ORDER BY sent_at, id, place",
    )
    people: dict[tuple[int, str], dict[int, bool]] = {}
    shown_as: dict[tuple[int, str], str] = {}
    for message, each, author, ours in found:
        key = cast("int", message), emoji.key(cast("str", each))
        shown_as.setdefault(key, cast("str", each))
        people.setdefault(key, {})[cast("int", author)] = bool(ours)
    views: _Reactions = {}
    reacted = {message for (message, _), who in people.items() if any(who.values())}
    states = changes.reaction_states(tx, list(reacted)) if reacted else {}
    for (message, name), who in people.items():
        ours = any(who.values())
        state = states.get((message, name)) if ours else None
        view = ReactionView(emoji=shown_as[message, name], count=len(who), ours=ours, state=state)
        views[message] = (*views.get(message, ()), view)
    return views


def _timers(tx: ReadTransaction, seqs: Sequence[int]) -> dict[int, TimerView]:
    """Return what lines that say so set the timer to."""
    if not seqs:
        return {}
    found = tx.query(f"SELECT seq, content FROM message WHERE seq IN ({','.join(map(str, seqs))})")  # noqa: S608  # numbers
    return {
        cast("int", seq): TimerView(expire_after=timer_body.decode(MimiContent.decode(cast("bytes", octets)).body))
        for seq, octets in found
    }


def _replies(
    tx: ReadTransaction, found: Sequence[MessageRow], names: _Names
) -> dict[tuple[int, bytes | None], ReplyView]:
    """Return what messages answer, by conversation and the id that they name."""
    wanted = {(row.conversation, row.in_reply_to) for row in found}
    return {
        (conversation, seen): _reply(tx, row, seen, names)
        for conversation, seen in wanted
        if seen is not None and (row := _answered(tx, conversation, seen)) is not None
    }


def _answered(tx: ReadTransaction, conversation: int, message_id: bytes) -> MessageRow | None:
    there = rows.messages_where(
        tx,
        "message.conversation = ?1 AND (message.id = ?2"  # noqa: S608  # our own text
        " OR (message.id, message.author) = (SELECT replaces, author FROM version WHERE id = ?2))"
        f" AND {rows.SHOWN} LIMIT 1",
        (conversation, message_id),
    )
    return there[0] if there else None


def _reply(tx: ReadTransaction, row: MessageRow, seen: bytes, names: _Names) -> ReplyView:
    text, content_type, edited = row.text, row.content_type, False
    if row.edited and row.removal is None:
        newest = tx.query(
            "SELECT id FROM version WHERE message = ? ORDER BY sent_at DESC, sequence DESC, id DESC LIMIT 1", (row.seq,)
        )
        edited = newest[0][0] != seen
        octets = tx.query(
            "SELECT content FROM version WHERE id = ?1"
            " UNION ALL SELECT content FROM message WHERE id = ?1 AND seq = ?2",
            (seen, row.seq),
        )
        what = shown(MimiContent.decode(cast("bytes", octets[0][0])).part)
        text, content_type = what.text, what.content_type
    named = names.in_text(text, content_type)
    return ReplyView(
        id=row.id.hex(),
        author=None if row.ours else row.author_name,
        author_id=row.author.octets.hex(),
        content_type=content_type,
        text=None if named is None else named[:MAX_QUOTE],
        edited=edited,
        deleted=row.deleted,
    )
