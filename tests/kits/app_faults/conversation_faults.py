"""Faults of ways to an account: how conversations are called and kept."""

from __future__ import annotations

from contextlib import aclosing, suppress
from dataclasses import replace

from balchat_host.api.errors import BadInput, NoSuchContact, NoSuchConversation, NoSuchMessage, TextTooLong
from balchat_host.api.frontend import MAX_TEXT_SIZE
from balchat_host.api.views import SearchPage
from tests.kits.app_faults.faulty_app import FaultyApp

CALLED = "test_it_is_called_by_its_id_or_its_contact"
OURS = "test_ours_is_called_by_its_title_our_code_or_me"
NOT_THERE = "test_one_that_is_not_there_is_named_in_the_error"
SIZE = "test_a_draft_has_the_size_of_a_message"
ARCHIVED = "test_what_is_archived_comes_back_when_we_write_in_it"
TIME = "test_a_page_begins_at_a_time"
ONE_WAY = "test_only_one_way_to_say_which_page"
BOTH_WAYS = "test_pages_lead_through_the_history_both_ways"


class LeadsBackOnly(FaultyApp):
    """Takes `after` for `before`."""

    caught_by = BOTH_WAYS

    async def messages_history(self, call, *given, after=None, **named):
        return await call(*given, **({"before": after} if after else {}), **named)


class HasNoMessageInTheMiddle(FaultyApp):
    """Leaves out the message around which a page is asked for."""

    caught_by = BOTH_WAYS

    async def messages_history(self, call, *given, around=None, **named):
        page = await call(*given, around=around, **named)
        return [message for message in page if around is None or not message.id.startswith(around)]


class SharesDrafts(FaultyApp):
    """Shows a draft in every conversation."""

    caught_by = "test_a_draft_belongs_to_its_conversation"

    async def conversations_draft(self, call, conversation, text):
        self.kept["draft"] = text
        return await call(conversation, text)

    async def conversations_get(self, call, *given):
        return replace(await call(*given), draft=self.kept.get("draft", ""))


class KeepsDraftsThatWereSent(FaultyApp):
    """Shows a draft still when its text was sent."""

    caught_by = "test_a_draft_stays_until_its_text_is_sent"

    async def messages_send(self, call, conversation, text, *given, **named):
        sent = await call(conversation, text, *given, **named)
        await self._app.conversations.draft(conversation, text)
        return sent


class MutesUntilThePast(FaultyApp):
    """Takes a time of the past for the end of silence."""

    caught_by = "test_muting_with_and_without_an_end"

    async def conversations_mute(self, call, conversation, until=None):
        return await call(conversation, until if until is None or until > 1 else None)


class ListsByTitle(FaultyApp):
    """Lists conversations by their titles."""

    caught_by = "test_whichever_was_written_in_last_comes_first"

    async def conversations_list(self, call):
        return sorted(await call(), key=lambda each: each.title)


class KnowsTitlesExactly(FaultyApp):
    """Knows a conversation only by its title as it is written."""

    caught_by = CALLED

    async def conversations_get(self, call, conversation):
        found = await call(conversation)
        if conversation != found.title and conversation.casefold() == found.title.casefold():
            raise NoSuchConversation(name=conversation)
        return found


class KnowsNoAddresses(FaultyApp):
    """Knows no conversation by the onion address of its contact."""

    caught_by = CALLED

    async def conversations_get(self, call, conversation):
        if conversation.endswith(".onion"):
            raise NoSuchConversation(name=conversation)
        return await call(conversation)


class KnowsNoCodes(FaultyApp):
    """Knows no conversation by the chat code of its contact."""

    caught_by = CALLED

    async def conversations_get(self, call, conversation):
        found = await call(conversation)
        if conversation.startswith("balchat:") and found.contact is not None:
            raise NoSuchConversation(name=conversation)
        return found


class KnowsUsByOurTitleOnly(FaultyApp):
    """Does not know the conversation with ourselves by our chat code."""

    caught_by = OURS

    async def conversations_get(self, call, conversation):
        found = await call(conversation)
        if conversation.startswith("balchat:") and found.contact is None:
            raise NoSuchConversation(name=conversation)
        return found


class CallsOursByOurName(FaultyApp):
    """Gives the conversation with ourselves our own name for its title."""

    caught_by = OURS

    async def conversations_get(self, call, conversation):
        found = await call(conversation)
        return found if found.contact else replace(found, title=(await self._app.account.code()).name)


class SaysNoSuchContact(FaultyApp):
    """Raises the error of a contact for a conversation that is not there."""

    caught_by = NOT_THERE

    async def conversations_mute(self, call, conversation, *given):
        try:
            return await call(conversation, *given)
        except NoSuchConversation as error:
            raise NoSuchContact(name=conversation) from error


class QuotesNamesInErrors(FaultyApp):
    """Puts what was asked for in quotes before it names that in an error."""

    caught_by = NOT_THERE

    async def conversations_archive(self, call, conversation):
        try:
            return await call(conversation)
        except NoSuchConversation as error:
            raise NoSuchConversation(name=repr(conversation)) from error


class FindsNothingWhereNothingIs(FaultyApp):
    """Finds nothing in a conversation that is not there, and says nothing."""

    caught_by = NOT_THERE

    async def messages_search(self, call, *given, **named):
        with suppress(NoSuchConversation):
            return await call(*given, **named)
        return SearchPage(hits=[], resume_before=None)


class ListsNoFilesWhereNothingIs(FaultyApp):
    """Lists no files of a conversation that is not there, and says nothing."""

    caught_by = NOT_THERE

    async def files_list(self, call, *given, **named):
        with suppress(NoSuchConversation):
            return await call(*given, **named)
        return []


class CutsLongDrafts(FaultyApp):
    """Cuts a draft that is too long instead of refusing it."""

    caught_by = SIZE

    async def conversations_draft(self, call, conversation, text):
        return await call(conversation, text[:MAX_TEXT_SIZE])


class KeepsTheBeginningOfDrafts(FaultyApp):
    """Keeps of a long draft what fits into 4 KiB."""

    caught_by = SIZE

    async def conversations_draft(self, call, conversation, text):
        return await call(conversation, text[:4096] if len(text) <= MAX_TEXT_SIZE else text)


class SaysBadInputOfLongDrafts(FaultyApp):
    """Raises another error than the contract has for a draft that is too long."""

    caught_by = SIZE

    async def conversations_draft(self, call, conversation, text):
        try:
            return await call(conversation, text)
        except TextTooLong as error:
            raise BadInput(what="The draft", problem="it is too long") from error


class StaysInTheArchive(FaultyApp):
    """Leaves a conversation in the archive when we write in it."""

    caught_by = ARCHIVED

    async def messages_send(self, call, conversation, *given, **named):
        before = await self._app.conversations.get(conversation)
        sent = await call(conversation, *given, **named)
        if before.archived:
            await self._app.conversations.archive(conversation)
        return sent


class TellsNothingOfTheArchive(FaultyApp):
    """Has no event of a conversation that comes back from the archive."""

    caught_by = ARCHIVED

    async def events_follow(self, call, *given, **named):
        async with aclosing(call(*given, **named)) as events:
            async for event in events:
                if getattr(event, "changed", None) != ("archived",):
                    yield event


class TakesTimesForSeconds(FaultyApp):
    """Takes a time for one in seconds."""

    caught_by = TIME

    async def messages_history(self, call, *given, date=None, **named):
        return await call(*given, date=None if date is None else date // 1000, **named)


class BeginsAfterTheTime(FaultyApp):
    """Begins a page after a time, and leaves out what was sent at it."""

    caught_by = TIME

    async def messages_history(self, call, *given, date=None, **named):
        return await call(*given, date=None if date is None else date + 1, **named)


class HeedsOneWay(FaultyApp):
    """Heeds one of several ways to say which page, and says nothing."""

    caught_by = ONE_WAY

    async def messages_history(self, call, conversation, limit=50, **where):
        return await call(conversation, limit, **dict(list(where.items())[:1]))


class HeedsTheTimeLast(FaultyApp):
    """Passes over a time where a message says which page."""

    caught_by = ONE_WAY

    async def messages_history(self, call, conversation, limit=50, *, date=None, **where):
        return await call(conversation, limit, **where, **({} if where.get("before") else {"date": date}))


class TakesWhatIsNotThereForTheEnd(FaultyApp):
    """Gives the last page where the message is not there around which, or after which, one is asked for."""

    caught_by = ONE_WAY

    async def messages_history(self, call, conversation, limit=50, *, before=None, **where):
        try:
            return await call(conversation, limit, before=before, **where)
        except NoSuchMessage:
            if before is not None:
                raise
            return await call(conversation, limit)
