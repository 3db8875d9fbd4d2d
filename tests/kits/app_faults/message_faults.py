"""Faults of ways to an account: what becomes of messages."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace

from balchat_host.api.errors import BadInput, NoSuchContact, NoSuchMessage, TextTooLong
from balchat_host.api.frontend import MAX_TEXT_SIZE
from balchat_host.api.views import MessageState
from tests.kits.app_faults.faulty_app import FaultyApp

logger = logging.getLogger(__name__)

KEPT = "test_a_sent_message_is_kept_as_it_was_written"
REPLY = "test_a_reply_shows_what_its_author_saw"
MENTION = "test_a_mention_is_shown_under_our_own_name_for_the_person"
PAGES = "test_history_goes_back_page_by_page"
DELETED = "test_what_is_deleted_is_gone_and_only_that_there_was_one_is_shown"


class GivesTheNewestFirst(FaultyApp):
    """Gives a page of the history the newest first."""

    caught_by = KEPT

    async def messages_history(self, call, *given, **named):
        return list(await call(*given, **named))[::-1]


class LogsTexts(FaultyApp):
    """Writes into the log what is written."""

    caught_by = KEPT
    audited = True

    async def messages_send(self, call, conversation, text, *given, **named):
        logger.debug("sending %s", text)
        return await call(conversation, text, *given, **named)


class StripsTexts(FaultyApp):
    """Takes away the blanks at the end of a text."""

    caught_by = KEPT

    async def messages_send(self, call, conversation, text, *given, **named):
        return await call(conversation, text.strip(), *given, **named)


class SaysSentAtOnce(FaultyApp):
    """Says that a message is sent which only waits to be."""

    caught_by = KEPT

    async def messages_send(self, call, *given, **named):
        return replace(await call(*given, **named), state=MessageState.SENT)


class ForgetsWhatIsAnswered(FaultyApp):
    """Forgets what a message answers."""

    caught_by = "test_a_reply_names_what_it_answers"

    async def messages_send(self, call, conversation, text, reply_to=None, **named):
        return await call(conversation, text, **named)


class AnswersAcrossConversations(FaultyApp):
    """Takes an answer to a message of another conversation, and forgets what it answers."""

    caught_by = "test_conversations_are_apart"

    async def messages_send(self, call, conversation, text, reply_to=None, **named):
        with suppress(NoSuchMessage):
            return await call(conversation, text, reply_to, **named)
        return await call(conversation, text, **named)


class CutsLongTexts(FaultyApp):
    """Cuts a text that is too long instead of refusing it."""

    caught_by = "test_a_text_too_long_is_refused_and_nothing_is_sent"

    async def messages_send(self, call, conversation, text, *given, **named):
        return await call(conversation, text.encode()[:MAX_TEXT_SIZE].decode(errors="ignore"), *given, **named)


class SaysBadInputOfLongTexts(FaultyApp):
    """Raises another error than the contract has for a text that is too long."""

    caught_by = "test_a_text_too_long_is_refused_and_nothing_is_sent"

    async def messages_send(self, call, *given, **named):
        try:
            return await call(*given, **named)
        except TextTooLong as error:
            raise BadInput(what="The text", problem="it is too long") from error


class GivesOneTwice(FaultyApp):
    """Gives the message before which a page ends in that page, too."""

    caught_by = PAGES

    async def messages_history(self, call, conversation, limit=50, *, before=None, **named):
        page = list(await call(conversation, limit, before=before, **named))
        return page if before is None or not page else [*page[1:], await self._app.messages.get(before)]


class TakesAnyLimit(FaultyApp):
    """Takes a limit that is none."""

    caught_by = PAGES

    async def messages_history(self, call, conversation, limit=50, **named):
        return await call(conversation, min(max(limit, 1), 1000), **named)


class GivesAllOfIt(FaultyApp):
    """Gives more than was asked for."""

    caught_by = PAGES

    async def messages_history(self, call, conversation, limit=50, **named):
        return await call(conversation, 1000 if 0 < limit <= 1000 else limit, **named)


class EditsWhatItShowsOnly(FaultyApp):
    """Says that a message is edited, and leaves it as it was."""

    caught_by = "test_an_edit_takes_the_place_of_a_message_and_earlier_versions_are_kept"

    async def messages_edit(self, call, message, text, **named):
        return replace(await self._app.messages.get(message), text=text, edited=True)


class BringsDeletedTextsBack(FaultyApp):
    """Shows the texts of deleted messages, which it remembers."""

    caught_by = DELETED

    async def messages_send(self, call, *given, **named):
        sent = await call(*given, **named)
        self.kept[sent.id] = sent.text
        return sent

    async def messages_history(self, call, *given, **named):
        return [replace(each, text=self.kept.get(each.id)) for each in await call(*given, **named)]


class DeletesForEverybodyAlone(FaultyApp):
    """Keeps what was to be deleted here only."""

    caught_by = DELETED

    async def messages_delete(self, call, message, *, for_me=False):
        if not for_me:
            await call(message)


class TakesAnyReaction(FaultyApp):
    """Takes reactions that are no emoji, and forgets them."""

    caught_by = "test_reactions_are_counted_and_taken_back"

    async def messages_react(self, call, message, emoji, **named):
        with suppress(BadInput):
            return await call(message, emoji, **named)
        return await self._app.messages.get(message)


class IgnoresExpiry(FaultyApp):
    """Keeps for ever what is to expire."""

    caught_by = "test_a_message_expires_as_it_says_or_as_the_timer_of_the_conversation_does"

    async def messages_send(self, call, *given, expires_after=None, expires_at=None, **named):
        return await call(*given, **named)


class SendsAgainWhatHasNotFailed(FaultyApp):
    """Takes a message that has not failed for one that is to be sent once more."""

    caught_by = "test_only_what_failed_is_sent_once_more"

    async def messages_retry(self, call, message):
        return await self._app.messages.get(message)


class ForgetsWhatIsWrittenAtOnce(FaultyApp):
    """Forgets one of two messages that are written at the same time."""

    caught_by = "test_calls_at_the_same_time_are_all_done"
    busy = False

    async def messages_send(self, call, *given, **named):
        if self.busy:
            return None
        self.busy = True
        sent = await call(*given, **named)
        self.busy = False
        return sent


class ShowsRepliesToWhatIsNow(FaultyApp):
    """Shows, with a reply, what it answers as that is now, and not as its author saw it."""

    caught_by = REPLY

    async def messages_history(self, call, *given, **named):
        page = await call(*given, **named)
        texts = {each.id: each.text for each in page}
        return [
            replace(each, reply=replace(each.reply, text=texts[each.reply.id])) if each.reply else each for each in page
        ]


class HidesThatTheAnsweredWasEdited(FaultyApp):
    """Does not say that what a reply answers was edited since."""

    caught_by = REPLY

    async def messages_history(self, call, *given, **named):
        page = await call(*given, **named)
        return [replace(each, reply=replace(each.reply, edited=False)) if each.reply else each for each in page]


class KeepsWhatWasAnswered(FaultyApp):
    """Shows, with a reply, what its author deleted, which it remembers."""

    caught_by = REPLY

    async def messages_send(self, call, *given, **named):
        sent = await call(*given, **named)
        self.kept[sent.id] = sent.reply
        return sent

    async def messages_history(self, call, *given, **named):
        page = await call(*given, **named)
        return [
            replace(each, reply=replace(each.reply, text=self.kept[each.id].text)) if each.reply else each
            for each in page
        ]


class ForgetsMentions(FaultyApp):
    """Sends a text without the mentions in it."""

    caught_by = MENTION

    async def messages_send(self, call, *given, mentions=(), **named):
        return await call(*given, **named)


class MentionsWhomItKnows(FaultyApp):
    """Leaves out of mentions whom it does not know, and says nothing."""

    caught_by = MENTION

    async def messages_send(self, call, *given, mentions=(), **named):
        with suppress(NoSuchContact):
            return await call(*given, mentions=mentions, **named)
        return await call(*given, **named)


class KeepsNamesInTexts(FaultyApp):
    """Shows a mention under the name that the person had when the message was written."""

    caught_by = MENTION

    async def messages_send(self, call, *given, **named):
        sent = await call(*given, **named)
        self.kept[sent.id] = sent.text
        return sent

    async def messages_get(self, call, message):
        return replace(await call(message), text=self.kept[message])
