"""The conformance kit for two `App`s that reach each other: subclass `AppPairKit` and give it `alice` and `bob`.

Both accounts are new for every test, and online. `AppKit` of `balchat_host.testing.app_kit` has what one account does.
"""

from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from typing import Final

import anyio
import pytest

from balchat_host.api.ephemeral import ContactPresence, PresentState
from balchat_host.api.errors import BadInput, NoSuchConversation
from balchat_host.api.events import (
    ContactChanged,
    ConversationChanged,
    Event,
    MessageAdded,
    MessageChanged,
    RequestClosed,
    RequestReceived,
)
from balchat_host.api.frontend import App
from balchat_host.api.views import ContactState, MessageState, MessageView
from balchat_host.testing.app_kit import TestedAccount, until
from balchat_host.testing.audit.kit import AppKitAudit
from balchat_host.testing.waiting import PATIENCE, closing

MESSAGE_FIELDS: Final = tuple(field.name for field in fields(MessageView))
PROGRESS: Final = (
    MessageState.QUEUED,
    MessageState.SENT,
    MessageState.RELAYED,
    MessageState.DELIVERED,
    MessageState.READ,
)


def _any(condition: Callable[[Event], bool]) -> Callable[[list[Event]], bool]:
    return lambda events: condition(events[-1])


def _reached(message_id: str, state: MessageState) -> Callable[[list[Event]], bool]:
    return _any(
        lambda event: (
            isinstance(event, MessageChanged) and (event.message.id, event.message.state) == (message_id, state)
        )
    )


def _changed(message_id: str, field: str) -> Callable[[list[Event]], bool]:
    return _any(
        lambda event: isinstance(event, MessageChanged) and event.message.id == message_id and field in event.changed
    )


def _active(name: str) -> Callable[[list[Event]], bool]:
    return _any(
        lambda event: (
            isinstance(event, ContactChanged)
            and (event.contact.name, event.contact.state) == (name, ContactState.ACTIVE)
        )
    )


async def introduce(alice: App, bob: App) -> None:
    """Make the two contacts of each other, as `Alice` and `Bob`."""
    alices, bobs = await alice.events.cursor(), await bob.events.cursor()
    await alice.contacts.add((await bob.account.code()).code, "Bob", "It is me")
    await until(bob, bobs, _any(lambda event: isinstance(event, RequestReceived)))
    await bob.requests.accept((await alice.account.code()).peer_id, "Alice")
    await until(alice, alices, _active("Bob"))
    await until(bob, bobs, _active("Alice"))


@pytest.mark.anyio
class AppPairKit(AppKitAudit):
    """What two Apps do that reach each other."""

    @pytest.fixture
    def alice(self) -> TestedAccount:
        raise NotImplementedError("a subclass of AppPairKit gives the fixture `alice`")

    @pytest.fixture
    def bob(self) -> TestedAccount:
        raise NotImplementedError("a subclass of AppPairKit gives the fixture `bob`")

    async def test_a_request_waits_for_approval(self, alice: TestedAccount, bob: TestedAccount) -> None:
        alices, bobs = await alice.app.events.cursor(), await bob.app.events.cursor()
        ours = await alice.app.account.code()
        added = await alice.app.contacts.add((await bob.app.account.code()).code, "Bob", "It is me")
        assert added.state is not ContactState.ACTIVE
        event = (await until(bob.app, bobs, _any(lambda event: isinstance(event, RequestReceived))))[-1]
        assert [request.peer_id for request in await bob.app.requests.list()] == [ours.peer_id]
        (waiting,) = await bob.app.requests.list()
        assert isinstance(event, RequestReceived)
        assert event.request == waiting
        assert (waiting.peer_id, waiting.onion, waiting.introduction) == (ours.peer_id, ours.onion, "It is me")
        assert (await bob.app.status.get()).requests == 1
        assert await bob.app.contacts.list() == []
        accepted = await bob.app.requests.accept(waiting.peer_id, "Alice")
        assert (accepted.name, accepted.peer_id) == ("Alice", ours.peer_id)
        assert await bob.app.requests.list() == []
        await until(bob.app, bobs, _any(lambda event: isinstance(event, RequestClosed)))
        await until(alice.app, alices, _active("Bob"))

    async def test_a_rejected_request_leaves_nothing(self, alice: TestedAccount, bob: TestedAccount) -> None:
        bobs = await bob.app.events.cursor()
        await alice.app.contacts.add((await bob.app.account.code()).code, "Bob")
        await until(bob.app, bobs, _any(lambda event: isinstance(event, RequestReceived)))
        await bob.app.requests.reject((await alice.app.account.code()).onion)
        assert (await bob.app.requests.list(), await bob.app.contacts.list()) == ([], [])
        with pytest.raises(NoSuchConversation):
            await bob.app.messages.send((await alice.app.account.code()).onion, "hello")

    async def test_who_is_blocked_when_they_ask_is_a_blocked_contact(
        self, alice: TestedAccount, bob: TestedAccount
    ) -> None:
        bobs = await bob.app.events.cursor()
        await alice.app.contacts.add((await bob.app.account.code()).code, "Bob")
        await until(bob.app, bobs, _any(lambda event: isinstance(event, RequestReceived)))
        blocked = await bob.app.requests.block("Alice")
        assert (blocked.name, blocked.blocked, blocked.verified) == ("Alice", True, False)
        assert await bob.app.requests.list() == []
        listed = [(contact.peer_id, contact.blocked) for contact in await bob.app.contacts.list()]
        assert listed == [(blocked.peer_id, True)]
        (conversation,) = [each for each in await bob.app.conversations.list() if each.id == blocked.conversation]
        assert (conversation.archived, conversation.unread) == (True, 0)
        await until(bob.app, bobs, _any(lambda event: isinstance(event, RequestClosed) and event.outcome == "blocked"))
        await bob.app.contacts.unblock("Alice")

    async def test_who_adds_whoever_asked_accepts(self, alice: TestedAccount, bob: TestedAccount) -> None:
        alices, bobs = await alice.app.events.cursor(), await bob.app.events.cursor()
        await alice.app.contacts.add((await bob.app.account.code()).code, "Bob")
        await until(bob.app, bobs, _any(lambda event: isinstance(event, RequestReceived)))
        await bob.app.contacts.add((await alice.app.account.code()).code, "Alice")
        assert await bob.app.requests.list() == []
        await until(alice.app, alices, _active("Bob"))
        await until(bob.app, bobs, _active("Alice"))

    async def test_both_see_the_same_safety_number(self, alice: TestedAccount, bob: TestedAccount) -> None:
        await introduce(alice.app, bob.app)
        theirs = await alice.app.contacts.safety_number("Bob")
        ours = await bob.app.contacts.safety_number("Alice")
        assert ours.safety_number == theirs.safety_number
        assert (await bob.app.contacts.verify("Alice", theirs.safety_number)).verified
        assert not (await alice.app.contacts.safety_number("Bob")).verified

    async def test_a_message_arrives_and_its_states_are_true(self, alice: TestedAccount, bob: TestedAccount) -> None:
        await introduce(alice.app, bob.app)
        alices, bobs = await alice.app.events.cursor(), await bob.app.events.cursor()
        sent = await alice.app.messages.send("Bob", "hello 🦦")
        event = (await until(bob.app, bobs, _any(lambda event: isinstance(event, MessageAdded))))[-1]
        assert isinstance(event, MessageAdded)
        got = event.message
        assert (got.id, got.text, got.state) == (sent.id, sent.text, MessageState.RECEIVED)
        assert (got.author, got.author_id) == ("Alice", (await alice.app.account.code()).peer_id)
        assert await bob.app.messages.history("Alice") == [got]
        assert [contact.unread for contact in await bob.app.contacts.list()] == [1]
        await until(alice.app, alices, _reached(sent.id, MessageState.DELIVERED))
        await bob.app.conversations.mark_read("Alice", got.id)
        assert [contact.unread for contact in await bob.app.contacts.list()] == [0]
        events = await until(alice.app, alices, _reached(sent.id, MessageState.READ))
        states = [event.message.state for event in events if isinstance(event, MessageChanged)]
        assert all(PROGRESS.index(one) < PROGRESS.index(next_one) for one, next_one in pairwise(states))
        assert (await alice.app.messages.get(sent.id)).state is MessageState.READ
        assert (await alice.app.status.get()).outbox.waiting == 0

    async def test_whoever_follows_learns_how_many_have_a_message(
        self, alice: TestedAccount, bob: TestedAccount
    ) -> None:
        await introduce(alice.app, bob.app)
        before = await alice.app.events.cursor()
        sent = await alice.app.messages.send("Bob", "hello")
        events = await until(alice.app, before, _reached(sent.id, MessageState.DELIVERED))
        changes = [event for event in events if isinstance(event, MessageChanged)]
        views = [sent, *(event.message for event in changes)]
        assert (views[-1].delivered_to, views[-1].recipients) == (1, 1)
        for old, event in zip(views, changes, strict=False):
            different = {name for name in MESSAGE_FIELDS if getattr(old, name) != getattr(event.message, name)}
            assert set(event.changed) == different

    async def test_what_was_marked_as_unread_is_read_again(self, alice: TestedAccount, bob: TestedAccount) -> None:
        await introduce(alice.app, bob.app)
        for text in ("one", "two"):
            await self._arrival(bob.app, (sent := await alice.app.messages.send("Bob", text)).id)
        shown = await bob.app.conversations.get("Alice")
        first, second = await bob.app.messages.history("Alice")
        assert (shown.unread, shown.first_unread, shown.last_message) == (2, first.id, second)
        read = await bob.app.conversations.mark_read("Alice", sent.id)
        assert (read.unread, read.first_unread) == (0, None)
        before = await bob.app.events.cursor()
        again = await bob.app.conversations.mark_unread("Alice")
        assert (again.unread, again.first_unread) == (1, second.id)
        assert await bob.app.conversations.mark_unread("Alice") == again
        (event,) = await until(bob.app, before, bool)
        assert isinstance(event, ConversationChanged)
        assert set(event.changed) == {"unread", "first_unread"}
        assert (await bob.app.conversations.mark_read("Alice", sent.id)).unread == 0

    async def test_a_message_fetches_a_conversation_back_unless_it_is_muted(
        self, alice: TestedAccount, bob: TestedAccount
    ) -> None:
        await introduce(alice.app, bob.app)
        for muted in (False, True):
            if muted:
                await bob.app.conversations.mute("Alice")
            await bob.app.conversations.archive("Alice")
            await self._arrival(bob.app, (await alice.app.messages.send("Bob", "hello")).id)
            assert (await bob.app.conversations.get("Alice")).archived is muted
        await bob.app.messages.send("Alice", "hello yourself")
        assert not (await bob.app.conversations.get("Alice")).archived

    async def test_whoever_follows_learns_who_is_within_reach(self, alice: TestedAccount, bob: TestedAccount) -> None:
        await introduce(alice.app, bob.app)
        (contact,) = await alice.app.contacts.list()
        async with closing(alice.app.events.ephemeral()) as changes:
            present = await anext(changes)
            assert isinstance(present, PresentState)
            reachable = contact.peer_id in present.reachable
            with anyio.fail_after(PATIENCE):
                while not reachable:
                    change = await anext(changes)
                    reachable = (
                        isinstance(change, ContactPresence) and change.peer_id == contact.peer_id and change.reachable
                    )
        assert (await alice.app.contacts.get("Bob")).reachable
        shown = (await alice.app.conversations.get("Bob")).contact
        assert shown is not None
        assert shown.reachable

    async def test_a_conversation_is_the_same_on_both_sides(self, alice: TestedAccount, bob: TestedAccount) -> None:
        await introduce(alice.app, bob.app)
        first = await alice.app.messages.send("Bob", "hello")
        await self._arrival(bob.app, first.id)
        reply = await bob.app.messages.send("Alice", "hello yourself", reply_to=first.id)
        await self._arrival(alice.app, reply.id)
        seen = [
            [(message.id, message.text, message.in_reply_to) for message in history]
            for history in (await alice.app.messages.history("Bob"), await bob.app.messages.history("Alice"))
        ]
        assert seen[0] == seen[1] == [(first.id, "hello", None), (reply.id, "hello yourself", first.id)]

    async def test_messages_go_on_where_keys_are_renewed(self, alice: TestedAccount, bob: TestedAccount) -> None:
        await introduce(alice.app, bob.app)
        for text in ("before", "after"):
            alices = await alice.app.events.cursor()
            sent = await alice.app.messages.send("Bob", text)
            await until(alice.app, alices, _reached(sent.id, MessageState.DELIVERED))
            # A second time within an hour changes nothing yet.
            renewed = await alice.app.contacts.renew("Bob")
            assert (renewed.name, renewed.state) == ("Bob", ContactState.ACTIVE)
        received = [message.text for message in await bob.app.messages.history("Alice")]
        assert received[-2:] == ["before", "after"]

    async def test_many_messages_arrive_once_and_in_order(self, alice: TestedAccount, bob: TestedAccount) -> None:
        await introduce(alice.app, bob.app)
        sent = [await alice.app.messages.send("Bob", f"message {number}") for number in range(30)]
        await self._arrival(bob.app, sent[-1].id)
        assert [message.id for message in await bob.app.messages.history("Alice")] == [message.id for message in sent]

    async def test_what_was_written_before_the_approval_arrives_after(
        self, alice: TestedAccount, bob: TestedAccount
    ) -> None:
        bobs = await bob.app.events.cursor()
        await alice.app.contacts.add((await bob.app.account.code()).code, "Bob")
        sent = await alice.app.messages.send("Bob", "are you there?")
        await until(bob.app, bobs, _any(lambda event: isinstance(event, RequestReceived)))
        await bob.app.requests.accept((await alice.app.account.code()).peer_id, "Alice")
        await self._arrival(bob.app, sent.id)
        assert (await bob.app.messages.get(sent.id)).text == "are you there?"

    async def test_a_blocked_contact_is_heard_after_unblocking(self, alice: TestedAccount, bob: TestedAccount) -> None:
        await introduce(alice.app, bob.app)
        before = await bob.app.events.cursor()
        await bob.app.contacts.block("Alice")
        sent = await alice.app.messages.send("Bob", "hello?")
        assert await bob.app.messages.history("Alice") == []
        await bob.app.contacts.unblock("Alice")
        await self._arrival(bob.app, sent.id)
        events = await until(bob.app, before, _any(lambda event: isinstance(event, MessageAdded)))
        blocked = [event.contact.blocked for event in events if isinstance(event, ContactChanged)]
        assert blocked == [True, False], "it has heard somebody who was blocked"

    async def test_what_is_edited_or_deleted_is_so_on_both_sides(
        self, alice: TestedAccount, bob: TestedAccount
    ) -> None:
        await introduce(alice.app, bob.app)
        sent = await alice.app.messages.send("Bob", "one")
        await self._arrival(bob.app, sent.id)
        (got,) = await bob.app.messages.history("Alice")
        assert (got.text, got.edited, got.deleted) == ("one", False, False)
        await alice.app.messages.edit(sent.id, "two")
        await until(bob.app, 0, _changed(sent.id, "text"))
        (got,) = await bob.app.messages.history("Alice")
        assert (got.text, got.edited, got.deleted) == ("two", True, False)
        await bob.app.messages.react(sent.id, "👍")
        await until(alice.app, 0, _changed(sent.id, "reactions"))
        (shown,) = await alice.app.messages.history("Bob")
        assert [(each.emoji, each.count, each.ours) for each in shown.reactions] == [("👍", 1, False)]
        await alice.app.messages.delete(sent.id)
        await until(bob.app, 0, _changed(sent.id, "deleted"))
        (got,) = await bob.app.messages.history("Alice")
        assert (got.text, got.deleted, got.reactions) == (None, True, ())

    async def test_nobody_changes_what_somebody_else_wrote(self, alice: TestedAccount, bob: TestedAccount) -> None:
        await introduce(alice.app, bob.app)
        sent = await alice.app.messages.send("Bob", "hello")
        await self._arrival(bob.app, sent.id)
        before = await bob.app.messages.history("Alice")
        with pytest.raises(BadInput):
            await bob.app.messages.edit(sent.id, "good-bye")
        with pytest.raises(BadInput):
            await bob.app.messages.delete(sent.id)
        assert await bob.app.messages.history("Alice") == before
        await bob.app.messages.delete(sent.id, for_me=True)
        assert await bob.app.messages.history("Alice") == []
        assert (await alice.app.messages.get(sent.id)).text == "hello"

    async def _arrival(self, app: App, message_id: str) -> None:
        await until(app, 0, _any(lambda event: isinstance(event, MessageAdded) and event.message.id == message_id))
