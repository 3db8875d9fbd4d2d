"""Faults of ways to an account: what becomes of events, and of what is true only for the moment."""

from __future__ import annotations

from contextlib import ExitStack, aclosing, contextmanager, nullcontext, suppress
from dataclasses import replace

from balchat_host.api.ephemeral import PresentState
from balchat_host.api.errors import BadInput, NoSuchConversation
from balchat_host.api.frontend import MYSELF
from tests.kits.app_faults.faulty_app import FaultyApp

RESUME = "test_events_resume_after_any_cursor"
SUBSCRIBER = "test_a_subscriber_goes_on_where_it_was"
AT_FIRST = "test_nothing_is_attended_at_first"
CLIENT = "test_what_a_client_attends_ends_with_it"
CLIENTS = "test_each_client_attends_a_conversation_of_its_own"
ATTENDED = "test_the_last_one_that_was_said_is_attended"
FOLLOWED = "test_whoever_follows_learns_what_is_attended"


class GivesEventsTwice(FaultyApp):
    """Gives each event twice."""

    caught_by = RESUME

    async def events_follow(self, call, *given, **named):
        async with aclosing(call(*given, **named)) as events:
            async for event in events:
                yield event
                yield event


class LosesEvents(FaultyApp):
    """Gives every third event to nobody."""

    caught_by = RESUME

    async def events_follow(self, call, *given, **named):
        async with aclosing(call(*given, **named)) as events:
            async for event in events:
                if event.cursor % 3:
                    yield event


class NumbersEventsItself(FaultyApp):
    """Gives cursors that begin again with each stream."""

    caught_by = RESUME

    async def events_follow(self, call, *given, **named):
        number = 0
        async with aclosing(call(*given, **named)) as events:
            async for event in events:
                number += 1
                yield replace(event, cursor=number)


class GivesCursorsThatGoBack(FaultyApp):
    """Gives two events in the wrong order."""

    caught_by = RESUME

    async def events_follow(self, call, *given, **named):
        async with aclosing(call(*given, **named)) as events:
            first = await anext(events)
            yield await anext(events)
            yield first
            async for event in events:
                yield event


class BeginsOneTooEarly(FaultyApp):
    """Gives the event at the cursor after which it was asked to begin."""

    caught_by = RESUME

    def events_follow(self, call, after=None, **named):
        return call(max(after - 1, 0) if after else after, **named)


class TellsTheCursorOfYesterday(FaultyApp):
    """Says that the newest event is the one before it."""

    caught_by = RESUME

    async def events_cursor(self, call):
        return max(await call() - 1, 0)


class GivesNewEventsOnly(FaultyApp):
    """Gives no event that was there before it was asked to follow."""

    caught_by = RESUME

    def events_follow(self, call, after=None, **named):
        return call(**named)


class ForgetsSubscribers(FaultyApp):
    """Forgets what a subscriber has acknowledged."""

    caught_by = SUBSCRIBER

    async def events_acknowledge(self, call, subscriber, cursor):
        await call(subscriber, 0)


class LetsSubscribersGoBack(FaultyApp):
    """Goes back to the cursor that was acknowledged last, though a later one was before."""

    caught_by = SUBSCRIBER

    async def events_acknowledge(self, call, subscriber, cursor):
        self.kept[subscriber] = cursor
        await call(subscriber, cursor)

    def events_follow(self, call, after=None, subscriber=None):
        return call(self.kept.get(subscriber) if after is None else after, subscriber)


class HeedsTheSubscriberFirst(FaultyApp):
    """Begins where a subscriber was, although a cursor is given."""

    caught_by = SUBSCRIBER

    def events_follow(self, call, after=None, subscriber=None):
        return call(after if subscriber is None else None, subscriber)


class TakesAnySubscriber(FaultyApp):
    """Takes subscribers without a name."""

    caught_by = "test_a_subscriber_has_a_name"

    async def events_acknowledge(self, call, subscriber, cursor):
        with suppress(BadInput):
            await call(subscriber, cursor)


class HasOneFollower(FaultyApp):
    """Gives an event to one of those who wait for it."""

    caught_by = "test_an_event_comes_to_everybody_who_waits"

    async def events_follow(self, call, *given, **named):
        async with aclosing(call(*given, **named)) as events:
            async for event in events:
                if self.kept.setdefault("given", 0) < event.cursor:
                    self.kept["given"] = event.cursor
                    yield event


class EndsEveryStreamWithOne(FaultyApp):
    """Ends every stream of events when one is given up."""

    caught_by = "test_who_stops_following_leaves_the_others_alone"

    async def events_follow(self, call, *given, **named):
        self.kept["ended"] = False
        try:
            async with aclosing(call(*given, **named)) as events:
                async for event in events:
                    if self.kept["ended"]:
                        return
                    yield event
        finally:
            self.kept["ended"] = True


class TellsOfWhatDidNotChange(FaultyApp):
    """Has an event of what changes nothing."""

    caught_by = "test_what_changes_nothing_is_no_event"

    async def conversations_archive(self, call, conversation):
        await self._app.conversations.unarchive(conversation)
        return await call(conversation)


class AttendsSeveral(FaultyApp):
    """Says that conversations are attended which are shown no more."""

    caught_by = ATTENDED

    async def events_attend(self, call, conversation):
        self.kept[conversation] = True
        await call(conversation)

    async def events_attended(self, call):
        shown = [which for which in self.kept if which is not None]
        return [(await self._app.conversations.get(which)).id for which in shown]


class AttendsWhatIsNotThere(FaultyApp):
    """Attends nothing where it is asked to attend what is not there, and says nothing."""

    caught_by = ATTENDED

    async def events_attend(self, call, conversation):
        try:
            await call(conversation)
        except NoSuchConversation:
            await call(None)


class TellsNoPresentState(FaultyApp):
    """Says at first that nothing is so, whatever is."""

    caught_by = FOLLOWED

    async def events_ephemeral(self, call):
        async with aclosing(call()) as moments:
            async for moment in moments:
                present = isinstance(moment, PresentState)
                yield PresentState(reachable=(), failing=(), attended=()) if present else moment


class TellsWhatIsAttendedAsAnEvent(FaultyApp):
    """Has a durable event of what is true only for the moment."""

    caught_by = "test_what_is_attended_is_no_event"

    async def events_attend(self, call, conversation):
        await call(conversation)
        await self._app.conversations.draft(MYSELF, str(conversation))


class SaysNothingOfNow(FaultyApp):
    """Gives what changes, and not first how it is now."""

    caught_by = AT_FIRST

    async def events_ephemeral(self, call):
        async with aclosing(call()) as moments:
            async for moment in moments:
                if not isinstance(moment, PresentState):
                    yield moment


class AttendsWhatNobodyShows(FaultyApp):
    """Attends the conversation with ourselves as soon as somebody follows."""

    caught_by = AT_FIRST

    async def events_ephemeral(self, call):
        await self._app.events.attend(MYSELF)
        async with aclosing(call()) as moments:
            async for moment in moments:
                yield moment


class AttendsAnEmptyName(FaultyApp):
    """Says that a conversation without an id is attended where none is."""

    caught_by = AT_FIRST

    async def events_attended(self, call):
        return ",".join(await call()).split(",")


class HasNoClients(FaultyApp):
    """Gives itself for every client, so that what one attends does not end with it."""

    caught_by = CLIENT

    def client(self):
        return nullcontext(self)


class KeepsClients(FaultyApp):
    """Ends what a client attends with the account, and not before."""

    caught_by = CLIENT

    def client(self):
        clients = self.kept.setdefault("clients", ExitStack())
        return nullcontext(clients.enter_context(self._app.client()))


class HasOneClient(FaultyApp):
    """Gives all clients the same one, so that one takes the place of what another attends."""

    caught_by = CLIENTS

    @contextmanager
    def client(self):
        if "client" in self.kept:
            yield self.kept["client"]
        else:
            with self._app.client() as self.kept["client"]:
                yield self.kept["client"]
            del self.kept["client"]
