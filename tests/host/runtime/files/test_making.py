"""What a decoder says may be anything, where a broken picture has taken it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from balchat_host.api.decoder import Decoded
from balchat_host.api.errors import PictureUnreadable, VoiceUnreadable
from balchat_host.runtime.files.making import Made, Maker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio
JPEG = b"\xff\xd8\xff"
BROKEN: list[dict[str, object]] = [
    {},
    {"duration": 5},
    {"duration": 5, "levels": 7},
    {"duration": 5, "levels": [256]},
    {"duration": 5, "levels": ["x"]},
    {"duration": 5, "levels": [[]]},
    {"duration": 5, "levels": [0] * 65},
    {"duration": 0, "levels": []},
    {"duration": True, "levels": []},
    {"duration": "5", "levels": []},
    {"duration": 10**400, "levels": []},
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def nothing() -> AsyncGenerator[bytes]:
    yield b""


def maker(*results: bytes, **said: object) -> Maker:
    async def decode(*_: Any, **__: Any) -> Decoded:
        return Decoded(results=results, said=said)

    return Maker(decode)


@pytest.mark.parametrize("said", BROKEN)
async def test_what_is_said_of_sound_is_sound_or_refused(said: dict[str, object]) -> None:
    with pytest.raises(VoiceUnreadable):
        await maker(b"OggS", **said).of_sound("voice.ogg", 48_000, nothing())


@pytest.mark.parametrize("removed", [None, 7, "location", [["location"]], ["location", "\x1b]0;x"], [7]])
async def test_what_was_removed_from_a_picture_is_a_word_of_ours_or_refused(removed: object) -> None:
    made = maker(b"WEBP", JPEG, removed=removed, width=4, height=3)
    with pytest.raises(PictureUnreadable):
        await made.of_file("harbour.jpg", "image/jpeg", JPEG, nothing(), as_is=False)


@pytest.mark.parametrize("said", [{}, {"width": 4}, {"width": 4, "height": "3"}, {"width": 2**16, "height": 1}])
async def test_a_preview_without_a_size_is_none(said: dict[str, object]) -> None:
    async def of(**said: object) -> Made:
        made = maker(b"WEBP", JPEG, removed=["location"], **said)
        return await made.of_file("harbour.jpg", "image/jpeg", JPEG, nothing(), as_is=False)

    assert (await of(**said)).preview is None
    assert (await of(width=4, height=3)).preview is not None
