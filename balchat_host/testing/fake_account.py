"""What a fake account holds, and what happens to it: contacts, requests, messages, and the news of them.

`FakeApp` checks what a front end asks for and then calls this; accounts of one `FakeWorld` call each other.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from balchat_host.api.errors import NameTaken, NoSuchContact, NoSuchMessage, NoSuchRequest
from balchat_host.api.events import (
    ContactChanged,
    ContactRemoved,
    Event,
    MessageAdded,
    MessageStateChanged,
    RequestClosed,
    RequestReceived,
)
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactState, ContactView, Message, MessageState, RequestView
from balchat_host.core.codes import parse_peer
from balchat_host.core.key_spellings import is_spelt_like_a_key
from balchat_host.core.names import check_name, name_key, search_key
from balchat_host.core.safety import safety_number
from balchat_host.testing.fake_event_log import Bell, Clock, EventLog

MIN_ID_DIGITS = 6
"""Digits of the shortest beginning of a message id that stands for the whole."""

_WAITING = frozenset({MessageState.QUEUED, MessageState.SENT})


@dataclass(slots=True)
class FakeWorld:
    """Accounts that reach each other, by peer id. Both sides see what a call does before it returns."""

    accounts: dict[str, "FakeAccount"] = field(default_factory=dict[str, "FakeAccount"])


class FakeAccount:
    """One account's books. They are plain dictionaries, by id, oldest first."""

    def __init__(self, name: str, world: FakeWorld) -> None:
        self.name = name
        self.peer = fake_peer(name)
        self.peer_id = self.peer.octets.hex()
        self.bell = Bell()
        self.event_log = EventLog(self.bell)
        self.contacts: dict[str, ContactView] = {}
        self.requests: dict[str, RequestView] = {}
        self.messages: dict[str, Message] = {}
        self._world = world
        self._clock = Clock()
        self._written = 0
        world.accounts[self.peer_id] = self

    def other_side(self, peer_id: str) -> "FakeAccount | None":
        """Give the account of that peer, if it is in our world."""
        return self._world.accounts.get(peer_id)

    # -- contacts

    def contact(self, name: str) -> ContactView:
        """Find a contact by name, onion address or peer id. Raises NoSuchContact."""
        for view in self.contacts.values():
            if _is_called(name, view):
                return view
        raise NoSuchContact(name=name)

    def free_name(self, name: str, but_for: str | None = None) -> str:
        """Check a name for a contact. Raises BadInput, NameTaken."""
        checked = check_name(name)
        key = name_key(checked)
        if any(name_key(view.name) == key and view.peer_id != but_for for view in self.contacts.values()):
            raise NameTaken(name=checked)
        return checked

    def add_contact(self, peer: PeerId, name: str, state: ContactState) -> ContactView:
        """Have a new contact."""
        return self.put_contact(
            ContactView(
                name=name,
                peer_id=peer.octets.hex(),
                onion=peer.onion,
                conversation=_shared(self.peer_id, peer.octets.hex()),
                state=state,
                verified=False,
                blocked=False,
                unread=0,
            )
        )

    def put_contact(self, view: ContactView) -> ContactView:
        """Have a contact that is new or has changed, and tell."""
        self.contacts[view.peer_id] = view
        self._tell(lambda cursor, at: ContactChanged(cursor=cursor, at=at, contact=view))
        return view

    def remove_contact(self, view: ContactView) -> None:
        """Delete a contact and the conversation with it."""
        del self.contacts[view.peer_id]
        self.messages = {
            key: message for key, message in self.messages.items() if message.conversation != view.conversation
        }
        self._tell(lambda cursor, at: ContactRemoved(cursor=cursor, at=at, name=view.name, peer_id=view.peer_id))

    def safety_number(self, contact: ContactView) -> str:
        """Give the sixty digits that both sides have."""
        return safety_number(self.peer, PeerId(bytes.fromhex(contact.peer_id)))

    # -- requests

    def request(self, name: str) -> RequestView:
        """Find a request by peer id, onion address, or a name that only one gave. Raises NoSuchRequest."""
        found = [view for view in self.requests.values() if _is_called(name, view)]
        if len(found) != 1:
            raise NoSuchRequest(name=name)
        return found[0]

    def hear_request(self, peer: PeerId, name: str, introduction: str) -> RequestView:
        """Let a peer ask to become a contact."""
        peer_id = peer.octets.hex()
        view = RequestView(
            peer_id=peer_id, onion=peer.onion, name=name, introduction=introduction, received_at=self._clock()
        )
        self.requests[peer_id] = view
        self._tell(lambda cursor, at: RequestReceived(cursor=cursor, at=at, request=view))
        return view

    def close_request(self, view: RequestView, outcome: str) -> None:
        """Forget a request, and tell."""
        del self.requests[view.peer_id]
        self._tell(lambda cursor, at: RequestClosed(cursor=cursor, at=at, peer_id=view.peer_id, outcome=outcome))

    def accept_request(self, request: RequestView, name: str) -> ContactView:
        """Make who asked a contact, on both sides."""
        self.close_request(request, "accepted")
        view = self.add_contact(PeerId(bytes.fromhex(request.peer_id)), name, ContactState.ACTIVE)
        other = self.other_side(request.peer_id)
        if other and self.peer_id in other.contacts:
            other.put_contact(replace(other.contacts[self.peer_id], state=ContactState.ACTIVE))
            other.send_waiting(self)
        return self.contacts[view.peer_id]

    # -- messages

    def conversation(self, contact: ContactView) -> list[Message]:
        """Give every message of a conversation, oldest first."""
        return [message for message in self.messages.values() if message.conversation == contact.conversation]

    def message(self, beginning: str, contact: ContactView | None = None) -> Message:
        """Find a message, or one of a conversation, by its id or the beginning of it. Raises NoSuchMessage."""
        among = self.messages.values() if contact is None else self.conversation(contact)
        found = [message for message in among if message.id.startswith(beginning.lower())]
        if len(found) != 1 or len(beginning) < MIN_ID_DIGITS:
            raise NoSuchMessage(name=beginning)
        return found[0]

    def waiting(self) -> list[Message]:
        """Give what we wrote and nobody has yet."""
        return [message for message in self.messages.values() if message.state in _WAITING]

    def write(self, contact: ContactView, text: str, reply_to: str | None) -> Message:
        """Have a new message of our own, queued."""
        return self._put_message(
            contact, self._next_id(), text, reply_to, author=None, author_id=self.peer_id, state=MessageState.QUEUED
        )

    def receive(
        self, contact: ContactView, text: str | None, reply_to: str | None, message_id: str | None = None
    ) -> Message:
        """Have a new message of a contact's, unread."""
        self.contacts[contact.peer_id] = replace(contact, unread=contact.unread + 1)
        return self._put_message(
            contact,
            message_id or self._next_id(),
            text,
            reply_to,
            author=contact.name,
            author_id=contact.peer_id,
            state=MessageState.RECEIVED,
        )

    def change_message(self, message_id: str, state: MessageState, reason: str | None = None) -> None:
        """Let a message of our own get further, or fail."""
        message = replace(self.messages[message_id], state=state, reason=reason)
        self.messages[message_id] = message
        self._tell(
            lambda cursor, at: MessageStateChanged(
                cursor=cursor, at=at, id=message.id, conversation=message.conversation, state=state, reason=reason
            )
        )

    def mark_read(self, contact: ContactView, up_to: Message) -> None:
        """Take what a contact wrote up to a message for read, and let its author know."""
        conversation = self.conversation(contact)
        unread = [message for message in conversation if message.author is not None]
        unread = unread[len(unread) - contact.unread :]
        read = [message for message in conversation[: conversation.index(up_to) + 1] if message in unread]
        if read:
            self.put_contact(replace(contact, unread=contact.unread - len(read)))
        if author := self.other_side(contact.peer_id):
            for message in read:
                author.change_message(message.id, MessageState.READ)

    def send_waiting(self, other: "FakeAccount") -> None:
        """Hand over what waits for another account of our world, unless it does not hear us."""
        us, them = other.contacts.get(self.peer_id), self.contacts.get(other.peer_id)
        if us is None or them is None or us.blocked:
            return
        if us.state is not ContactState.ACTIVE or them.state is not ContactState.ACTIVE:
            return
        for message in self.waiting():
            if message.conversation == them.conversation:
                self.change_message(message.id, MessageState.SENT)
                other.receive(other.contacts[self.peer_id], message.text, message.in_reply_to, message.id)
                self.change_message(message.id, MessageState.DELIVERED)

    def _put_message(
        self,
        contact: ContactView,
        message_id: str,
        text: str | None,
        reply_to: str | None,
        *,
        author: str | None,
        author_id: str,
        state: MessageState,
    ) -> Message:
        message = Message(
            id=message_id,
            conversation=contact.conversation,
            author=author,
            author_id=author_id,
            sent_at=self._clock(),
            content_type="text/plain",
            text=text,
            in_reply_to=reply_to,
            state=state,
        )
        self.messages[message.id] = message
        self._tell(lambda cursor, at: MessageAdded(cursor=cursor, at=at, message=message))
        return message

    def _next_id(self) -> str:
        self._written += 1
        return hashlib.sha256(f"{self.peer_id}/{self._written}".encode()).hexdigest()

    def _tell(self, make: Callable[[int, int], Event]) -> None:
        at = self._clock()
        self.event_log.write(lambda cursor: make(cursor, at))


def fake_peer(name: str) -> PeerId:
    """Give the peer id that a fake account of this name has."""
    return PeerId(hashlib.sha256(name.encode()).digest())


def _shared(one: str, other: str) -> str:
    return hashlib.sha256("".join(sorted((one, other))).encode()).hexdigest()


def _is_called(name: str, view: ContactView | RequestView) -> bool:
    if is_spelt_like_a_key(name):
        peer = parse_peer(name)
        return peer is not None and peer.onion == view.onion
    return search_key(name) == search_key(view.name)
