"""Faults of ways to an account: what passes between two accounts."""

from __future__ import annotations

from contextlib import aclosing, suppress
from dataclasses import replace

from balchat_host.api.ephemeral import ContactPresence, PresentState
from balchat_host.api.errors import AlreadyAContact, BadInput
from balchat_host.api.events import MessageAdded, MessageChanged, RequestReceived
from balchat_host.api.views import ContactState, MessageState
from tests.kits.app_faults.faulty_app import FaultyPair

REQUEST = "test_a_request_waits_for_approval"
ADDED = "test_who_adds_whoever_asked_accepts"
ARRIVES = "test_a_message_arrives_and_its_states_are_true"
BOTH = "test_what_is_edited_or_deleted_is_so_on_both_sides"
OTHERS = "test_nobody_changes_what_somebody_else_wrote"
MANY = "test_many_messages_arrive_once_and_in_order"
BLOCKED = "test_a_blocked_contact_is_heard_after_unblocking"


class AcceptsByItself(FaultyPair):
    """Accepts whoever asks."""

    caught_by = REQUEST

    async def events_follow(self, call, *given, **named):
        async with aclosing(call(*given, **named)) as events:
            async for event in events:
                if isinstance(event, RequestReceived):
                    await self._app.requests.accept(event.request.peer_id)
                yield event


class ForgetsIntroductions(FaultyPair):
    """Shows requests without what their senders say of themselves."""

    caught_by = REQUEST

    async def requests_list(self, call):
        return [replace(each, introduction="") for each in await call()]


class CountsNoRequests(FaultyPair):
    """Says that no request waits."""

    caught_by = REQUEST

    async def status_get(self, call):
        return replace(await call(), requests=0)


class RejectsInItsViewOnly(FaultyPair):
    """Says that a request is turned down, and keeps it."""

    caught_by = "test_a_rejected_request_leaves_nothing"

    async def requests_reject(self, call, request):
        return (await self._app.requests.list())[0]


class ForgetsWhomItBlocked(FaultyPair):
    """Forgets whom it has blocked when they asked."""

    caught_by = "test_who_is_blocked_when_they_ask_is_a_blocked_contact"

    async def requests_block(self, call, request):
        blocked = await call(request)
        await self._app.contacts.remove(blocked.name)
        return blocked


class ShowsAnotherSafetyNumber(FaultyPair):
    """Shows another safety number than the one that it verifies."""

    caught_by = "test_both_see_the_same_safety_number"

    async def contacts_safety_number(self, call, contact):
        shown = await call(contact)
        return replace(shown, safety_number=shown.safety_number[::-1])


class SaysDeliveredTooEarly(FaultyPair):
    """Says that a message is delivered as soon as it is sent."""

    caught_by = ARRIVES

    async def events_follow(self, call, *given, **named):
        async with aclosing(call(*given, **named)) as events:
            async for event in events:
                if isinstance(event, MessageChanged) and event.message.state is MessageState.SENT:
                    yield replace(event, message=replace(event.message, state=MessageState.DELIVERED))
                else:
                    yield event


class ForgetsThatItWasRead(FaultyPair):
    """Says of a message that was read that it is delivered."""

    caught_by = ARRIVES

    async def messages_get(self, call, message):
        found = await call(message)
        return replace(found, state=MessageState.DELIVERED) if found.state is MessageState.READ else found


class ReadsWhatIsLookedAt(FaultyPair):
    """Takes messages as read when a page of them is asked for."""

    caught_by = ARRIVES

    async def messages_history(self, call, conversation, *given, **named):
        page = await call(conversation, *given, **named)
        if page:
            await self._app.conversations.mark_read(conversation, page[-1].id)
        return page


class NeverTakesAsRead(FaultyPair):
    """Counts messages as unread that were read."""

    caught_by = ARRIVES

    async def conversations_mark_read(self, call, conversation, up_to):
        return await self._app.conversations.get(conversation)


class TakesOthersForUs(FaultyPair):
    """Shows what others wrote as if it were ours."""

    caught_by = ARRIVES

    async def events_follow(self, call, *given, **named):
        async with aclosing(call(*given, **named)) as events:
            async for event in events:
                if isinstance(event, MessageAdded):
                    yield replace(event, message=replace(event.message, author=None))
                else:
                    yield event


class SaysThatEverythingChanged(FaultyPair):
    """Says of a message that its state has changed, whatever has."""

    caught_by = "test_whoever_follows_learns_how_many_have_a_message"

    async def events_follow(self, call, *given, **named):
        async with aclosing(call(*given, **named)) as events:
            async for event in events:
                yield replace(event, changed=("state",)) if isinstance(event, MessageChanged) else event


class MarksNothingAsUnread(FaultyPair):
    """Leaves as read what is to be unread again."""

    caught_by = "test_what_was_marked_as_unread_is_read_again"

    async def conversations_mark_unread(self, call, conversation):
        return await self._app.conversations.get(conversation)


class ArchivesInItsViewOnly(FaultyPair):
    """Says that a conversation is archived, and leaves it."""

    caught_by = "test_a_message_fetches_a_conversation_back_unless_it_is_muted"

    async def conversations_archive(self, call, conversation):
        return replace(await self._app.conversations.get(conversation), archived=True)


class KnowsNobodyWithinReach(FaultyPair):
    """Never says who is within reach."""

    caught_by = "test_whoever_follows_learns_who_is_within_reach"

    async def events_ephemeral(self, call):
        async with aclosing(call()) as moments:
            async for moment in moments:
                if isinstance(moment, PresentState):
                    yield replace(moment, reachable=())
                elif not isinstance(moment, ContactPresence):
                    yield moment


class ForgetsWhatOthersAnswer(FaultyPair):
    """Shows messages of others without what they answer."""

    caught_by = "test_a_conversation_is_the_same_on_both_sides"

    async def messages_history(self, call, *given, **named):
        page = await call(*given, **named)
        return [replace(each, in_reply_to=None) if each.author is not None else each for each in page]


class SaysThatItBeginsAgain(FaultyPair):
    """Says of a contact whose keys are renewed that they have to be asked again."""

    caught_by = "test_messages_go_on_where_keys_are_renewed"

    async def contacts_renew(self, call, contact):
        return replace(await call(contact), state=ContactState.REQUESTED)


class ShowsMessagesTwice(FaultyPair):
    """Shows a message twice."""

    caught_by = MANY

    async def messages_history(self, call, *given, **named):
        page = list(await call(*given, **named))
        return [*page, *page[-1:]]


class ShowsMessagesInAnotherOrder(FaultyPair):
    """Shows messages by their texts."""

    caught_by = MANY

    async def messages_history(self, call, *given, **named):
        return sorted(await call(*given, **named), key=lambda each: each.text)


class LosesMessages(FaultyPair):
    """Loses every seventh message."""

    caught_by = MANY

    async def messages_history(self, call, *given, **named):
        return [each for number, each in enumerate(await call(*given, **named), 1) if number % 7]


class SendsOnlyToWhoHasAccepted(FaultyPair):
    """Drops what is written to somebody who has not accepted yet."""

    caught_by = "test_what_was_written_before_the_approval_arrives_after"

    async def messages_send(self, call, conversation, *given, **named):
        sent = await call(conversation, *given, **named)
        if (await self._app.contacts.get(conversation)).state is not ContactState.ACTIVE:
            await self._app.messages.delete(sent.id)
        return sent


class HearsWhoIsBlocked(FaultyPair):
    """Says that a contact is blocked, and hears them still."""

    caught_by = BLOCKED

    async def contacts_block(self, call, contact):
        return replace(await self._app.contacts.get(contact), blocked=True)


class TellsOfWhoWasBlocked(FaultyPair):
    """Tells, after a contact is blocked, of what they write."""

    caught_by = BLOCKED

    async def contacts_block(self, call, contact):
        self.kept["block"] = call
        return replace(await self._app.contacts.get(contact), blocked=True)

    async def messages_history(self, call, *given, **named):
        return [] if "block" in self.kept else await call(*given, **named)


class LosesWhatCameWhileBlocked(FaultyPair):
    """Never hears what a contact wrote while they were blocked."""

    caught_by = BLOCKED

    async def contacts_unblock(self, call, contact):
        return replace(await self._app.contacts.get(contact), blocked=False)


class EditsWhatOthersWrote(FaultyPair):
    """Edits here what somebody else wrote."""

    caught_by = OTHERS

    async def messages_edit(self, call, message, text, **named):
        with suppress(BadInput):
            return await call(message, text, **named)
        return replace(await self._app.messages.get(message), text=text, edited=True)


class DeletesWhatOthersWrote(FaultyPair):
    """Deletes here what somebody else wrote, where it was to be deleted for everybody."""

    caught_by = OTHERS

    async def messages_delete(self, call, message, *, for_me=False):
        try:
            await call(message, for_me=for_me)
        except BadInput:
            await call(message, for_me=True)


class EditsHereOnly(FaultyPair):
    """Edits a message here, and tells nobody."""

    caught_by = BOTH

    async def messages_edit(self, call, message, text, **named):
        return replace(await self._app.messages.get(message), text=text, edited=True)


class DeletesHereOnly(FaultyPair):
    """Deletes a message here, and tells nobody."""

    caught_by = BOTH

    async def messages_delete(self, call, message, *, for_me=False):
        await call(message, for_me=True)


class ShowsWhatOthersDeleted(FaultyPair):
    """Shows what others have deleted, which it remembers."""

    caught_by = BOTH

    async def messages_history(self, call, *given, **named):
        page = await call(*given, **named)
        self.kept |= {each.id: each.text for each in page if each.text is not None}
        return [replace(each, text=self.kept.get(each.id)) for each in page]


class KeepsRequestsOfWhoWasAdded(FaultyPair):
    """Lists the request still of somebody whom we have added."""

    caught_by = ADDED

    async def contacts_add(self, call, *given, **named):
        self.kept["waiting"] = await self._app.requests.list()
        return await call(*given, **named)

    async def requests_list(self, call):
        return self.kept.get("waiting") or await call()


class RefusesToAddWhoAsked(FaultyPair):
    """Adds nobody whose request waits."""

    caught_by = ADDED

    async def contacts_add(self, call, code, *given, **named):
        for request in await self._app.requests.list():
            if request.onion.removesuffix(".onion") in code:
                raise AlreadyAContact(name=request.name)
        return await call(code, *given, **named)
