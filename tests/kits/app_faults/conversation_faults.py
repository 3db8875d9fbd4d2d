"""Faults of ways to an account: how conversations are called and kept, and what a search finds."""

from __future__ import annotations

from dataclasses import replace

from tests.kits.app_faults.faulty_app import FaultyApp

BOTH_WAYS = "test_pages_lead_through_the_history_both_ways"
FOUND = "test_words_are_found_the_newest_first"


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


class FindsTheOldestFirst(FaultyApp):
    """Gives what a search finds in another order."""

    caught_by = FOUND

    async def messages_search(self, call, *given, **named):
        page = await call(*given, **named)
        return replace(page, hits=page.hits[::-1])


class SearchesEverywhere(FaultyApp):
    """Finds messages of other conversations than the one that was named."""

    caught_by = FOUND

    async def messages_search(self, call, words, conversation=None, *given, **named):
        return await call(words, None, *given, **named)
