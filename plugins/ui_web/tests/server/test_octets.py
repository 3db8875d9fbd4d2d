"""Files through the page's server: uploaded in pieces, shown only as made again, kept by a ticket."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from balchat_ui_web.octets import disposition

from balchat_host.api.decoder import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.testing.peer import Peer
    from conftest import Served, Window, Wire

pytestmark = pytest.mark.anyio

PIECE = 256 * 1024


async def uploaded(window: Window, wire: Wire, octets: bytes, name: str = "notes.bin") -> str:
    """Attach a file of ours; return its id."""
    file = (await wire.ask("files.attach", name=name, size=len(octets)))["id"]
    for offset in range(0, len(octets), PIECE):
        piece = octets[offset : offset + PIECE]
        async with window.fetch("POST", f"/files/{file}?offset={offset}", data=piece) as answer:
            assert (answer.status, await answer.json()) == (200, {"written": offset + len(piece)})
    return file


async def test_a_file_is_uploaded_in_pieces_and_downloaded_as_it_was(serve: Callable[..., Served]) -> None:
    octets = bytes(range(256)) * 2500
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        file = await uploaded(window, wire, octets)
        path = (await wire.ask("web.ticket", file=file))["path"]
        async with window.session.get(path, headers={"Sec-Fetch-Site": "same-origin"}) as answer:
            assert await answer.read() == octets
            given = answer.headers
        assert given["Content-Type"] == "application/octet-stream"
        assert given["Content-Disposition"].startswith('attachment; filename="notes.bin"')
        assert given["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert given["X-Content-Type-Options"] == "nosniff"
        assert given["Cache-Control"] == "no-store"


async def test_a_ticket_is_good_once_and_for_half_a_minute(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        file = await uploaded(window, wire, b"hello")
        path = (await wire.ask("web.ticket", file=file))["path"]
        late = (await wire.ask("web.ticket", file=file))["path"]
        assert await window.status("GET", path) == 200
        assert await window.status("GET", path) == 404
        served.clock.now += 31
        assert await window.status("GET", late) == 404
        assert await window.status("GET", "/download/x") == 404
        assert await window.status("GET", f"/download/{file}") == 404
        assert await wire.ask("web.ticket", file="00") == "no-such-file"


async def test_a_piece_is_bounded_and_stands_where_it_belongs(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        file = (await wire.ask("files.attach", name="a", size=10 * PIECE))["id"]
        path = f"/files/{file}"
        assert await window.status("POST", f"{path}?offset=0", data=b"x" * (PIECE + 1)) == 413
        for offset in ("", "-1", "x", "1e3", "9" * 30, "٣"):
            assert await window.status("POST", f"{path}?offset={offset}", data=b"x") == 400
        assert await window.status("POST", path, data=b"x") == 400
        assert await window.status("POST", f"{path}?offset=5", data=b"x") == 400
        assert await window.status("POST", "/files/00?offset=0", data=b"x") == 404
        assert await window.status("POST", "/files/%2e%2e?offset=0", data=b"x") in {404, 405}
        assert await window.status("POST", f"{path}?offset=0", data=b"x" * PIECE) == 200


async def test_a_body_of_unknown_size_is_refused_before_it_is_read(serve: Callable[..., Served]) -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * 65536

    async with serve().live() as served, served.window() as window:
        for path in ("/files/00?offset=0", "/qr"):
            assert await window.status("POST", path, data=endless()) == 403
        packed = {"Content-Encoding": "gzip"}
        assert await window.status("POST", "/qr", data=b"x", headers=packed) == 403


async def test_pictures_come_as_the_account_makes_them_and_never_as_they_are(serve: Callable[..., Served]) -> None:
    hostile = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        file = await uploaded(window, wire, hostile, name="picture.svg")
        for path in (f"/pictures/{file}?side=100", f"/previews/{file}", f"/voice/{file}"):
            async with window.fetch("GET", path) as answer:
                assert answer.status >= 400
                assert answer.content_type == "application/json"
                assert b"script" not in await answer.read()
        for side in ("0", "-1", "4097", "x", "1" * 20):
            assert await window.status("GET", f"/pictures/{file}?side={side}") == 400


async def received(wire: Wire, peer: Peer, octets: bytes) -> str:
    """Have a picture of somebody's come, as they sent it; return its id."""
    file = peer.offer("picture.png", octets, content_type="image/png").id
    await wire.ask("files.fetch", file=file)
    peer.hand_over(file)
    return file


async def test_what_others_sent_is_read_by_a_process_of_its_own_and_comes_made_again(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = pytest.importorskip("PIL.Image")
    drawn, told = pictures.new("RGB", (300, 200), (200, 30, 30)), pictures.Exif()
    told[0x010F] = "Marker"
    octets = io.BytesIO()
    drawn.save(octets, "PNG", exif=told)
    huge = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    huge += chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        monkeypatch.setattr(served.account.files.shown, "_decode", decode)
        peer = served.befriend("Bob")
        file = await received(wire, peer, octets.getvalue() + b"<script>Marker</script>")
        async with window.fetch("GET", f"/pictures/{file}?side=64") as answer:
            assert (answer.status, answer.content_type) == (200, "image/webp")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            made = await answer.read()
        assert b"Marker" not in made
        shown = pictures.open(io.BytesIO(made))
        assert (shown.format, max(shown.size), dict(shown.getexif())) == ("WEBP", 64, {})
        assert shown.convert("RGB").getpixel((10, 10))[0] > 150
        file = await received(wire, peer, huge)
        async with window.fetch("GET", f"/pictures/{file}?side=64") as answer:
            assert answer.status >= 400
            assert (await answer.json())["error"]["code"] == "picture-unreadable"


async def test_a_recording_comes_as_sound(serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("soundfile")
    samples = struct.pack("<800h", *[8000 if place % 20 < 10 else -8000 for place in range(800)])
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        monkeypatch.setattr(served.account.files.shown, "_decode", decode)
        file = (await wire.ask("files.attach_voice", size=len(samples), rate=8000))["id"]
        assert await window.status("POST", f"/files/{file}?offset=0", data=samples) == 200
        async with window.fetch("GET", f"/voice/{file}") as answer:
            assert (answer.status, answer.content_type) == (200, "audio/wav")
            with wave.open(io.BytesIO(await answer.read())) as sound:
                assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
                assert max(struct.unpack(f"<{sound.getnframes()}h", sound.readframes(-1))) > 2000


def chunk(kind: bytes, octets: bytes) -> bytes:
    """Return a chunk of a PNG picture."""
    return struct.pack(">I", len(octets)) + kind + octets + struct.pack(">I", zlib.crc32(kind + octets))


async def test_nothing_of_a_file_is_given_while_the_account_is_down(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        file = await uploaded(window, wire, b"hello")
        path = (await wire.ask("web.ticket", file=file))["path"]
        await served.end()
        assert await window.status("GET", path) == 409
        assert await window.status("GET", f"/previews/{file}") == 409
        assert await window.status("POST", f"/files/{file}?offset=0", data=b"x") == 409


@pytest.mark.parametrize(
    ("name", "plain", "whole"),
    [
        ("a.txt", "a.txt", "a.txt"),
        ("año.txt", "a_o.txt", "a%C3%B1o.txt"),
        ('x"; filename=evil.exe', "x__ filename_evil.exe", "x%22%3B%20filename%3Devil.exe"),
        ("a\r\nSet-Cookie: x", "a__Set-Cookie_ x", "a%0D%0ASet-Cookie%3A%20x"),
        ("../../etc/passwd", ".._.._etc_passwd", "..%2F..%2Fetc%2Fpasswd"),
        ("<script>", "_script_", "%3Cscript%3E"),
        ("\ud800", "_", "%3F"),
    ],
)
def test_a_name_stays_within_its_header(name: str, plain: str, whole: str) -> None:
    assert disposition(name) == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"
