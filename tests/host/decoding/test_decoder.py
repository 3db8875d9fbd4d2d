"""The process that reads pictures and sound: what it cannot do, and what hostile ones do to us."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING

import anyio
import pytest

pytest.importorskip("PIL.Image", reason="pictures are an extra")
pytest.importorskip("zxingcpp", reason="pictures are an extra")

from PIL import Image

from balchat_host.api import decoder
from balchat_host.api.errors import (
    BadInput,
    PicturesMissing,
    PictureUnreadable,
    VoiceUnreadable,
)
from balchat_host.api.pictures import MAX_QR_PICTURE, read_qr, read_qr_file, reencode
from balchat_host.decoding.limits import MAX_PREVIEW

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Starting processes costs time, and anyio does it for both loops."""
    return "asyncio"


TRIES = """
import ctypes, json, os, socket, subprocess, sys
from balchat_host.decoding.confinement import confine
parent, holds = os.getppid(), list(confine())
worked = []
def attempt(name, call):
    try:
        call()
    except Exception:
        return
    worked.append(name)
attempt("read a file", lambda: open("/etc/passwd"))
attempt("write a file", lambda: open("/tmp/decoded", "w"))
attempt("reach a network", lambda: socket.create_connection(("127.0.0.1", 9)))
attempt("make a socket", socket.socket)
attempt("make a pipe", os.pipe)
attempt("start a program", lambda: subprocess.run(["/bin/true"]))
attempt("fork", os.fork)
attempt("signal our parent", lambda: os.kill(parent, 0))
attempt("take 4 GiB", lambda: bytearray(4 * 2**30))
sys.stdout.write(json.dumps([holds, worked]))
"""


async def once(octets: bytes) -> AsyncGenerator[bytes]:
    yield octets


def png_of(width: int, height: int, *, rows: int = 8) -> bytes:
    """Return a PNG that says to be of a size, and holds a few black rows of it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 0, 0, 0, 0])
    body = zlib.compress(bytes((1 + width) * rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def gif_of(width: int, height: int, frames: int) -> bytes:
    """Return a GIF with a large canvas and many frames of one pixel."""
    head = b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x80\x00\x00" + bytes(6)
    frame = b"\x2c" + bytes(4) + b"\x01\x00\x01\x00\x00" + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b"\x3b"


def photograph(size: tuple[int, int] = (600, 400), kind: str = "JPEG") -> bytes:
    octets = io.BytesIO()
    Image.effect_mandelbrot(size, (-2, -1, 1, 1), 50).convert("RGB").save(octets, kind)
    return octets.getvalue()


def test_it_can_do_nothing_but_read_and_write_what_is_open() -> None:
    ran = subprocess.run([sys.executable, "-I", "-c", TRIES], capture_output=True, check=True, timeout=60)
    holds, worked = json.loads(ran.stdout)
    if "seccomp" in holds:
        assert worked == []
    else:
        assert set(worked) <= {"start a program", "fork", "signal our parent"}


async def test_a_picture_is_made_again_at_the_size_that_is_asked_for() -> None:
    made = Image.open(io.BytesIO(await reencode(photograph(), 100)))
    assert (made.format, made.size) == ("WEBP", (100, 67))


async def test_a_code_is_read_from_a_picture() -> None:
    segno = pytest.importorskip("segno")
    octets = io.BytesIO()
    segno.make("balchat:abc").save(octets, kind="png", scale=3)
    assert await read_qr(octets.getvalue()) == "balchat:abc"
    assert await read_qr(photograph()) is None


async def test_of_a_picture_of_a_code_on_this_machine_it_is_said_what_is_wrong(tmp_path: Path) -> None:
    segno = pytest.importorskip("segno")
    path, pipe = tmp_path / "code.png", tmp_path / "pipe"
    segno.make("balchat:abc").save(str(path), scale=3)
    os.mkfifo(pipe)
    assert await read_qr_file(path) == "balchat:abc"
    for octets, problem in ((b"", "not a JPEG"), (bytes(MAX_QR_PICTURE + 1), "more than 8 MiB")):
        path.write_bytes(octets)
        with pytest.raises(BadInput, match=problem) as caught:
            await read_qr_file(path)
        assert "as it is" not in str(caught.value), "nobody wants to send it"
    for other in (tmp_path, pipe, tmp_path / "none.png"):
        with pytest.raises(BadInput):
            await read_qr_file(other)


@pytest.mark.parametrize(
    "octets",
    [
        png_of(60_000, 60_000),
        png_of(20_000, 2_600),
        gif_of(65_535, 65_535, 3),
        photograph()[:2000],
        photograph(kind="PNG")[:5000],
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"RIFF\xff\xff\xff\xffWEBPVP8X" + bytes(64),
    ],
    ids=["bomb", "52 megapixels", "gif", "half a jpeg", "half a png", "nothing", "svg", "eps", "webp"],
)
async def test_what_is_hostile_ends_its_own_request(octets: bytes) -> None:
    with pytest.raises(PictureUnreadable):
        await reencode(octets, 512)


@pytest.mark.parametrize("size", [(513, 2), (2, 513)])
async def test_a_preview_of_many_pixels_is_not_decoded(size: tuple[int, int]) -> None:
    # Of one colour, fifty megapixels fit into the octets that a preview may have.
    octets = photograph(size, "WEBP")
    assert len(octets) <= MAX_PREVIEW
    with pytest.raises(decoder.PictureRefused, match="512 pixels a side"):
        await decoder.decode("preview_again", once(octets), name="a.jpg")


async def test_a_preview_of_another_format_is_not_decoded() -> None:
    for octets in (photograph((40, 30)), photograph((40, 30), "PNG"), gif_of(40, 30, 3)):
        with pytest.raises(PictureUnreadable):
            await decoder.decode("preview_again", once(octets), name="a.jpg")
    made = await decoder.decode("preview_again", once(photograph((512, 30), "WEBP")), name="a.jpg")
    assert Image.open(io.BytesIO(made.results[0])).size == (320, 19)


async def test_of_endless_frames_the_first_is_shown() -> None:
    octets = gif_of(300, 200, 400_000)
    assert len(octets) > 5_000_000
    with anyio.fail_after(60):
        made = await decoder.decode("preview", once(octets), name="a.gif")
    assert len(made.results[0]) <= MAX_PREVIEW


async def test_what_is_too_large_is_not_read() -> None:
    async def endless() -> AsyncGenerator[bytes]:
        while True:
            yield bytes(2**20)

    with pytest.raises(PictureUnreadable, match="64 MiB"):
        await decoder.decode("preview", endless(), name="a.png")


async def test_sound_of_many_channels_is_refused() -> None:
    soundfile, numpy = pytest.importorskip("soundfile"), pytest.importorskip("numpy")
    for channels, taken in ((2, True), (3, False)):
        octets = io.BytesIO()
        soundfile.write(octets, numpy.zeros((4800, channels), "int16"), 48_000, format="OGG", subtype="OPUS")
        if taken:
            assert await decoder.decode("decode_voice", once(octets.getvalue()), name="voice.ogg")
            continue
        with pytest.raises(VoiceUnreadable, match="two channels"):
            await decoder.decode("decode_voice", once(octets.getvalue()), name="voice.ogg")


async def test_sound_that_is_none_is_refused() -> None:
    pytest.importorskip("soundfile")
    for octets in (b"", b"OggS" + bytes(100), photograph()):
        with pytest.raises(VoiceUnreadable):
            await decoder.decode("decode_voice", once(octets), name="voice.ogg")


async def test_one_that_dies_or_lies_ends_its_own_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for program in (
        "import os; os.kill(os.getpid(), 9)",
        "print('no JSON')",
        "print('{\"lengths\": [-1]}')",
        "print('{\"lengths\": [999999999999]}')",
        "print('{\"lengths\": [10]}'); print('short')",
        "import sys; sys.stdout.write('x' * 10**6)",
        "print('[' * 100000)",
        "print('[' * 30000 + ']' * 30000)",
        "print('{\"lengths\": []}')",
    ):
        stand_in = tmp_path / "python"
        stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} -c "$BALCHAT_STAND_IN"\n')
        stand_in.chmod(0o700)
        monkeypatch.setattr(decoder, "_ENVIRONMENT", {"BALCHAT_STAND_IN": program})
        monkeypatch.setattr(sys, "executable", str(stand_in))
        with pytest.raises(PictureUnreadable) as raised:
            await reencode(photograph(), 64)
        assert not isinstance(raised.value, decoder.PictureRefused), "it says nothing of the picture"
        monkeypatch.undo()
    assert await reencode(photograph(), 64)


async def test_what_a_broken_one_says_is_no_message_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in = tmp_path / "python"
    stand_in.write_text('#!/bin/sh\nprintf \'{"refused": "\\\\u001b]0;%s"}\\n\' "$(printf %04000d 0)"\n')
    stand_in.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    with pytest.raises(PictureUnreadable) as raised:
        await reencode(photograph(), 64)
    problem = str(raised.value.fields["problem"])
    assert len(problem) < 200
    assert problem.isprintable()


async def test_one_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "PATIENCE", 0.0)
    with pytest.raises(PictureUnreadable, match="too long"):
        await reencode(photograph(), 64)


async def test_without_the_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -S -E "$@"\n')
    stand_in.chmod(0o700)
    root = os.fspath(__file__).partition("/tests/host/")[0]
    monkeypatch.setattr(sys, "executable", str(stand_in))
    monkeypatch.setattr(decoder, "_FOLDER", root)
    with pytest.raises(PicturesMissing, match="pictures"):
        await reencode(photograph(), 64)
