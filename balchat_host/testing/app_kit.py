"""The conformance kit for the `App`: subclass `AppKit`, give it an account, and get the suite.

    class TestRemoteApp(AppKit):
        @pytest.fixture
        async def alice(self):
            async with remote_account() as app:
                yield TestedAccount(app=app, passphrase=…, recovery_code=…)

The account is new for every test: no contact, no request, no message. Nothing needs a network: who is added here is
nobody. Where accounts reach each other, subclass `AppPairKit` of `balchat_host.testing.app_pair_kit` as well.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.errors import (
    AlreadyAContact,
    BadChatCode,
    BadInput,
    ContactBlocked,
    NameTaken,
    NoSuchContact,
    NoSuchMessage,
    NoSuchRequest,
    OwnChatCode,
    SafetyNumberDiffers,
    TextTooLong,
    WeakPassphrase,
    WrongSecret,
)
from balchat_host.api.events import ContactChanged, ContactRemoved, Event, MessageAdded
from balchat_host.api.frontend import MAX_INTRODUCTION_SIZE, MAX_NAME_LENGTH, MAX_TEXT_SIZE, App
from balchat_host.api.types import PeerId, Secret
from balchat_host.api.views import Message, MessageState
from balchat_host.testing.waiting import PATIENCE, closing

T = TypeVar("T")

NEW_PASSPHRASE: Final = Secret.from_text("eight quiet otters row upstream")
WRONG_SECRET: Final = Secret.from_text("not the one that is in use")
NO_MESSAGE: Final = "0" * 64
TEXTS: Final = ("hello", "two\nlines", 'quotes " and \\ and \t', "žluťoučký 你好 🦦", "x" * MAX_TEXT_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedAccount:
    """An account, and what opens its vault."""

    __test__ = False

    app: App
    passphrase: Secret
    recovery_code: Secret


def nobody(number: int = 1) -> PeerId:
    """Give a peer id behind which there is nobody; the same for the same number."""
    key = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32))
    return PeerId(key.public_key().public_bytes_raw())


async def until(app: App, after: int, condition: Callable[[list[Event]], bool]) -> list[Event]:
    """Follow the events after a cursor until `condition` holds for all of them together; give those."""
    seen: list[Event] = []
    async with closing(app.events(after=after)) as events:
        with anyio.fail_after(PATIENCE):
            async for event in events:
                seen.append(event)
                if condition(seen):
                    break
    return seen


async def take(app: App, after: int, count: int) -> list[Event]:
    """Give the next `count` events after a cursor."""
    return await until(app, after, lambda events: len(events) >= count)


def messages(events: Sequence[Event]) -> list[Message]:
    """Give the messages that events say were added."""
    return [event.message for event in events if isinstance(event, MessageAdded)]


@pytest.mark.anyio
class AppKit:
    """What every App does."""

    @pytest.fixture
    def alice(self) -> TestedAccount:
        raise NotImplementedError("a subclass of AppKit gives the fixture `alice`")

    @pytest.fixture
    def app(self, alice: TestedAccount) -> App:
        return alice.app

    # -- the account

    async def test_the_chat_code_is_the_key(self, app: App) -> None:
        ours = await app.code()
        peer = PeerId(bytes.fromhex(ours.peer_id))
        assert ours.onion == peer.onion
        assert ours.code.startswith("balchat:" + peer.onion.removesuffix(".onion"))

    async def test_a_new_account_is_empty(self, app: App) -> None:
        status = await app.status()
        assert status.contacts == await app.contacts() == []
        assert status.requests == len(await app.requests()) == 0
        assert (status.outbox.waiting, status.outbox.oldest) == (0, None)

    async def test_watching_gives_the_state_now_and_after_a_change(self, app: App) -> None:
        async with closing(app.watch_status()) as watched:
            assert (await anext(watched)).contacts == []
            await app.add_contact(nobody().onion, "Bob")
            with anyio.fail_after(PATIENCE):
                while not (contacts := (await anext(watched)).contacts):
                    pass
            assert [contact.name for contact in contacts] == ["Bob"]

    async def test_only_the_passphrase_or_the_recovery_code_changes_the_passphrase(self, alice: TestedAccount) -> None:
        with pytest.raises(WrongSecret):
            await alice.app.change_passphrase(WRONG_SECRET, NEW_PASSPHRASE)
        await alice.app.change_passphrase(alice.passphrase, NEW_PASSPHRASE)
        with pytest.raises(WrongSecret):
            await alice.app.change_passphrase(alice.passphrase, NEW_PASSPHRASE)
        await alice.app.change_passphrase(alice.recovery_code, alice.passphrase)
        await alice.app.change_passphrase(alice.passphrase, NEW_PASSPHRASE)

    async def test_a_weak_passphrase_is_refused_and_the_old_one_stays(self, alice: TestedAccount) -> None:
        with pytest.raises(WeakPassphrase):
            await alice.app.change_passphrase(alice.passphrase, Secret.from_text("a"))
        await alice.app.change_passphrase(alice.passphrase, NEW_PASSPHRASE)

    async def test_a_new_recovery_code_takes_the_place_of_the_old_one(self, alice: TestedAccount) -> None:
        with pytest.raises(WrongSecret):
            await alice.app.renew_recovery_code(WRONG_SECRET)
        renewed = await alice.app.renew_recovery_code(alice.passphrase)
        assert renewed != alice.recovery_code
        with pytest.raises(WrongSecret):
            await alice.app.change_passphrase(alice.recovery_code, NEW_PASSPHRASE)
        await alice.app.change_passphrase(renewed, NEW_PASSPHRASE)

    async def test_a_backup_is_written_anew_and_replaces_none(self, app: App, tmp_path: Path) -> None:
        target = anyio.Path(tmp_path / "backup")
        await app.backup(str(target))
        written = await target.stat()
        with pytest.raises(BadInput):
            await app.backup(str(target))
        assert await target.stat() == written
        with pytest.raises(BadInput):
            await app.backup("backup")

    # -- contacts

    async def test_a_contact_is_called_by_its_name_onion_or_peer_id(self, app: App) -> None:
        cursor = await app.cursor()
        added = await app.add_contact(nobody().onion, "Bob", "It is me")
        assert (added.name, added.peer_id, added.onion) == ("Bob", nobody().octets.hex(), nobody().onion)
        assert (added.verified, added.blocked, added.unread) == (False, False, 0)
        assert await app.contacts() == [added]
        for name in (added.name, added.onion, added.peer_id):
            assert (await app.safety_number(name)).contact == "Bob"
        (event,) = await take(app, cursor, 1)
        assert isinstance(event, ContactChanged)
        assert event.contact.peer_id == added.peer_id

    async def test_without_a_name_the_one_in_the_code_is_taken(self, app: App) -> None:
        code = f"balchat:{nobody().onion.removesuffix('.onion')}?name=Bob"
        assert (await app.add_contact(code)).name == "Bob"
        assert (
            await app.add_contact(code.replace(nobody().onion[:56], nobody(2).onion[:56]), "Robert")
        ).name == "Robert"

    async def test_contacts_come_by_name(self, app: App) -> None:
        for number, name in enumerate(("Zoe", "anna", "Bob"), start=1):
            await app.add_contact(nobody(number).onion, name)
        assert [contact.name for contact in await app.contacts()] == ["anna", "Bob", "Zoe"]

    async def test_a_contact_that_cannot_be_is_refused_and_nothing_changes(self, app: App) -> None:
        ours = await app.code()
        await app.add_contact(nobody().onion, "Bob")
        before, cursor = await app.contacts(), await app.cursor()
        with pytest.raises(BadChatCode):
            await app.add_contact("balchat:nonsense")
        with pytest.raises(OwnChatCode):
            await app.add_contact(ours.code)
        with pytest.raises(AlreadyAContact):
            await app.add_contact(nobody().onion, "Robert")
        with pytest.raises(NameTaken):
            await app.add_contact(nobody(2).onion, "Bob")
        with pytest.raises(BadInput):
            await app.add_contact(nobody(2).onion, "x" * (MAX_NAME_LENGTH + 1))
        with pytest.raises(BadInput):
            await app.add_contact(nobody(2).onion, "Zoe", "x" * (MAX_INTRODUCTION_SIZE + 1))
        assert (await app.contacts(), await app.cursor()) == (before, cursor)

    async def test_a_contact_is_called_by_name_address_code_or_peer_id_in_any_case(self, app: App) -> None:
        added = await app.add_contact(nobody().onion, "Stra\u00dfe")
        bare = added.onion.removesuffix(".onion")
        for called in (
            "stra\u00dfe",
            " STRASSE ",
            added.onion,
            bare.upper(),
            f"balchat:{bare}?name=Bob",
            added.peer_id,
        ):
            assert await app.contact(called) == added
        with pytest.raises(NameTaken):
            await app.add_contact(nobody(2).onion, "Strasse")

    async def test_a_name_never_stands_for_an_address(self, app: App) -> None:
        address, digits = nobody(2).onion, nobody(2).octets.hex()
        for spelling in (address, address.upper(), digits, f"balchat:{address}", "\u200b".join(address[:56])):
            with pytest.raises(BadInput):
                await app.add_contact(nobody().onion, spelling)
        added = await app.add_contact(f"balchat:{nobody().onion[:56]}?name={address}")
        assert added.name == added.onion[: len(added.name)]
        with pytest.raises(BadInput):
            await app.rename_contact(added.name, digits)
        with pytest.raises(NoSuchContact):
            await app.send(address, "hello")

    async def test_renaming(self, app: App) -> None:
        await app.add_contact(nobody().onion, "Bob")
        await app.add_contact(nobody(2).onion, "Zoe")
        assert (await app.rename_contact("Bob", "Robert")).name == "Robert"
        assert (await app.rename_contact("Robert", "Robert")).name == "Robert"
        with pytest.raises(NoSuchContact):
            await app.rename_contact("Bob", "Bert")
        with pytest.raises(NameTaken):
            await app.rename_contact("Robert", "Zoe")
        with pytest.raises(BadInput):
            await app.rename_contact("Robert", "")

    async def test_only_the_right_safety_number_verifies(self, app: App) -> None:
        await app.add_contact(nobody().onion, "Bob")
        shown = await app.safety_number("Bob")
        digits = "".join(filter(str.isdigit, shown.safety_number))
        assert (len(digits), shown.verified) == (60, False)
        wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
        for number in (wrong, digits[:-1], ""):
            with pytest.raises(SafetyNumberDiffers):
                await app.verify_contact("Bob", number)
        assert not (await app.safety_number("Bob")).verified
        assert (await app.verify_contact("Bob", digits)).verified
        assert (await app.verify_contact("Bob", shown.safety_number)).verified

    async def test_blocking_keeps_us_from_writing_until_unblocked(self, app: App) -> None:
        await app.add_contact(nobody().onion, "Bob")
        for _ in range(2):
            assert (await app.block_contact("Bob")).blocked
        with pytest.raises(ContactBlocked):
            await app.send("Bob", "hello")
        for _ in range(2):
            assert not (await app.unblock_contact("Bob")).blocked
        await app.send("Bob", "hello")

    async def test_a_removed_contact_leaves_nothing(self, app: App) -> None:
        await app.add_contact(nobody().onion, "Bob")
        sent, cursor = await app.send("Bob", "hello"), await app.cursor()
        await app.remove_contact("Bob")
        assert await app.contacts() == []
        with pytest.raises(NoSuchContact):
            await app.history("Bob")
        with pytest.raises(NoSuchMessage):
            await app.message(sent.id)
        (event,) = await take(app, cursor, 1)
        assert isinstance(event, ContactRemoved)
        assert (event.name, event.peer_id) == ("Bob", nobody().octets.hex())

    async def test_whoever_is_not_there_is_named_in_the_error(self, app: App) -> None:
        asked: list[Callable[[], Awaitable[object]]] = [
            lambda: app.contact("Zoe"),
            lambda: app.safety_number("Zoe"),
            lambda: app.verify_contact("Zoe", "1"),
            lambda: app.rename_contact("Zoe", "Bob"),
            lambda: app.block_contact("Zoe"),
            lambda: app.unblock_contact("Zoe"),
            lambda: app.remove_contact("Zoe"),
            lambda: app.send("Zoe", "hello"),
            lambda: app.history("Zoe"),
            lambda: app.mark_read("Zoe", NO_MESSAGE),
        ]
        for ask in asked:
            with pytest.raises(NoSuchContact) as raised:
                await ask()
            assert raised.value.fields["name"] == "Zoe"
        for method in (app.accept_request, app.reject_request):
            with pytest.raises(NoSuchRequest) as raised:
                await method("Zoe")
            assert raised.value.fields["name"] == "Zoe"

    # -- messages

    async def test_a_sent_message_is_kept_as_it_was_written(self, app: App) -> None:
        ours, bob = await app.code(), await app.add_contact(nobody().onion, "Bob")
        cursor = await app.cursor()
        sent = [await app.send("Bob", text) for text in TEXTS]
        assert tuple(message.text for message in sent) == TEXTS
        for message in sent:
            assert message.state is MessageState.QUEUED
            assert (message.author, message.author_id) == (None, ours.peer_id)
            assert (message.conversation, message.in_reply_to) == (bob.conversation, None)
            assert await app.message(message.id) == message
        assert await app.history("Bob") == sent
        assert [
            event.message for event in await take(app, cursor, len(sent)) if isinstance(event, MessageAdded)
        ] == sent
        status = await app.status()
        assert status.outbox.waiting >= len(sent)
        assert status.outbox.oldest is not None
        assert status.outbox.oldest <= sent[0].sent_at

    async def test_a_reply_names_what_it_answers(self, app: App) -> None:
        await app.add_contact(nobody().onion, "Bob")
        first = await app.send("Bob", "hello")
        assert (await app.send("Bob", "and", reply_to=first.id)).in_reply_to == first.id
        assert (await app.send("Bob", "again", reply_to=first.id[:16])).in_reply_to == first.id
        for wrong in (NO_MESSAGE, first.id[:5], "no id at all"):
            with pytest.raises(NoSuchMessage):
                await app.send("Bob", "hello", reply_to=wrong)

    async def test_a_text_too_long_is_refused_and_nothing_is_sent(self, app: App) -> None:
        await app.add_contact(nobody().onion, "Bob")
        with pytest.raises(TextTooLong) as raised:
            await app.send("Bob", "ž" * (MAX_TEXT_SIZE // 2) + "x")
        assert (raised.value.fields["size"], raised.value.fields["limit"]) == (MAX_TEXT_SIZE + 1, MAX_TEXT_SIZE)
        assert await app.history("Bob") == []

    async def test_history_goes_back_page_by_page(self, app: App) -> None:
        await app.add_contact(nobody().onion, "Bob")
        sent = [await app.send("Bob", f"message {number}") for number in range(7)]
        pages: list[Message] = []
        while page := await app.history("Bob", limit=3, before=pages[0].id if pages else None):
            assert len(page) <= 3  # noqa: PLR2004  # as asked for
            pages[:0] = page
        assert pages == sent
        for limit in (0, -1, 1001):
            with pytest.raises(BadInput):
                await app.history("Bob", limit=limit)
        with pytest.raises(NoSuchMessage):
            await app.history("Bob", before=NO_MESSAGE)

    async def test_conversations_are_apart(self, app: App) -> None:
        await app.add_contact(nobody().onion, "Bob")
        await app.add_contact(nobody(2).onion, "Zoe")
        sent = await app.send("Bob", "hello")
        assert await app.history("Zoe") == []
        with pytest.raises(NoSuchMessage):
            await app.send("Zoe", "hello", reply_to=sent.id)

    async def test_calls_at_the_same_time_are_all_done(self, app: App) -> None:
        await app.add_contact(nobody().onion, "Bob")
        cursor = await app.cursor()
        async with anyio.create_task_group() as tasks:
            for number in range(40):
                tasks.start_soon(app.send, "Bob", f"message {number}")
        kept = await app.history("Bob")
        assert {message.text for message in kept} == {f"message {number}" for number in range(40)}
        assert messages(await take(app, cursor, 40)) == kept

    # -- events

    async def test_events_resume_after_any_cursor(self, app: App) -> None:
        start = await app.cursor()
        await app.add_contact(nobody().onion, "Bob")
        for number in range(4):
            await app.send("Bob", f"message {number}")
        events = await take(app, start, 5)
        cursors = [event.cursor for event in events]
        assert cursors == sorted(set(cursors))
        assert cursors[-1] == await app.cursor()
        for position, cursor in enumerate(cursors[:-1], start=1):
            assert await take(app, cursor, len(events) - position) == events[position:]

    async def test_an_event_comes_to_everybody_who_waits(self, app: App) -> None:
        cursor = await app.cursor()
        seen: list[list[Event]] = []

        async def follow() -> None:
            seen.append(await take(app, cursor, 1))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(follow)
            await anyio.wait_all_tasks_blocked()
            await app.add_contact(nobody().onion, "Bob")
        assert len(seen) == 3  # noqa: PLR2004  # as many as followed
        assert all(events == seen[0] for events in seen)

    async def test_a_subscriber_goes_on_where_it_was(self, app: App) -> None:
        start = await app.cursor()
        await app.add_contact(nobody().onion, "Bob")
        await app.add_contact(nobody(2).onion, "Zoe")
        first, second = await take(app, start, 2)
        for cursor in (first.cursor, first.cursor, start):
            await app.acknowledge("kit", cursor)
        async with closing(app.events(subscriber="kit")) as events:
            assert await anext(events) == second
        async with closing(app.events(after=start, subscriber="kit")) as events:
            assert await anext(events) == first

    async def test_a_subscriber_has_a_name(self, app: App) -> None:
        for name in ("", "x" * 65):
            with pytest.raises(BadInput):
                await app.acknowledge(name, await app.cursor())

    async def test_who_stops_following_leaves_the_others_alone(self, app: App) -> None:
        cursor = await app.cursor()
        async with closing(app.events(after=cursor)) as follower:
            with anyio.move_on_after(0):
                await anext(app.events(after=cursor))
            await app.add_contact(nobody().onion, "Bob")
            assert isinstance(await anext(follower), ContactChanged)
