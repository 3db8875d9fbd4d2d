"""Files: written, attached, read in ranges, removed; pictures without metadata, and voice messages."""

import base64
import io
from collections.abc import AsyncIterator
from random import Random
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import BadInput, NoPreview, NoSuchFile, PictureUnreadable
from balchat_host.api.events import FileChanged
from balchat_host.api.frontend import MAX_OCTETS, App
from balchat_host.api.views import FileState, FileView
from balchat_host.testing.app_kit.accounts import AppKitBase, messages, nobody, take, until
from balchat_host.testing.octets import assert_octets
from balchat_host.testing.waiting import PATIENCE, closing

SIZES: Final = (0, 1, 65_535, 65_536, 65_537, 2**20, 2**20 + 1)
"""Octets around the boundaries of chunks and parts."""


def made_up(size: int, seed: int = 1) -> bytes:
    """Return so many octets, the same each time."""
    return Random(seed).randbytes(size)  # noqa: S311  # nothing here is a secret


async def write(app: App, name: str, octets: bytes, *, step: int = MAX_OCTETS) -> FileView:
    """Write a file, in pieces of `step` octets."""
    file = await app.files.attach(name, len(octets))
    for offset in range(0, len(octets), step):
        await app.files.write(file.id, offset, octets[offset : offset + step])
    return await app.files.get(file.id)


async def read(app: App, file: str, offset: int = 0, size: int | None = None) -> bytes:
    """Return the octets of a file."""
    octets = bytearray()
    async with closing(app.files.read(file, offset, size)) as pieces:
        async for piece in pieces:
            assert 0 < len(piece) <= MAX_OCTETS
            octets += piece
    return bytes(octets)


DEVICE: Final = b"Acme 1234"
"""What made the picture below, as it says."""
_PREVIEW: Final = 8 * 1024
_SECOND: Final = 1000
_RATE: Final = 16_000
"""Samples a second of the sound below. It is not what `attach_voice` takes by default."""
_PHOTOGRAPH: Final = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/4QBuRXhpZgAATU0AKgAAAAgAAgEPAAIAAAAKAAAAJoglAAQAAAABAAAAMAAAAABBY21lIDEy"
    "MzQAAAIAAQACAAAAAk4AAAAAAgAFAAAAAwAAAE4AAAAAAAAAOwAAAAEAAAA2AAAAAQAAAAAAAAAB/9sAQwAbEhQXFBEbFxYXHhwb"
    "IChCKyglJShROj0wQmBVZWRfVV1baniZgWpxkHNbXYW1hpCeo6utq2eAvMm6pseZqKuk/9sAQwEcHh4oIyhOKytOpG5dbqSkpKSk"
    "pKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSk/8AAEQgAMABAAwEiAAIRAQMRAf/EABYAAQEBAAAA"
    "AAAAAAAAAAAAAAAFBv/EABoQAQABBQAAAAAAAAAAAAAAAAACBRVUo9H/xAAWAQEBAQAAAAAAAAAAAAAAAAAAAgX/xAAXEQEAAwAA"
    "AAAAAAAAAAAAAAAAAhJR/9oADAMBAAIRAxEAPwDTAAAAAAAACbf6Zk65cL/TMnXLiqSwUhNv9MydcuF/pmTrlwpLBSE2/wBMydcu"
    "F/pmTrlwpLBSE2/0zJ1y4X+mZOuXCksGKAaCAAAAAAH/2Q=="
)


def picture_with_metadata() -> bytes:
    """Return a JPEG of 64 by 48 pixels that says where, and with what, it was taken.

    Skip the test where the libraries for pictures, an extra, are not installed.
    """
    for library in ("PIL.Image", "zxingcpp"):
        pytest.importorskip(library, reason="pictures are an extra")
    return base64.b64decode(_PHOTOGRAPH)


def is_webp(octets: bytes) -> bool:
    """Return whether octets begin as a WebP picture."""
    return octets[:4] == b"RIFF" and octets[8:12] == b"WEBP"


def _size_of(picture: bytes) -> tuple[int, int]:
    return pytest.importorskip("PIL.Image").open(io.BytesIO(picture)).size


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    """Return all that a stream of octets gives."""
    async with closing(pieces):
        return b"".join([piece async for piece in pieces])


@pytest.mark.anyio
class FileTests(AppKitBase):
    """Files."""

    @pytest.mark.parametrize("size", SIZES)
    async def test_what_is_written_is_read_again(self, app: App, size: int) -> None:
        octets = made_up(size)
        file = await write(app, "notes.bin", octets)
        assert (file.state, file.size, file.here, file.ours) == (FileState.COMPLETE, size, size, True)
        assert_octets(await read(app, file.id), octets)

    async def test_ranges_are_those_of_the_file(self, app: App) -> None:
        octets = made_up(200_000)
        file = await write(app, "notes.bin", octets, step=70_000)
        for offset, size in ((0, 1), (65_535, 2), (100_000, 50_000), (199_999, 1), (200_000, None), (0, 0), (5, 10**9)):
            expected = octets[offset:] if size is None else octets[offset : offset + size]
            assert_octets(await read(app, file.id, offset, size), expected)
        for offset, size in ((-1, 1), (200_001, None), (0, -1)):
            with pytest.raises(BadInput):
                await read(app, file.id, offset, size)

    async def test_octets_may_come_again_and_may_not_be_left_out(self, app: App) -> None:
        octets = made_up(1000)
        file = await app.files.attach("notes.bin", len(octets))
        for begin, end in ((0, 600), (500, 700)):
            assert await app.files.write(file.id, begin, octets[begin:end]) == end
        with pytest.raises(BadInput):
            await app.files.write(file.id, 800, octets[800:])
        for _ in range(2):
            assert await app.files.write(file.id, 700, octets[700:]) == len(octets)
        assert_octets(await read(app, file.id), octets)

    async def test_more_octets_than_were_said_end_it(self, app: App) -> None:
        file = await app.files.attach("notes.bin", 10)
        with pytest.raises(BadInput):
            await app.files.write(file.id, 0, b"eleven octe")
        with pytest.raises(NoSuchFile):
            await app.files.get(file.id)

    async def test_what_is_not_wholly_written_is_neither_read_nor_sent(self, app: App) -> None:
        file = await app.files.attach("notes.bin", 10)
        await app.files.write(file.id, 0, b"half")
        with pytest.raises(BadInput):
            await read(app, file.id)
        with pytest.raises(BadInput):
            await app.messages.send("me", "here", files=[file.id])
        assert await app.files.remove(file.id) is None
        with pytest.raises(NoSuchFile):
            await app.files.write(file.id, 4, b"other")

    async def test_too_many_octets_at_once_are_refused(self, app: App) -> None:
        file = await app.files.attach("notes.bin", 2 * MAX_OCTETS)
        with pytest.raises(BadInput):
            await app.files.write(file.id, 0, bytes(MAX_OCTETS + 1))
        assert await app.files.write(file.id, 0, bytes(MAX_OCTETS)) == MAX_OCTETS

    async def test_a_message_has_its_files(self, app: App) -> None:
        after = await app.events.cursor()
        octets = made_up(70_000)
        some = [await write(app, "first.txt", octets), await write(app, "second.png", b"")]
        sent = await app.messages.send("me", "Two of them.", files=[file.id for file in some])
        assert [file.name for file in sent.files] == ["first.txt", "second.png"]
        assert [file.content_type for file in sent.files] == ["text/plain", "image/png"]
        assert sent.text == "Two of them."
        assert all(file.message == sent.id and file.conversation == sent.conversation for file in sent.files)
        (page,) = await app.messages.history("me")
        assert page.files == sent.files
        events = await until(app, after, lambda events: bool(messages(events)))
        assert messages(events)[0].files == sent.files
        assert {event.file.id for event in events if isinstance(event, FileChanged)} == {file.id for file in some}
        assert_octets(await read(app, some[0].id), octets)

    async def test_a_file_needs_no_text(self, app: App) -> None:
        file = await write(app, "alone.pdf", b"%PDF")
        sent = await app.messages.send("me", "", files=[file.id])
        assert (sent.text, [each.name for each in sent.files]) == (None, ["alone.pdf"])
        with pytest.raises(BadInput):
            await app.messages.send("me", " ")

    async def test_what_is_written_beside_a_file_is_edited_and_the_file_stays(self, app: App) -> None:
        for text in ("Yesterday's harbour.", ""):
            file = await write(app, "harbour.bin", b"octets")
            sent = await app.messages.send("me", text, files=[file.id])
            edited = await app.messages.edit(sent.id, "Today's harbour.")
            assert (edited.text, edited.edited) == ("Today's harbour.", True)
            assert [each.id for each in edited.files] == [file.id]
            assert await read(app, file.id) == b"octets"

    async def test_files_are_listed_the_newest_first(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        for conversation, name in (("me", "a"), ("Bob", "b"), ("me", "c")):
            file = await write(app, name, name.encode())
            await app.messages.send(conversation, "", files=[file.id])
        assert [file.name for file in await app.files.list()] == ["c", "b", "a"]
        assert [file.name for file in await app.files.list("me")] == ["c", "a"]
        assert [file.name for file in await app.files.list(limit=1)] == ["c"]
        for limit in (0, 1001):
            with pytest.raises(BadInput):
                await app.files.list(limit=limit)

    async def test_a_name_harms_no_folder(self, app: App) -> None:
        file = await app.files.attach("../../.profile\u202e", 0)
        assert file.name == "profile"

    async def test_a_file_goes_with_its_message(self, app: App) -> None:
        file = await write(app, "a", made_up(100_000))
        first = await app.messages.send("me", "", files=[file.id])
        second = await app.messages.send("me", "again", files=[file.id])
        await app.messages.delete(first.id)
        assert (await app.files.get(file.id)).message == second.id
        await app.messages.delete(second.id, for_me=True)
        with pytest.raises(NoSuchFile):
            await app.files.get(file.id)

    async def test_what_is_removed_is_not_here_any_more(self, app: App) -> None:
        file = await write(app, "a", b"octets")
        sent = await app.messages.send("me", "look", files=[file.id])
        after = await app.events.cursor()
        removed = await app.files.remove(file.id[:6])
        assert removed is not None
        assert (removed.state, removed.here) == (FileState.GONE, 0)
        assert (await app.messages.get(sent.id)).files == (removed,)
        (event,) = await take(app, after, 1)
        assert isinstance(event, FileChanged)
        assert event.file == removed
        with pytest.raises(BadInput):
            await read(app, file.id)

    async def test_ours_is_neither_fetched_nor_paused(self, app: App) -> None:
        file = await write(app, "a", b"octets")
        for call in (app.files.fetch, app.files.pause):
            with pytest.raises(BadInput):
                await call(file.id)

    async def test_what_is_not_there_is_not_there(self, app: App) -> None:
        there = await write(app, "a", b"octets")
        await app.messages.send("me", "look", files=[there.id])
        for which in ("0" * 32, "0", "zz", there.id[:5]):
            for call in (app.files.get, app.files.fetch, app.files.pause, app.files.remove):
                with pytest.raises(NoSuchFile):
                    await call(which)
            with pytest.raises(NoSuchFile):
                await app.files.write(which, 0, b"x")
            with pytest.raises(NoSuchFile):
                await read(app, which)
            for stream in (app.files.preview, app.files.picture, app.files.play):
                with pytest.raises(NoSuchFile):
                    await joined(stream(which))
            with pytest.raises(NoSuchFile):
                await app.messages.send("me", "x", files=[which])

    async def test_a_conversation_says_what_comes_by_itself(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        assert (await app.conversations.get("Bob")).fetch_up_to is None
        for up_to in (0, 10**9, None):
            assert (await app.files.set_automatic("Bob", up_to)).fetch_up_to == up_to
        with pytest.raises(BadInput):
            await app.files.set_automatic("Bob", -1)

    async def test_two_are_written_at_the_same_time(self, app: App) -> None:
        contents = (made_up(300_000, 2), made_up(300_000, 3))
        found: dict[int, FileView] = {}

        async def one(number: int) -> None:
            found[number] = await write(app, f"{number}.bin", contents[number], step=10_000)

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for number in range(2):
                    tasks.start_soon(one, number)
        for number, octets in enumerate(contents):
            assert_octets(await read(app, found[number].id), octets)

    async def test_a_picture_is_sent_without_its_metadata_and_has_a_preview(self, app: App) -> None:
        photograph = picture_with_metadata()
        file = await write(app, "harbour.jpg", photograph)
        assert file.metadata_removed == ("location", "device")
        assert (file.preview, file.width, file.height, file.may_hold_metadata) == (True, 64, 48, False)
        octets = await read(app, file.id)
        assert len(octets) == file.size
        assert DEVICE not in octets
        sent = await app.messages.send("me", "", files=[file.id])
        assert (sent.files[0].preview, sent.content_type) == (True, "message/external-body")
        small = await joined(app.files.preview(file.id))
        assert is_webp(small)
        assert len(small) <= _PREVIEW
        smaller = await joined(app.files.picture(file.id, 32))
        assert (is_webp(smaller), _size_of(smaller)) == (True, (32, 24))
        for side in (15, 4097):
            with pytest.raises(BadInput):
                await joined(app.files.picture(file.id, side))

    async def test_a_picture_can_be_sent_as_it_is(self, app: App) -> None:
        photograph = picture_with_metadata()
        file = await app.files.attach("harbour.jpg", len(photograph), as_is=True)
        await app.files.write(file.id, 0, photograph)
        file = await app.files.get(file.id)
        assert (file.metadata_removed, file.may_hold_metadata, file.preview) == ((), True, True)
        assert await read(app, file.id) == photograph

    async def test_what_only_looks_like_a_picture_is_not_sent_as_one(self, app: App) -> None:
        broken = picture_with_metadata()[:200]
        file = await app.files.attach("notes.txt", len(broken))
        with pytest.raises(PictureUnreadable):
            await app.files.write(file.id, 0, broken)
        with pytest.raises(NoSuchFile):
            await app.files.get(file.id)
        other = await write(app, "harbour.jpg", b"no picture at all")
        assert (other.preview, other.may_hold_metadata) == (False, True)
        with pytest.raises(NoPreview):
            await joined(app.files.preview(other.id))
        with pytest.raises(PictureUnreadable):
            await joined(app.files.picture(other.id))

    async def test_a_voice_message_has_its_duration_and_can_be_played(self, app: App) -> None:
        for library in ("numpy", "soundfile"):
            pytest.importorskip(library, reason="voice messages are an extra")
        sound = bytes(_RATE) + b"\x00\x40\x00\xc0" * (_RATE // 4)
        file = await app.files.attach_voice(len(sound), _RATE)
        for offset in range(0, len(sound), 10_000):
            await app.files.write(file.id, offset, sound[offset : offset + 10_000])
        sent = await app.messages.send("me", "", files=[file.id])
        voice = sent.files[0].voice
        assert voice is not None
        assert voice.duration == _SECOND
        assert len(voice.levels) == _SECOND // 100
        assert (max(voice.levels[:5]), max(voice.levels)) == (0, 255)
        assert sent.files[0].content_type.startswith("audio/ogg")
        played = await joined(app.files.play(file.id))
        assert (played[:4], played[8:12]) == (b"RIFF", b"WAVE")
        assert int.from_bytes(played[24:28], "little") == _RATE, "the rate that the header says"
        assert len(sound) <= len(played) <= len(sound) + _SECOND * 10
        with pytest.raises(BadInput):
            await joined(app.files.play((await write(app, "a", b"octets")).id))

    async def test_sound_that_is_too_long_or_of_a_strange_rate_is_refused(self, app: App) -> None:
        for size, rate in ((0, 48_000), (3, 48_000), (2 * 8_000 * 301, 8_000), (48_000, 44_100)):
            with pytest.raises(BadInput):
                await app.files.attach_voice(size, rate)
