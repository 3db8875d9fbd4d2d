"""Messages, and the durable events."""

import anyio
import pytest

from balchat_host.api.errors import (
    BadInput,
    NoSuchContact,
    NoSuchMessage,
    TextTooLong,
)
from balchat_host.api.events import ContactChanged, Event, MessageAdded, MessageChanged, MessageRemoved
from balchat_host.api.frontend import MAX_TEXT_SIZE, MYSELF, App
from balchat_host.api.views import MessageState, MessageView
from balchat_host.testing.app_kit.accounts import (
    NO_MESSAGE,
    TEXTS,
    AppKitBase,
    messages,
    nobody,
    take,
)
from balchat_host.testing.audit import confide
from balchat_host.testing.waiting import PATIENCE, closing

MINUTE = 60


@pytest.mark.anyio
class MessageTests(AppKitBase):
    """Messages, and the durable events."""

    # -- messages

    async def test_a_sent_message_is_kept_as_it_was_written(self, app: App) -> None:
        ours, bob = await app.account.code(), await app.contacts.add(nobody().onion, "Bob")
        cursor = await app.events.cursor()
        for text in TEXTS:
            confide("a message", text.encode())
        sent = [await app.messages.send("Bob", text) for text in TEXTS]
        assert tuple(message.text for message in sent) == TEXTS
        for message in sent:
            assert message.state is MessageState.QUEUED
            assert (message.author, message.author_id) == (None, ours.peer_id)
            assert (message.conversation, message.in_reply_to) == (bob.conversation, None)
            assert await app.messages.get(message.id) == message
        assert await app.messages.history("Bob") == sent
        assert [
            event.message for event in await take(app, cursor, len(sent)) if isinstance(event, MessageAdded)
        ] == sent
        status = await app.status.get()
        assert status.outbox.waiting >= len(sent)
        assert status.outbox.oldest is not None
        assert status.outbox.oldest <= sent[0].sent_at

    async def test_a_reply_names_what_it_answers(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        first = await app.messages.send("Bob", "hello")
        assert (await app.messages.send("Bob", "and", reply_to=first.id)).in_reply_to == first.id
        assert (await app.messages.send("Bob", "again", reply_to=first.id[:16])).in_reply_to == first.id
        for wrong in (NO_MESSAGE, first.id[:5], "no id at all"):
            with pytest.raises(NoSuchMessage):
                await app.messages.send("Bob", "hello", reply_to=wrong)

    async def test_a_reply_shows_what_its_author_saw(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        first = await app.messages.send("Bob", "hello")
        await app.messages.edit(first.id, "hello there")
        reply = (await app.messages.send("Bob", "and", reply_to=first.id)).reply
        assert reply is not None
        assert (reply.id, reply.text, reply.edited, reply.deleted) == (first.id, "hello there", False, False)
        await app.messages.edit(first.id, "hello yourself")
        reply = (await app.messages.history("Bob"))[-1].reply
        assert reply is not None
        assert (reply.text, reply.edited) == ("hello there", True)
        await app.messages.delete(first.id)
        reply = (await app.messages.history("Bob"))[-1].reply
        assert reply is not None
        assert (reply.text, reply.deleted) == (None, True)

    async def test_an_edit_takes_the_place_of_a_message_and_earlier_versions_are_kept(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        first = await app.messages.send("Bob", "one")
        cursor = await app.events.cursor()
        edited = await app.messages.edit(first.id[:16], "two")
        assert (edited.id, edited.text, edited.edited) == (first.id, "two", True)
        assert await app.messages.history("Bob") == [edited]
        (event,) = await take(app, cursor, 1)
        assert isinstance(event, MessageChanged)
        assert (event.message, set(event.changed)) == (edited, {"text", "edited"})
        info = await app.messages.info(first.id)
        assert (info.message, [version.text for version in info.versions]) == (edited, ["one", "two"])
        with pytest.raises(TextTooLong):
            await app.messages.edit(first.id, "x" * (MAX_TEXT_SIZE + 1))
        with pytest.raises(NoSuchMessage):
            await app.messages.edit(NO_MESSAGE, "three")

    async def test_what_is_deleted_is_gone_and_only_that_there_was_one_is_shown(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        gone, here = await app.messages.send("Bob", "gone"), await app.messages.send("Bob", "here")
        await app.messages.delete(gone.id)
        first, second = await app.messages.history("Bob")
        assert (first.id, first.text, first.deleted) == (gone.id, None, True)
        assert second == here
        assert (await app.messages.info(gone.id)).versions == ()
        with pytest.raises(BadInput):
            await app.messages.edit(gone.id, "back")
        cursor = await app.events.cursor()
        await app.messages.delete(here.id, for_me=True)
        (event,) = await take(app, cursor, 1)
        assert isinstance(event, MessageRemoved)
        assert (event.id, event.conversation) == (here.id, here.conversation)
        assert [message.id for message in await app.messages.history("Bob")] == [gone.id]
        with pytest.raises(NoSuchMessage):
            await app.messages.get(here.id)

    async def test_reactions_are_counted_and_taken_back(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        message = await app.messages.send("Bob", "hello")
        await app.messages.react(message.id, "👍")
        await app.messages.react(message.id, "👍")
        shown = await app.messages.react(message.id, "🎉")
        assert [(each.emoji, each.count, each.ours) for each in shown.reactions] == [("👍", 1, True), ("🎉", 1, True)]
        assert [each.emoji for each in (await app.messages.info(message.id)).reactions] == ["👍", "🎉"]
        shown = await app.messages.react(message.id, "👍", remove=True)
        assert [each.emoji for each in shown.reactions] == ["🎉"]
        for wrong in ("ok", "", "👍👍"):
            with pytest.raises(BadInput):
                await app.messages.react(message.id, wrong)

    async def test_a_mention_is_shown_under_our_own_name_for_the_person(self, app: App) -> None:
        bob = await app.contacts.add(nobody().onion, "Bob")
        sent = await app.messages.send("Bob", "Ask @Bob, 2*3", mentions=["Bob"])
        address = f"balchat:{bob.onion.removesuffix('.onion')}"
        assert sent.text == f"Ask [@Bob]({address}), 2\\*3"
        await app.contacts.rename("Bob", "Robert")
        assert (await app.messages.get(sent.id)).text == f"Ask [@Robert]({address}), 2\\*3"
        with pytest.raises(NoSuchContact):
            await app.messages.send("Robert", "@Carol", mentions=["Carol"])

    async def test_a_message_expires_as_it_says_or_as_the_timer_of_the_conversation_does(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        sent = await app.messages.send("Bob", "soon", expires_after=3600)
        assert (sent.expires_after, sent.expires_at) == (3600, sent.sent_at + 3_600_000)
        later = sent.sent_at - sent.sent_at % 1000 + 7_200_000
        assert (await app.messages.send("Bob", "then", expires_at=later)).expires_at == later
        conversation = await app.conversations.set_timer("Bob", MINUTE)
        assert (conversation.expire_after, conversation.timer_by) == (MINUTE, MYSELF)
        assert (await app.messages.send("Bob", "a minute")).expires_after == MINUTE
        assert (await app.conversations.set_timer("Bob", None)).expire_after is None
        assert (await app.messages.send("Bob", "stays")).expires_at is None
        for after, at in ((0, None), (None, 1), (MINUTE, later)):
            with pytest.raises(BadInput):
                await app.messages.send("Bob", "no", expires_after=after, expires_at=at)
        with pytest.raises(BadInput):
            await app.conversations.set_timer("Bob", 366 * 24 * 3600)

    async def test_a_text_too_long_is_refused_and_nothing_is_sent(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        with pytest.raises(TextTooLong) as raised:
            await app.messages.send("Bob", "ž" * (MAX_TEXT_SIZE // 2) + "x")
        assert (raised.value.fields["size"], raised.value.fields["limit"]) == (MAX_TEXT_SIZE + 1, MAX_TEXT_SIZE)
        assert await app.messages.history("Bob") == []

    async def test_history_goes_back_page_by_page(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        sent = [await app.messages.send("Bob", f"message {number}") for number in range(7)]
        pages: list[MessageView] = []
        for _ in range(len(sent)):
            page = await app.messages.history("Bob", limit=3, before=pages[0].id if pages else None)
            assert len(page) <= 3  # noqa: PLR2004  # as asked for
            pages[:0] = page
        assert pages == sent
        for limit in (0, -1, 1001):
            with pytest.raises(BadInput):
                await app.messages.history("Bob", limit=limit)
        with pytest.raises(NoSuchMessage):
            await app.messages.history("Bob", before=NO_MESSAGE)

    async def test_words_are_found_the_newest_first(self, app: App) -> None:
        for number, name in enumerate(("Bob", "Carol"), start=1):
            await app.contacts.add(nobody(number).onion, name)
        first = await app.messages.send("Bob", "The café at the harbour.")
        second = await app.messages.send("Carol", "CAFE tomorrow?")
        await app.messages.send("Bob", "Categories")
        page = await app.messages.search("cafe")
        assert [(hit.message, hit.title) for hit in page.hits] == [(second, "Carol"), (first, "Bob")]
        assert page.resume_before is None
        assert [hit.message for hit in (await app.messages.search("cafe", conversation="Bob")).hits] == [first]
        assert [hit.message for hit in (await app.messages.search('"the harbour" cafe')).hits] == [first]
        assert [hit.message for hit in (await app.messages.search("cafe", author="me")).hits] == [second, first]
        assert (await app.messages.search("cafe", author="Bob")).hits == []
        assert (await app.messages.search("cafe", until=first.sent_at)).hits == []
        assert [hit.message for hit in (await app.messages.search("har*", since=first.sent_at)).hits] == [first]

    async def test_a_search_goes_on_page_by_page(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        sent = [await app.messages.send("Bob", f"number {number}") for number in range(7)]
        found: list[MessageView] = []
        before = None
        for _ in range(5):
            page = await app.messages.search("number", limit=3, before=before)
            found += [hit.message for hit in page.hits]
            before = page.resume_before
            if before is None:
                break
        assert found == sent[::-1]

    async def test_an_excerpt_shows_where_the_word_stands(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        await app.messages.send("Bob", "word " * 300 + "Ünïque\n" + "word " * 300)
        [hit] = (await app.messages.search("unique")).hits
        assert "Ünïque" in hit.excerpt
        assert "\n" not in hit.excerpt
        assert len(hit.excerpt) < 200  # noqa: PLR2004  # about a line

    async def test_what_cannot_be_searched_is_refused(self, app: App) -> None:
        for words in ("", "!?", "ab*", "x" * 300):
            with pytest.raises(BadInput):
                await app.messages.search(words)
        for limit in (0, 201):
            with pytest.raises(BadInput):
                await app.messages.search("word", limit=limit)
        with pytest.raises(NoSuchMessage):
            await app.messages.search("word", before=NO_MESSAGE)

    async def test_what_is_gone_with_its_contact_is_not_found(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        sent = await app.messages.send("Bob", "secret")
        assert [hit.message for hit in (await app.messages.search("secret")).hits] == [sent]
        await app.contacts.remove("Bob")
        assert (await app.messages.search("secret")).hits == []

    async def test_what_was_edited_or_deleted_is_found_as_it_is_now(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        first, second = await app.messages.send("Bob", "harbour"), await app.messages.send("Bob", "lighthouse")
        edited = await app.messages.edit(first.id, "station")
        await app.messages.delete(second.id)
        assert [hit.message for hit in (await app.messages.search("station")).hits] == [edited]
        for words in ("harbour", "lighthouse"):
            assert (await app.messages.search(words)).hits == []

    async def test_conversations_are_apart(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        await app.contacts.add(nobody(2).onion, "Zoe")
        sent = await app.messages.send("Bob", "hello")
        assert await app.messages.history("Zoe") == []
        with pytest.raises(NoSuchMessage):
            await app.messages.send("Zoe", "hello", reply_to=sent.id)

    async def test_calls_at_the_same_time_are_all_done(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        cursor = await app.events.cursor()
        async with anyio.create_task_group() as tasks:
            for number in range(40):
                tasks.start_soon(app.messages.send, "Bob", f"message {number}")
        kept = await app.messages.history("Bob")
        assert {message.text for message in kept} == {f"message {number}" for number in range(40)}
        assert messages(await take(app, cursor, 40)) == kept

    # -- events

    async def test_events_resume_after_any_cursor(self, app: App) -> None:
        start = await app.events.cursor()
        await app.contacts.add(nobody().onion, "Bob")
        for number in range(4):
            await app.messages.send("Bob", f"message {number}")
        events = await take(app, start, 5)
        cursors = [event.cursor for event in events]
        assert cursors == sorted(set(cursors))
        assert cursors[-1] == await app.events.cursor()
        for position, cursor in enumerate(cursors[:-1], start=1):
            assert await take(app, cursor, len(events) - position) == events[position:]

    async def test_an_event_comes_to_everybody_who_waits(self, app: App) -> None:
        cursor = await app.events.cursor()
        seen: list[list[Event]] = []

        async def follow() -> None:
            seen.append(await take(app, cursor, 1))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(follow)
            await anyio.wait_all_tasks_blocked()
            await app.contacts.add(nobody().onion, "Bob")
        assert len(seen) == 3  # noqa: PLR2004  # as many as followed
        assert all(events == seen[0] for events in seen)

    async def test_a_subscriber_goes_on_where_it_was(self, app: App) -> None:
        start = await app.events.cursor()
        await app.contacts.add(nobody().onion, "Bob")
        await app.contacts.add(nobody(2).onion, "Zoe")
        first, second = await take(app, start, 2)
        for cursor in (first.cursor, first.cursor, start):
            await app.events.acknowledge("kit", cursor)
        async with closing(app.events.follow(subscriber="kit")) as events:
            assert await anext(events) == second
        async with closing(app.events.follow(after=start, subscriber="kit")) as events:
            assert await anext(events) == first

    async def test_a_subscriber_has_a_name(self, app: App) -> None:
        for name in ("", "x" * 65):
            with pytest.raises(BadInput):
                await app.events.acknowledge(name, await app.events.cursor())

    async def test_who_stops_following_leaves_the_others_alone(self, app: App) -> None:
        cursor = await app.events.cursor()
        async with closing(app.events.follow(after=cursor)) as follower:
            for number, name in enumerate(("Bob", "Zoe"), start=1):
                other = app.events.follow(after=await app.events.cursor())
                with anyio.move_on_after(0):
                    await anext(other)
                await app.contacts.add(nobody(number).onion, name)
                with anyio.fail_after(PATIENCE):
                    event = await anext(follower, None)
                assert isinstance(event, ContactChanged)
                assert event.contact.name == name
