"""Faults of ways to an account: pictures, and voice messages."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

from balchat_host.api.errors import BadInput, NoPreview, PictureUnreadable
from tests.kits.app_faults.faulty_app import FaultyApp

PICTURE = "test_a_picture_is_sent_without_its_metadata_and_has_a_preview"
AS_IS = "test_a_picture_can_be_sent_as_it_is"
NO_PICTURE = "test_what_only_looks_like_a_picture_is_not_sent_as_one"
VOICE = "test_a_voice_message_has_its_duration_and_can_be_played"
REFUSED = "test_sound_that_is_too_long_or_of_a_strange_rate_is_refused"


class SendsPicturesAsTheyAre(FaultyApp):
    """Leaves the metadata in every picture."""

    caught_by = PICTURE

    async def files_attach(self, call, *given, as_is=False, **named):
        return await call(*given, as_is=True, **named)


class SaysNothingOfMetadata(FaultyApp):
    """Does not say what was taken out of a picture."""

    caught_by = PICTURE

    async def files_get(self, call, file):
        return replace(await call(file), metadata_removed=())


class ShowsTheFileForItsPreview(FaultyApp):
    """Gives a picture as it was sent for its preview."""

    caught_by = PICTURE

    async def files_preview(self, call, file):
        async with aclosing(self._app.files.read(file)) as pieces:
            async for piece in pieces:
                yield piece


class ShowsPicturesInOneSize(FaultyApp):
    """Gives a picture in the same size, whichever is asked for."""

    caught_by = PICTURE

    def files_picture(self, call, file, longest_side=2048):
        return call(file) if 16 <= longest_side <= 4096 else call(file, longest_side)


class ShowsPicturesInAnySize(FaultyApp):
    """Takes a size in which no picture is shown for the next one."""

    caught_by = PICTURE

    def files_picture(self, call, file, longest_side=2048):
        return call(file, min(max(longest_side, 16), 4096))


class TakesMetadataOutOfAll(FaultyApp):
    """Takes the metadata out of a picture that is to be sent as it is."""

    caught_by = AS_IS

    async def files_attach(self, call, *given, as_is=False, **named):
        return await call(*given, **named)


class SaysThatNothingIsLeft(FaultyApp):
    """Says of every picture that it holds no metadata."""

    caught_by = AS_IS

    async def files_get(self, call, file):
        return replace(await call(file), may_hold_metadata=False)


class SaysNothingOfWhatCannotBeRead(FaultyApp):
    """Says that a picture is written which cannot be read."""

    caught_by = NO_PICTURE

    async def files_write(self, call, file, offset, octets):
        try:
            return await call(file, offset, octets)
        except PictureUnreadable:
            return offset + len(octets)


class GivesAnEmptyPreview(FaultyApp):
    """Gives an empty preview of what has none, and says nothing."""

    caught_by = NO_PICTURE

    async def files_preview(self, call, file):
        try:
            async with aclosing(call(file)) as pieces:
                async for piece in pieces:
                    yield piece
        except NoPreview:
            return


class ShowsTheFileForAPicture(FaultyApp):
    """Gives a file as it is for a picture where it is none, or is broken."""

    caught_by = NO_PICTURE

    async def files_picture(self, call, file, *given):
        try:
            async with aclosing(call(file, *given)) as pieces:
                async for piece in pieces:
                    yield piece
        except PictureUnreadable:
            async with aclosing(self._app.files.read(file)) as pieces:
                async for piece in pieces:
                    yield piece


class ForgetsTheRate(FaultyApp):
    """Takes all sound for such of 48 kHz."""

    caught_by = VOICE

    async def files_attach_voice(self, call, size, rate=48_000):
        return await call(size)


class SaysDurationsInSeconds(FaultyApp):
    """Gives the duration of a voice message in seconds."""

    caught_by = VOICE

    async def messages_send(self, call, *given, **named):
        sent = await call(*given, **named)
        spoken = (replace(file, voice=_in_seconds(file.voice)) if file.voice else file for file in sent.files)
        return replace(sent, files=tuple(spoken))


def _in_seconds(voice):
    return replace(voice, duration=voice.duration // 1000)


class PlaysWhatWasSent(FaultyApp):
    """Plays a voice message in the format in which it was sent."""

    caught_by = VOICE

    def files_play(self, call, file):
        return self._app.files.read(file)


class PlaysAtAnotherRate(FaultyApp):
    """Says of all that it plays that its rate is 48 kHz."""

    caught_by = VOICE

    async def files_play(self, call, file):
        async with aclosing(call(file)) as pieces:
            played = b"".join([piece async for piece in pieces])
        yield played[:24] + (48_000).to_bytes(4, "little") + played[28:]


class PlaysAnything(FaultyApp):
    """Plays a file that is no voice message."""

    caught_by = VOICE

    async def files_play(self, call, file):
        try:
            async with aclosing(call(file)) as pieces:
                async for piece in pieces:
                    yield piece
        except BadInput:
            yield b""


class CutsLongSound(FaultyApp):
    """Takes the first minutes of sound that is too long, and drops the others."""

    caught_by = REFUSED

    async def files_attach_voice(self, call, size, rate=48_000):
        return await call(min(size, 2 * rate * 300), rate)


class TakesAnyRate(FaultyApp):
    """Takes a strange rate for the next one that there is."""

    caught_by = REFUSED

    async def files_attach_voice(self, call, size, rate=48_000):
        return await call(size, min((8_000, 12_000, 16_000, 24_000, 48_000), key=lambda known: abs(known - rate)))


class TakesHalfASample(FaultyApp):
    """Takes sound that ends in the middle of a sample, and drops the half."""

    caught_by = REFUSED

    async def files_attach_voice(self, call, size, rate=48_000):
        return await call(size - size % 2, rate)
