"""Faults of ways to an account: what a search finds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from balchat_host.api.errors import BadInput, NoSuchMessage
from balchat_host.api.views import SearchHit, SearchPage
from tests.kits.app_faults.faulty_app import FaultyApp

NOW = "test_what_was_edited_or_deleted_is_found_as_it_is_now"
GOES_ON = "test_a_search_goes_on_page_by_page"
EXCERPT = "test_an_excerpt_shows_where_the_word_stands"
REFUSED = "test_what_cannot_be_searched_is_refused"
GONE = "test_what_is_gone_with_its_contact_is_not_found"
FOUND = "test_words_are_found_the_newest_first"


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


class BeginsAgain(FaultyApp):
    """Gives the first page of what it finds, whichever is asked for."""

    caught_by = GOES_ON

    async def messages_search(self, call, *given, before=None, **named):
        return await call(*given, **named)


class EndsAfterAPage(FaultyApp):
    """Does not say that it finds more than fits into a page."""

    caught_by = GOES_ON

    async def messages_search(self, call, *given, **named):
        return replace(await call(*given, **named), resume_before=None)


class GoesOnTooLate(FaultyApp):
    """Goes on before the message that would have come next, and leaves that out."""

    caught_by = GOES_ON

    async def messages_search(self, call, *given, limit=50, **named):
        page = await call(*given, limit=limit + 1, **named)
        more = len(page.hits) > limit
        return replace(page, hits=page.hits[:limit], resume_before=page.hits[-1].message.id if more else None)


class ShowsTheBeginning(FaultyApp):
    """Shows the beginning of a message, wherever the word stands that was found."""

    caught_by = EXCERPT

    async def messages_search(self, call, *given, **named):
        page = await call(*given, **named)
        return replace(page, hits=[replace(hit, excerpt=hit.message.text[:100]) for hit in page.hits])


class ShowsAllOfIt(FaultyApp):
    """Shows all of a message for an excerpt."""

    caught_by = EXCERPT

    async def messages_search(self, call, *given, **named):
        page = await call(*given, **named)
        return replace(page, hits=[replace(hit, excerpt=" ".join(hit.message.text.split())) for hit in page.hits])


class ShowsSeveralLines(FaultyApp):
    """Shows an excerpt with the line breaks that are in it."""

    caught_by = EXCERPT

    async def messages_search(self, call, *given, **named):
        page = await call(*given, **named)
        hits = []
        for hit in page.hits:
            shown = hit.excerpt.strip(" …")
            begin = hit.message.text.replace("\n", " ").index(shown)
            hits.append(replace(hit, excerpt=hit.message.text[begin : begin + len(shown)]))
        return replace(page, hits=hits)


class FindsNothingWithoutWords(FaultyApp):
    """Finds nothing where no word is asked for, and says nothing."""

    caught_by = REFUSED

    async def messages_search(self, call, words, *given, **named):
        with suppress(BadInput):
            return await call(words, *given, **named)
        if any(letter.isalnum() for letter in words):
            return await call(words, *given, **named)
        return SearchPage(hits=[], resume_before=None)


class TakesAnyNumberOfHits(FaultyApp):
    """Takes a limit that is none."""

    caught_by = REFUSED

    async def messages_search(self, call, *given, limit=50, **named):
        return await call(*given, limit=min(max(limit, 1), 200), **named)


class BeginsAtTheNewest(FaultyApp):
    """Begins at the newest message where the one is not there before which to go on."""

    caught_by = REFUSED

    async def messages_search(self, call, *given, before=None, **named):
        with suppress(NoSuchMessage):
            return await call(*given, before=before, **named)
        return await call(*given, **named)


class FindsWhatItFoundBefore(FaultyApp):
    """Gives what it found when the same words were searched for the last time."""

    caught_by = GONE

    async def messages_search(self, call, *given, **named):
        asked = repr((given, named))
        if asked not in self.kept:
            self.kept[asked] = await call(*given, **named)
        return self.kept[asked]


class FindsWhatWasSent(FaultyApp):
    """Finds messages by the words with which they were sent, whatever they say now."""

    caught_by = NOW

    async def messages_send(self, call, *given, **named):
        sent = await call(*given, **named)
        self.kept[sent.id] = sent
        return sent

    async def messages_search(self, call, words, *given, **named):
        page = await call(words, *given, **named)
        sent = [each for each in self.kept.values() if each.text == words]
        missed = [SearchHit(message=each, title="", excerpt=words) for each in sent if not page.hits]
        return replace(page, hits=[*page.hits, *missed])


class FindsNothingThatWasEdited(FaultyApp):
    """Does not find a message by the words with which it was edited."""

    caught_by = NOW

    async def messages_search(self, call, *given, **named):
        page = await call(*given, **named)
        return replace(page, hits=[hit for hit in page.hits if not hit.message.edited])
