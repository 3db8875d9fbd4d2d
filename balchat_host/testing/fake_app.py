"""An `App` in memory, for the tests of front ends: every method, every error, no vault, no keys, no network.

It is deterministic: the same calls give the same ids, times, cursors and safety numbers. A test plays the rest of the
world through the methods of `FakeApp` that are not in `App`; or it makes two accounts in one `FakeWorld`, which hear
each other at once.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

import anyio
import anyio.lowlevel

from balchat_host.api.errors import (
    AlreadyAContact,
    BadInput,
    BadOnionAddress,
    BadRelayAddress,
    ContactBlocked,
    NoRelayTransport,
    NoSuchRelay,
    NotRunning,
    OwnChatCode,
    SafetyNumberDiffers,
    TextTooLong,
    TooMany,
    WeakPassphrase,
    WrongSecret,
)
from balchat_host.api.events import Event
from balchat_host.api.frontend import MAX_INTRODUCTION_SIZE, MAX_TEXT_SIZE, App
from balchat_host.api.types import ONLINE, PeerId, Secret, ServiceState
from balchat_host.api.uris import UnreadableUri, read_uri
from balchat_host.api.views import (
    CodeView,
    ContactState,
    ContactView,
    Message,
    MessageState,
    OutboxView,
    RelayView,
    RequestView,
    SafetyNumberView,
    Status,
)
from balchat_host.core.codes import ChatCode
from balchat_host.core.names import made_up_name, name_key
from balchat_host.testing.fake_account import FakeAccount, FakeWorld, fake_peer
from balchat_host.testing.fake_event_log import Pull

MAX_CONTACTS = 100
MAX_RELAYS = 3
SHORTEST_RELAY = 6
MAX_HISTORY = 1000
MIN_PASSPHRASE_SIZE = 8


class FakeApp(App):
    """One account. Public attributes are for tests to look at and to set; `account` has its books."""

    def __init__(self, name: str = "Alice", world: FakeWorld | None = None) -> None:
        self.world = world or FakeWorld()
        self.account = FakeAccount(name, self.world)
        self.passphrase = Secret.from_text("correct horse battery staple")
        self.recovery_code = Secret.from_text("0000-0000")
        self.network = ONLINE
        self.published = ONLINE
        self.transport = ONLINE
        self.process_id = 4242
        self.ended = False
        self.plugins: dict[str, ServiceState] = {}
        self.policy = "both"
        self.works_as: str | None = None
        """What the policy comes to; without it, just that."""
        self.has_relays = True
        """Whether an enabled transport has relays to manage."""
        self._relays: dict[str, RelayView] = {}
        self._renewals = 0
        self._failures: dict[str, list[Exception]] = {}

    # -- what a test does in place of the rest of the world

    def fail_next(self, method: str, error: Exception) -> None:
        """Let the next call of a method raise `error` and do nothing. Not for the streams."""
        self._failures.setdefault(method, []).append(error)

    def befriend(self, name: str) -> ContactView:
        """Have an active contact called `name`; the other side need not exist."""
        return self.account.add_contact(fake_peer(name), name, ContactState.ACTIVE)

    def change_contact(self, contact: str, state: ContactState) -> ContactView:
        """Let a contact get further."""
        return self.account.put_contact(replace(self.account.contact(contact), state=state))

    def reach_contact(self, contact: str, *, reachable: bool) -> None:
        """Let a contact come and go, which is no event."""
        view = self.account.contact(contact)
        self.account.contacts[view.peer_id] = replace(view, reachable=reachable)
        self.account.bell.ring()

    def change_network(
        self, network: ServiceState, published: ServiceState = ONLINE, transport: ServiceState | None = None
    ) -> None:
        """Let the network be in another state, and the transport, which else is as the network is."""
        self.network, self.published, self.transport = network, published, transport or network
        self.account.bell.ring()

    def hear_request(self, name: str, introduction: str = "") -> RequestView:
        """Let somebody called `name` ask to become a contact."""
        return self.account.hear_request(fake_peer(name), name, introduction)

    def hear(self, contact: str, text: str | None, reply_to: str | None = None) -> Message:
        """Let a contact write us a message; without a text, one that is not shown as text."""
        return self.account.receive(self.account.contact(contact), text, reply_to)

    def change_message(self, message_id: str, state: MessageState, reason: str | None = None) -> None:
        """Let a message that we wrote get further, or fail."""
        self.account.change_message(message_id, state, reason)

    def forget_events(self, up_to: int) -> None:
        """Delete events, as happens some day to those that no subscriber needs."""
        self.account.event_log.forget(up_to)

    # -- the account

    async def code(self) -> CodeView:
        await self._enter("code")
        account = self.account
        relays = tuple(PeerId.from_onion(onion) for onion in self._relays)
        code = str(ChatCode(peer=account.peer, name=account.name, relays=relays))
        return CodeView(code=code, peer_id=account.peer_id, onion=account.peer.onion, name=account.name)

    async def status(self) -> Status:
        await self._enter("status")
        return self._status()

    def watch_status(self) -> AsyncIterator[Status]:
        seen = -1

        async def following() -> Status:
            nonlocal seen
            await anyio.lowlevel.checkpoint()
            while seen == self.account.bell.version:
                await self.account.bell.wait()
            seen = self.account.bell.version
            return self._status()

        return Pull(following)

    async def change_passphrase(self, old: Secret, new: Secret) -> None:
        await self._enter("change_passphrase")
        if old not in {self.passphrase, self.recovery_code}:
            raise WrongSecret(slot="passphrase")
        if len(new.reveal()) < MIN_PASSPHRASE_SIZE:
            raise WeakPassphrase(problem=f"it has fewer than {MIN_PASSPHRASE_SIZE} characters")
        self.passphrase = new

    async def renew_recovery_code(self, passphrase: Secret) -> Secret:
        await self._enter("renew_recovery_code")
        if passphrase != self.passphrase:
            raise WrongSecret(slot="passphrase")
        self._renewals += 1
        self.recovery_code = Secret.from_text(f"0000-{self._renewals:04}")
        return self.recovery_code

    async def backup(self, target: str) -> None:
        await self._enter("backup")
        path = anyio.Path(target)
        if not path.is_absolute():
            raise BadInput(what="The target", problem="it is no absolute path")
        if await path.exists():
            raise BadInput(what="The target", problem="it already exists")
        await path.write_bytes(b"a locked copy")

    async def shut_down(self) -> int:
        await self._enter("shut_down")
        self.ended = True
        self.account.bell.ring()
        return self.process_id

    # -- contacts

    async def add_contact(self, code: str, name: str | None = None, introduction: str = "") -> ContactView:
        await self._enter("add_contact")
        account, parsed = self.account, ChatCode.parse(code)
        peer_id = parsed.peer.octets.hex()
        if peer_id == account.peer_id:
            raise OwnChatCode
        if peer_id in account.contacts:
            raise AlreadyAContact(name=account.contacts[peer_id].name)
        if len(account.contacts) >= MAX_CONTACTS:
            raise TooMany(what="contacts", limit=MAX_CONTACTS)
        if _size("The introduction", introduction) > MAX_INTRODUCTION_SIZE:
            raise BadInput(what="The introduction", problem=f"it has more than {MAX_INTRODUCTION_SIZE} octets")
        default = parsed.name or made_up_name(parsed.peer)
        chosen = account.free_name(default if name is None else name)
        if peer_id in account.requests:
            return account.accept_request(account.requests[peer_id], chosen)
        other = account.other_side(peer_id)
        added = account.add_contact(parsed.peer, chosen, ContactState.REQUESTED if other else ContactState.ADDING)
        if other:
            other.hear_request(account.peer, account.name, introduction)
        return added

    async def contacts(self) -> list[ContactView]:
        await self._enter("contacts")
        return self._contacts_by_name()

    async def contact(self, contact: str) -> ContactView:
        await self._enter("contact")
        return self.account.contact(contact)

    async def rename_contact(self, contact: str, name: str) -> ContactView:
        await self._enter("rename_contact")
        view = self.account.contact(contact)
        return self.account.put_contact(replace(view, name=self.account.free_name(name, but_for=view.peer_id)))

    async def safety_number(self, contact: str) -> SafetyNumberView:
        await self._enter("safety_number")
        view = self.account.contact(contact)
        number = self.account.safety_number(view)
        return SafetyNumberView(contact=view.name, safety_number=number, verified=view.verified)

    async def verify_contact(self, contact: str, safety_number: str) -> ContactView:
        await self._enter("verify_contact")
        view = self.account.contact(contact)
        if _digits(safety_number) != _digits(self.account.safety_number(view)):
            raise SafetyNumberDiffers(name=view.name)
        return self.account.put_contact(replace(view, verified=True))

    async def block_contact(self, contact: str) -> ContactView:
        await self._enter("block_contact")
        return self.account.put_contact(replace(self.account.contact(contact), blocked=True))

    async def unblock_contact(self, contact: str) -> ContactView:
        await self._enter("unblock_contact")
        view = self.account.put_contact(replace(self.account.contact(contact), blocked=False))
        if other := self.account.other_side(view.peer_id):
            other.send_waiting(self.account)
        return self.account.contacts[view.peer_id]

    async def remove_contact(self, contact: str) -> None:
        await self._enter("remove_contact")
        self.account.remove_contact(self.account.contact(contact))

    async def requests(self) -> list[RequestView]:
        await self._enter("requests")
        return list(self.account.requests.values())

    async def accept_request(self, request: str, name: str | None = None) -> ContactView:
        await self._enter("accept_request")
        view = self.account.request(request)
        return self.account.accept_request(view, self.account.free_name(view.name if name is None else name))

    async def reject_request(self, request: str) -> RequestView:
        await self._enter("reject_request")
        view = self.account.request(request)
        self.account.close_request(view, "rejected")
        return view

    # -- relays

    async def relays(self) -> list[RelayView]:
        await self._enter("relays")
        self._require_relays()
        return list(self._relays.values())

    async def add_relay(self, address: str) -> RelayView:
        await self._enter("add_relay")
        self._require_relays()
        try:
            onion = PeerId.from_onion(read_uri(address, "balchat-relay", texts=("permit",)).onion).onion
        except BadOnionAddress as error:
            raise BadRelayAddress(problem=error.fields["problem"]) from error
        except UnreadableUri as error:
            raise BadRelayAddress(problem=str(error)) from error
        if onion not in self._relays and len(self._relays) >= MAX_RELAYS:
            raise TooMany(what="relays", limit=MAX_RELAYS)
        fresh = RelayView(onion=onion, default=not self._relays, state=ONLINE, queues=0, round_trip=300, answered_at=1)
        return self._relays.setdefault(onion, fresh)

    async def remove_relay(self, relay: str) -> None:
        await self._enter("remove_relay")
        gone = self._relays.pop(self._relay(relay).onion)
        if gone.default and self._relays:
            self._make_default(next(iter(self._relays)))

    async def check_relay(self, relay: str) -> RelayView:
        await self._enter("check_relay")
        return self._relay(relay)

    async def set_default_relay(self, relay: str) -> RelayView:
        await self._enter("set_default_relay")
        return self._make_default(self._relay(relay).onion)

    def change_relay(self, relay: str, state: ServiceState) -> None:
        """Let a relay be in another state."""
        view = self._relay(relay)
        self._relays[view.onion] = replace(view, state=state)
        self.account.bell.ring()

    def _relay(self, relay: str) -> RelayView:
        self._require_relays()
        wanted = relay.strip().lower().removesuffix(".onion")
        found = [view for view in self._relays.values() if view.onion.startswith(wanted)]
        if len(wanted) < SHORTEST_RELAY or len(found) != 1:
            raise NoSuchRelay(name=relay)
        return found[0]

    def _make_default(self, onion: str) -> RelayView:
        views = {each: replace(view, default=each == onion) for each, view in self._relays.items()}
        self._relays = {onion: views.pop(onion), **views}
        return self._relays[onion]

    def _require_relays(self) -> None:
        if self.ended:
            raise NotRunning
        if not self.has_relays or self.policy == "direct-only":
            raise NoRelayTransport

    # -- messages

    async def send(self, contact: str, text: str, reply_to: str | None = None) -> Message:
        await self._enter("send")
        view = self.account.contact(contact)
        if view.blocked:
            raise ContactBlocked(name=view.name)
        size = _size("The text", text)
        if not text.strip():
            raise BadInput(what="The text", problem="it is empty")
        if size > MAX_TEXT_SIZE:
            raise TextTooLong(size=size, limit=MAX_TEXT_SIZE)
        replied = None if reply_to is None else self.account.message(reply_to, view).id
        message = self.account.write(view, text, replied)
        if other := self.account.other_side(view.peer_id):
            self.account.send_waiting(other)
        return message

    async def message(self, message_id: str) -> Message:
        await self._enter("message")
        return self.account.message(message_id)

    async def history(self, contact: str, limit: int = 50, before: str | None = None) -> list[Message]:
        await self._enter("history")
        if not 1 <= limit <= MAX_HISTORY:
            raise BadInput(what="The limit", problem=f"it is {limit}; 1 to {MAX_HISTORY} are allowed")
        view = self.account.contact(contact)
        conversation = self.account.conversation(view)
        end = len(conversation) if before is None else conversation.index(self.account.message(before, view))
        return conversation[max(0, end - limit) : end]

    async def mark_read(self, contact: str, up_to: str) -> None:
        await self._enter("mark_read")
        view = self.account.contact(contact)
        self.account.mark_read(view, self.account.message(up_to, view))

    # -- events

    async def cursor(self) -> int:
        await self._enter("cursor")
        return self.account.event_log.last

    def events(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        return self.account.event_log.read(after, subscriber)

    async def acknowledge(self, subscriber: str, cursor: int) -> None:
        await self._enter("acknowledge")
        self.account.event_log.acknowledge(subscriber, cursor)

    # -- inside

    async def _enter(self, method: str) -> None:
        await anyio.lowlevel.checkpoint()
        if self._failures.get(method):
            raise self._failures[method].pop(0)

    def _status(self) -> Status:
        waiting = self.account.waiting()
        oldest = min((message.sent_at for message in waiting), default=None)
        return Status(
            vault="unlocked",
            profile="default",
            running=not self.ended,
            network={"network_fake": self.network},
            published=self.published,
            transports={"transport_fake": self.transport},
            plugins=dict(self.plugins),
            policy=self.policy,
            works_as=self.works_as or self.policy,
            contacts=self._contacts_by_name(),
            requests=len(self.account.requests),
            outbox=OutboxView(waiting=len(waiting), in_flight=0, oldest=oldest),
        )

    def _contacts_by_name(self) -> list[ContactView]:
        return sorted(self.account.contacts.values(), key=lambda contact: name_key(contact.name))


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _size(what: str, text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise BadInput(what=what, problem="it is no valid Unicode") from error
