"""Conversations: how they are called and kept."""

from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from balchat_host.api.errors import BadInput, NoSuchConversation, NoSuchMessage, TextTooLong
from balchat_host.api.events import ConversationChanged, MessageAdded
from balchat_host.api.frontend import MAX_TEXT_SIZE, MYSELF, NOTES_TO_SELF, App
from balchat_host.api.views import ConversationKind
from balchat_host.testing.app_kit.accounts import NO_MESSAGE, AppKitBase, nobody, take
from balchat_host.testing.octets import assert_octets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LATER = 2**48
"""A time that is in the future for a long while yet, in Unix milliseconds."""


@pytest.mark.anyio
class ConversationTests(AppKitBase):
    """Conversations: how they are called and kept."""

    async def test_it_is_called_by_its_id_or_its_contact(self, app: App) -> None:
        bob = await app.contacts.add(nobody().onion, "Bob")
        shown = await app.conversations.get("bob")
        assert (shown.id, shown.kind, shown.title) == (bob.conversation, ConversationKind.DIRECT, "Bob")
        assert shown.contact == bob
        code = f"balchat:{bob.onion.removesuffix('.onion')}?name=Zoe"
        for which in (bob.conversation, bob.onion, bob.peer_id, code):
            assert await app.conversations.get(which) == shown

    async def test_ours_is_called_by_its_title_our_code_or_me(self, app: App) -> None:
        shown = await app.conversations.get(MYSELF)
        assert (shown.kind, shown.title, shown.contact) == (ConversationKind.SELF, NOTES_TO_SELF, None)
        for which in (shown.id, NOTES_TO_SELF, (await app.account.code()).code):
            assert await app.conversations.get(which) == shown

    async def test_one_that_is_not_there_is_named_in_the_error(self, app: App) -> None:
        asked: list[Callable[[], Awaitable[object]]] = [
            lambda: app.conversations.get("Zoe"),
            lambda: app.conversations.draft("Zoe", "hello"),
            lambda: app.conversations.mute("Zoe"),
            lambda: app.conversations.unmute("Zoe"),
            lambda: app.conversations.archive("Zoe"),
            lambda: app.conversations.unarchive("Zoe"),
            lambda: app.conversations.mark_read("Zoe", NO_MESSAGE),
            lambda: app.conversations.mark_unread("Zoe"),
            lambda: app.conversations.set_timer("Zoe", 60),
            lambda: app.messages.send("Zoe", "hello"),
            lambda: app.messages.history("Zoe"),
            lambda: app.messages.search("hello", conversation="Zoe"),
            lambda: app.files.list("Zoe"),
            lambda: app.files.set_automatic("Zoe", 0),
            lambda: app.events.attend("Zoe"),
        ]
        for ask in asked:
            with pytest.raises(NoSuchConversation) as raised:
                await ask()
            assert raised.value.fields["name"] == "Zoe"

    async def test_whichever_was_written_in_last_comes_first(self, app: App) -> None:
        for number, name in enumerate(("Anna", "Bob", "Zoe"), start=1):
            await app.contacts.add(nobody(number).onion, name)
        for which in ("Bob", "Anna", MYSELF, "Bob"):
            sent = await app.messages.send(which, "hello")
        listed = await app.conversations.list()
        assert [view.title for view in listed] == ["Bob", NOTES_TO_SELF, "Anna", "Zoe"]
        assert listed == [await app.conversations.get(view.id) for view in listed]
        assert listed[0].last_message == sent
        assert listed[-1].last_message is None

    async def test_a_draft_stays_until_its_text_is_sent(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        cursor = await app.events.cursor()
        drafted = await app.conversations.draft("Bob", "half a thou")
        assert drafted.draft == "half a thou"
        assert await app.conversations.get("Bob") == drafted
        await app.conversations.draft("Bob", "a whole thought")
        await app.messages.send("Bob", "something else")
        assert (await app.conversations.get("Bob")).draft == "a whole thought"
        await app.messages.send("Bob", "a whole thought")
        assert (await app.conversations.get("Bob")).draft == ""
        events = await take(app, cursor, 5)
        changes = [event for event in events if isinstance(event, ConversationChanged)]
        assert [event.changed for event in changes] == [("draft",)] * 3
        # No draft that is gone can be read any more.
        assert {event.conversation.draft for event in changes} == {""}

    async def test_a_draft_belongs_to_its_conversation(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        await app.conversations.draft("Bob", "half a thought")
        assert (await app.conversations.get(MYSELF)).draft == ""
        await app.conversations.draft(MYSELF, "a note")
        assert {view.title: view.draft for view in await app.conversations.list()} == {
            "Bob": "half a thought",
            NOTES_TO_SELF: "a note",
        }

    async def test_a_draft_has_the_size_of_a_message(self, app: App) -> None:
        long = "x" * MAX_TEXT_SIZE
        assert_octets((await app.conversations.draft(MYSELF, long)).draft.encode(), long.encode())
        with pytest.raises(TextTooLong):
            await app.conversations.draft(MYSELF, long + "x")
        assert_octets((await app.conversations.get(MYSELF)).draft.encode(), long.encode())
        assert (await app.conversations.draft(MYSELF, "")).draft == ""

    async def test_muting_with_and_without_an_end(self, app: App) -> None:
        shown = await app.conversations.get(MYSELF)
        assert (shown.muted, shown.muted_until) == (False, None)
        muted = await app.conversations.mute(MYSELF)
        assert (muted.muted, muted.muted_until) == (True, None)
        muted = await app.conversations.mute(MYSELF, _LATER)
        assert (muted.muted, muted.muted_until) == (True, _LATER)
        for past in (0, 1, -1):
            with pytest.raises(BadInput):
                await app.conversations.mute(MYSELF, past)
        assert await app.conversations.unmute(MYSELF) == shown

    async def test_what_changes_nothing_is_no_event(self, app: App) -> None:
        await app.conversations.archive(MYSELF)
        cursor = await app.events.cursor()
        await app.conversations.archive(MYSELF)
        await app.conversations.unmute(MYSELF)
        await app.conversations.draft(MYSELF, "")
        await app.conversations.mark_unread(MYSELF)
        assert await app.events.cursor() == cursor

    async def test_what_is_archived_comes_back_when_we_write_in_it(self, app: App) -> None:
        assert (await app.conversations.archive(MYSELF)).archived
        assert not (await app.conversations.unarchive(MYSELF)).archived
        await app.conversations.archive(MYSELF)
        await app.conversations.mute(MYSELF)
        cursor = await app.events.cursor()
        await app.messages.send(MYSELF, "a note")
        added, changed = await take(app, cursor, 2)
        assert isinstance(added, MessageAdded)
        assert isinstance(changed, ConversationChanged)
        assert changed.changed == ("archived",)
        assert not (await app.conversations.get(MYSELF)).archived

    async def test_pages_lead_through_the_history_both_ways(self, app: App) -> None:
        ids = [(await app.messages.send(MYSELF, f"note {number}")).id for number in range(10)]

        async def page(limit: int = 50, **where: str | int) -> list[int]:
            return [ids.index(each.id) for each in await app.messages.history(MYSELF, limit, **where)]  # pyright: ignore[reportArgumentType]  # the ways to say which page

        assert await page(3) == [7, 8, 9]
        assert await page(3, before=ids[7]) == [4, 5, 6]
        assert await page(3, after=ids[3]) == [4, 5, 6]
        assert await page(3, after=ids[8]) == [9]
        assert await page(after=ids[9]) == []
        assert await page(5, around=ids[5]) == [3, 4, 5, 6, 7]
        assert await page(4, around=ids[0]) == [0, 1]
        assert await page(around=ids[5][:12]) == list(range(10))

    async def test_a_page_begins_at_a_time(self, app: App) -> None:
        sent = [await app.messages.send(MYSELF, f"note {number}") for number in range(4)]
        times = [message.sent_at for message in sent]

        async def newest_of(date: int) -> list[str]:
            return [each.id for each in await app.messages.history(MYSELF, 1, date=date)]

        assert await newest_of(0) == [sent[0].id]
        assert await newest_of(times[2]) == [sent[times.index(times[2])].id]
        assert await newest_of(times[-1] + 1) == [sent[-1].id]

    async def test_only_one_way_to_say_which_page(self, app: App) -> None:
        note = (await app.messages.send(MYSELF, "a note")).id
        ways: dict[str, str | int] = {"before": note, "after": note, "around": note, "date": 1}
        for pair in combinations(ways.items(), 2):
            with pytest.raises(BadInput):
                await app.messages.history(MYSELF, **dict(pair))  # pyright: ignore[reportArgumentType]  # as above
        for where in ("before", "after", "around"):
            with pytest.raises(NoSuchMessage):
                await app.messages.history(MYSELF, **{where: NO_MESSAGE})  # pyright: ignore[reportArgumentType]  # as above

    async def test_only_what_failed_is_sent_once_more(self, app: App) -> None:
        note = await app.messages.send(MYSELF, "a note")
        with pytest.raises(BadInput):
            await app.messages.retry(note.id)
        with pytest.raises(NoSuchMessage):
            await app.messages.retry(NO_MESSAGE)
