"""Faults of ways to an account: files."""

from __future__ import annotations

from contextlib import aclosing, suppress
from dataclasses import replace

from balchat_host.api.errors import BadInput, NoSuchFile
from balchat_host.api.frontend import MAX_OCTETS
from balchat_host.api.views import FileState
from tests.kits.app_faults.faulty_app import FaultyApp

NO_TEXT = "test_a_file_needs_no_text"
BESIDE = "test_what_is_written_beside_a_file_is_edited_and_the_file_stays"
NOT_THERE = "test_what_is_not_there_is_not_there"
WRITTEN = "test_what_is_written_is_read_again"
RANGES = "test_ranges_are_those_of_the_file"
AGAIN = "test_octets_may_come_again_and_may_not_be_left_out"
UNWRITTEN = "test_what_is_not_wholly_written_is_neither_read_nor_sent"
REMOVED = "test_what_is_removed_is_not_here_any_more"


class LosesTheLastOctet(FaultyApp):
    """Gives all of a file but its last octet."""

    caught_by = WRITTEN

    async def files_read(self, call, *given):
        async with aclosing(call(*given)) as pieces:
            async for piece in pieces:
                if len(piece) > 1:
                    yield piece[:-1]


class GivesItAtOnce(FaultyApp):
    """Gives more octets at once than a piece may have."""

    caught_by = WRITTEN

    async def files_read(self, call, *given):
        async with aclosing(call(*given)) as pieces:
            octets = b"".join([piece async for piece in pieces])
        if octets:
            yield octets


class SaysCompleteAtOnce(FaultyApp):
    """Says that a file is complete which is being written."""

    caught_by = UNWRITTEN

    async def files_read(self, call, *given):
        with suppress(BadInput):
            async with aclosing(call(*given)) as pieces:
                async for piece in pieces:
                    yield piece


class IgnoresRanges(FaultyApp):
    """Gives all of a file, whatever range was asked for."""

    caught_by = RANGES

    def files_read(self, call, file, *range_of):
        return call(file)


class TakesAnyRange(FaultyApp):
    """Gives nothing of a range that is not in the file, and says nothing."""

    caught_by = RANGES

    async def files_read(self, call, *given):
        with suppress(BadInput):
            async with aclosing(call(*given)) as pieces:
                async for piece in pieces:
                    yield piece


class LeavesHoles(FaultyApp):
    """Takes octets that come too early, and says so."""

    caught_by = AGAIN

    async def files_write(self, call, file, offset, octets):
        with suppress(BadInput):
            return await call(file, offset, octets)
        return offset + len(octets)


class CountsOctetsThatComeAgain(FaultyApp):
    """Counts octets that come again a second time."""

    caught_by = AGAIN

    async def files_write(self, call, file, offset, octets):
        await call(file, offset, octets)
        self.kept[file] = self.kept.get(file, 0) + len(octets)
        return self.kept[file]


class TakesTooManyOctets(FaultyApp):
    """Takes more octets at once than a piece may have."""

    caught_by = "test_too_many_octets_at_once_are_refused"

    async def files_write(self, call, file, offset, octets):
        for begin in range(0, len(octets), MAX_OCTETS):
            written = await call(file, offset + begin, octets[begin:][:MAX_OCTETS])
        return written


class CutsWhatIsTooLong(FaultyApp):
    """Takes as many octets as a file was to have, and drops the others."""

    caught_by = "test_more_octets_than_were_said_end_it"

    async def files_write(self, call, file, offset, octets):
        size = (await self._app.files.get(file)).size
        return await call(file, offset, octets[: size - offset])


class ForgetsFilesOfAMessage(FaultyApp):
    """Sends a message without its files."""

    caught_by = "test_a_message_has_its_files"

    async def messages_send(self, call, *given, files=(), **named):
        return await call(*given, **named)


class ListsFilesTheOldestFirst(FaultyApp):
    """Lists files the oldest first."""

    caught_by = "test_files_are_listed_the_newest_first"

    async def files_list(self, call, *given, **named):
        return list(await call(*given, **named))[::-1]


class ListsFilesOfEverybody(FaultyApp):
    """Lists files of other conversations than the one that was named."""

    caught_by = "test_files_are_listed_the_newest_first"

    async def files_list(self, call, conversation=None, **named):
        return await call(None, **named)


class ShowsNamesAsTheyWereGiven(FaultyApp):
    """Shows a file's name as it was given, which may lead to another folder."""

    caught_by = "test_a_name_harms_no_folder"

    async def files_attach(self, call, name, *given, **named):
        return replace(await call(name, *given, **named), name=name)


class KeepsFilesOfDeletedMessages(FaultyApp):
    """Shows files of messages that are gone, which it remembers."""

    caught_by = "test_a_file_goes_with_its_message"

    async def files_get(self, call, file):
        with suppress(NoSuchFile):
            self.kept[file] = await call(file)
        return self.kept[file]


class SaysGoneOnly(FaultyApp):
    """Says that a file is removed, and keeps it."""

    caught_by = REMOVED

    async def files_remove(self, call, file):
        return replace(await self._app.files.get(file), state=FileState.GONE, here=0)


class FetchesOurs(FaultyApp):
    """Takes a file of ours for one that can be fetched."""

    caught_by = "test_ours_is_neither_fetched_nor_paused"

    async def files_fetch(self, call, file):
        return await self._app.files.get(file)


class FetchesLessThanNothing(FaultyApp):
    """Takes a size below nothing for what comes by itself."""

    caught_by = "test_a_conversation_says_what_comes_by_itself"

    async def files_set_automatic(self, call, conversation, up_to):
        return await call(conversation, up_to if up_to is None else max(up_to, 0))


class MixesUpFiles(FaultyApp):
    """Writes into the file that was begun last."""

    caught_by = "test_two_are_written_at_the_same_time"

    async def files_attach(self, call, *given, **named):
        self.kept["newest"] = await call(*given, **named)
        return self.kept["newest"]

    async def files_write(self, call, file, *given):
        return await call(self.kept["newest"].id, *given)


class WritesTheNameBeside(FaultyApp):
    """Writes the name of a file beside it where there is no text."""

    caught_by = NO_TEXT

    async def messages_send(self, call, conversation, text, *given, files=(), **named):
        names = [(await self._app.files.get(file)).name for file in files]
        return await call(conversation, text or ", ".join(names), *given, files=files, **named)


class SaysNothingOfBlanks(FaultyApp):
    """Sends no message of white space alone, and says nothing."""

    caught_by = NO_TEXT

    async def messages_send(self, call, conversation, text, *given, files=(), **named):
        if text and not text.strip() and not files:
            return (await self._app.messages.history(conversation, 1))[0]
        return await call(conversation, text, *given, files=files, **named)


class LosesFilesWithAnEdit(FaultyApp):
    """Shows a message without its files when it is edited."""

    caught_by = BESIDE

    async def messages_edit(self, call, *given, **named):
        return replace(await call(*given, **named), files=())


class EditsTextsOnly(FaultyApp):
    """Edits no message that has files and no text."""

    caught_by = BESIDE

    async def messages_edit(self, call, message, text, **named):
        if (await self._app.messages.get(message)).text is None:
            raise BadInput(what="The message", problem="it has no text")
        return await call(message, text, **named)


class KnowsFilesByAnyBeginning(FaultyApp):
    """Knows a file by a beginning of its id that is too short."""

    caught_by = NOT_THERE

    async def files_get(self, call, file):
        with suppress(NoSuchFile):
            return await call(file)
        for each in await self._app.files.list():
            if each.id.startswith(file):
                return each
        raise NoSuchFile(name=file)


class RemovesWhatIsNotThere(FaultyApp):
    """Says that a file is removed which is not there."""

    caught_by = NOT_THERE

    async def files_remove(self, call, file):
        with suppress(NoSuchFile):
            return await call(file)


class ReadsNothingOfWhatIsNotThere(FaultyApp):
    """Gives nothing of a file that is not there, and says nothing."""

    caught_by = NOT_THERE

    async def files_read(self, call, *given):
        with suppress(NoSuchFile):
            async with aclosing(call(*given)) as pieces:
                async for piece in pieces:
                    yield piece


class ShowsNothingOfWhatIsNotThere(FaultyApp):
    """Gives an empty preview of a file that is not there, and says nothing."""

    caught_by = NOT_THERE

    async def files_preview(self, call, file):
        with suppress(NoSuchFile):
            async with aclosing(call(file)) as pieces:
                async for piece in pieces:
                    yield piece
