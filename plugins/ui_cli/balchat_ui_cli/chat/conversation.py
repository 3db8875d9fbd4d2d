"""What a chat knows: the messages in sight, which of ours are still on their way, and what is settled for good.

Theory of operation
-------------------
A terminal's scrollback cannot be changed. So a message goes there only when it is settled: somebody else's at once,
ours when it is delivered, read or failed. Until then ours stand between the scrollback and the prompt, where states
may change, and they settle in the order in which they were written. One that we edit or delete afterwards stands there
once more, until that is delivered; so does one that failed and is sent again.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from balchat_host.api.events import (
    ContactChanged,
    ConversationChanged,
    Event,
    MessageAdded,
    MessageChanged,
    MessageRemoved,
)
from balchat_host.api.views import ContactView, ConversationView, MessageState, MessageView
from balchat_ui_cli.render.message_words import message_as_typed, quotation
from balchat_ui_cli.text import short_ids

_SETTLED = frozenset({MessageState.DELIVERED, MessageState.READ, MessageState.FAILED, MessageState.RECEIVED})
_SHOWN_AGAIN = frozenset({"text", "deleted", "reactions"})
"""Fields of a message whose change is shown, though it stands in the scrollback already."""
_REMEMBERED = 2000
"""Messages that are kept for quoting; the oldest are forgotten."""


def _looks(message: MessageView) -> MessageView:
    """Return a message without how far it is, and without how far our reactions are, unless one failed."""
    reactions = tuple(
        each if each.state is MessageState.FAILED else replace(each, state=None) for each in message.reactions
    )
    unsettled = {"state": MessageState.SENT, "reason": None, "delivered_to": 0}
    return replace(message, reactions=reactions, **unsettled)


class Conversation:
    """One conversation as a chat shows it."""

    def __init__(self, view: ConversationView) -> None:
        self.view = view
        self.known: dict[str, MessageView] = {}
        """Every message that was seen here."""
        self.pending: list[MessageView] = []
        """Ours that are not settled, oldest first."""
        self.last_read: MessageView | None = None
        """The newest of ours that the other side has read."""
        self.oldest: str | None = None
        """The id of the oldest message that was shown."""
        self._seen: set[str] = set()

    def begin(self, messages: Sequence[MessageView]) -> list[MessageView]:
        """Take the history; return what is settled."""
        self.oldest = messages[0].id if messages else None
        for message in messages:
            self._learn(message)
        self.pending = [message for message in messages if message.state not in _SETTLED]
        return [message for message in messages if message.state in _SETTLED]

    def earlier(self, messages: Sequence[MessageView]) -> list[MessageView]:
        """Take older messages than any so far; return what to show."""
        self.oldest = messages[0].id if messages else self.oldest
        self.known = {message.id: message for message in messages} | self.known
        self._seen.update(message.id for message in messages)
        return list(messages)

    def found(self, messages: Sequence[MessageView]) -> None:
        """Take messages that a search found, so that their short ids can be used."""
        # What is known stands where it was written.
        new = {message.id: message for message in messages if message.id not in self.known}
        self.known = new | self.known
        self._seen.update(new)

    def hear(self, event: Event) -> list[MessageView]:
        """Take an event; return the messages that are settled now, in the order in which to show them."""
        match event:
            case MessageAdded(message=message) if message.conversation == self.view.id:
                return self.add(message)
            case MessageChanged(message=message) if message.id in self.known:
                return self._change(message, event.changed)
            case MessageRemoved(id=gone):
                self.known.pop(gone, None)
                self.pending = [pending for pending in self.pending if pending.id != gone]
            case ContactChanged(contact=contact) if contact.conversation == self.view.id:
                self.learn(self._as_reachable_as_now(contact))
            case ConversationChanged(conversation=view) if view.id == self.view.id:
                contact = view.contact and self._as_reachable_as_now(view.contact)
                self.view = replace(view, contact=contact)
            case _:
                pass
        return []

    def learn(self, contact: ContactView) -> None:
        """Learn how the contact is that the conversation is with."""
        self.view = replace(self.view, contact=contact, title=contact.name)

    @property
    def members(self) -> list[str]:
        """What we call whom else is in it."""
        return [self.view.contact.name] if self.view.contact else []

    def mentioned(self, text: str) -> list[str]:
        """Return which members a text means by `@` and their name."""
        return [name for name in self.members if re.search(rf"(?<!\w)@{re.escape(name)}(?!\w)", text)]

    @property
    def answerable(self) -> list[tuple[str, str]]:
        """The short ids of messages, the newest first, each with how the message begins."""
        ids = short_ids(self.known)
        return [(ids[message.id], quotation(message)) for message in reversed(self.known.values()) if not message.timer]

    def editable(self) -> tuple[str, str] | None:
        """Return the short id of the newest message of ours that has a text, and that text as it was typed."""
        for message in reversed(self.known.values()):
            if message.author is None and message.text:
                return short_ids(self.known)[message.id], message_as_typed(message)[0]
        return None

    def is_markdown(self, beginning: str) -> bool:
        """Say whether the message whose id begins so is known, and markdown."""
        found = [message for identifier, message in self.known.items() if identifier.startswith(beginning.lower())]
        return len(found) == 1 and message_as_typed(found[0])[1]

    def leave(self) -> list[MessageView]:
        """Return what is still on its way, for the last time."""
        pending, self.pending = self.pending, []
        return pending

    def add(self, message: MessageView) -> list[MessageView]:
        """Take a message, from an event or just written; return it if it is new and settled."""
        if message.id in self._seen:
            return []
        self._learn(message)
        self.oldest = self.oldest or message.id
        if message.state in _SETTLED:
            return [message]
        self.pending.append(message)
        return []

    def _change(self, message: MessageView, changed: Sequence[str]) -> list[MessageView]:
        shown_before = message.id in self._seen and all(message.id != pending.id for pending in self.pending)
        news = bool(_SHOWN_AGAIN.intersection(changed)) and _looks(message) != _looks(self.known[message.id])
        again = self.known[message.id].state is MessageState.FAILED
        self.known[message.id] = message
        if shown_before and (news or again) and message.state not in _SETTLED:
            self.pending.append(message)
            return []
        if message.state is MessageState.READ:
            self.last_read = message
        self.pending = [message if message.id == pending.id else pending for pending in self.pending]
        settled = list(takewhile(lambda pending: pending.state in _SETTLED, self.pending))
        del self.pending[: len(settled)]
        # What stands in the scrollback cannot be changed, so what it has become is shown once more.
        return [message, *settled] if shown_before and news else settled

    def _as_reachable_as_now(self, contact: ContactView) -> ContactView:
        known = self.view.contact
        return replace(contact, reachable=known is not None and known.reachable)

    def _learn(self, message: MessageView) -> None:
        self._seen.add(message.id)
        self.known[message.id] = message
        if message.state is MessageState.READ:
            self.last_read = message
        while len(self.known) > _REMEMBERED:
            forgotten = next(iter(self.known))
            if any(pending.id == forgotten for pending in self.pending):
                return
            del self.known[forgotten]
