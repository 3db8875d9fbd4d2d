"""Previews of others: made again before they are shown, and gone with their message."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("PIL.Image", reason="pictures are an extra")
pytest.importorskip("zxingcpp", reason="pictures are an extra")

from PIL import Image

from balchat_host.api.errors import NoPreview, NoSuchFile, PictureUnreadable, VoiceUnreadable
from balchat_host.core.files.preview import SmallPicture, Voice
from balchat_host.testing import memory_account
from balchat_host.testing.app_kit.files import is_webp, joined
from balchat_host.testing.memory_account import MemoryAccount
from balchat_host.testing.memory_files import decode_here

if TYPE_CHECKING:
    from balchat_host.api.decoder import Decoded

pytestmark = pytest.mark.anyio
MARKER = b"a preview's own marker"


def small_picture(*, marker: bytes = b"") -> SmallPicture:
    octets = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = marker.decode()
    Image.new("RGB", (64, 48), "teal").save(octets, "WEBP", exif=exif)
    return SmallPicture(octets=octets.getvalue(), width=4000, height=3000)


async def test_a_preview_is_made_again_before_it_is_shown() -> None:
    account = MemoryAccount("Alice")
    preview = small_picture(marker=MARKER)
    assert MARKER in preview.octets
    file = account.befriend("Bob").offer("harbour.jpg", b"octets", preview=preview)
    assert (file.preview, file.width, file.height) == (True, 4000, 3000)
    for _ in range(2):
        shown = await joined(account.app.files.preview(file.id))
        assert is_webp(shown)
        assert MARKER not in shown
        assert Image.open(io.BytesIO(shown)).size == (64, 48)


async def test_a_preview_that_is_no_picture_is_not_shown_and_forgotten() -> None:
    account = MemoryAccount("Alice")
    bob = account.befriend("Bob")
    file = bob.offer("harbour.jpg", b"octets", preview=SmallPicture(octets=b"<svg/>", width=1, height=1))
    with pytest.raises(PictureUnreadable):
        await joined(account.app.files.preview(file.id))
    with pytest.raises(NoPreview):
        await joined(account.app.files.preview(file.id))
    assert not (await account.app.files.get(file.id)).preview


async def test_a_preview_outlives_a_breakdown_of_what_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [PictureUnreadable(name="harbour.jpg", problem="what reads it broke down")]

    async def decode(*arguments: Any, **named: Any) -> Decoded:
        if broken:
            raise broken.pop()
        return await decode_here(*arguments, **named)

    monkeypatch.setattr(memory_account, "decode_here", decode)
    account = MemoryAccount("Alice")
    file = account.befriend("Bob").offer("harbour.jpg", b"octets", preview=small_picture())
    with pytest.raises(PictureUnreadable):
        await joined(account.app.files.preview(file.id))
    assert is_webp(await joined(account.app.files.preview(file.id)))


async def test_a_preview_goes_with_its_message() -> None:
    account = MemoryAccount("Alice")
    file = account.befriend("Bob").offer("harbour.jpg", b"octets", preview=small_picture())
    assert file.message is not None
    await account.app.messages.delete(file.message, for_me=True)
    with pytest.raises(NoSuchFile):
        await joined(account.app.files.preview(file.id))
    assert account.read(lambda tx: tx.query("SELECT * FROM file_preview")) == []


async def test_what_is_said_of_a_voice_message_is_shown_and_not_believed() -> None:
    account = MemoryAccount("Alice")
    bob = account.befriend("Bob")
    file = bob.offer("voice.ogg", b"no sound", preview=Voice(duration=5000, levels=b"\x00\xff"))
    assert file.voice is not None
    assert (file.voice.duration, file.voice.levels) == (5000, (0, 255))
    await account.app.files.fetch(file.id)
    bob.hand_over(file.id)
    with pytest.raises(VoiceUnreadable):
        await joined(account.app.files.play(file.id))
