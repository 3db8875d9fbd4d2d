"""Writes `../vectors/previews.json` with a CBOR writer of its own. Run it by hand when the format changes."""

import base64
import json
from pathlib import Path

OUT = Path(__file__).parents[1] / "vectors" / "previews.json"
KEY = b"AGE-SECRET-KEY-1" + b"Q" * 58
HEADER = b"age-encryption.org/v1\n-> X25519 x\ny\n--- z\n"
ROOT = bytes(range(32))


def cbor(item: object) -> bytes:
    if isinstance(item, int):
        return head(0, item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    assert isinstance(item, list)
    return head(4, len(item)) + b"".join(cbor(each) for each in item)


def head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 256**size)
    return bytes([kind << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[size]]) + number.to_bytes(size, "big")


def file(content_type: str, name: str) -> list[object]:
    url = "balchat-file:" + base64.b32encode(ROOT).decode().rstrip("=").lower()
    return [6, "", 2, content_type, url, 0, 65_537, 0xBA1C, KEY, b"", HEADER, 0, b"", "", name]


def unit(preview_type: str, preview: bytes, part: list[object]) -> str:
    return cbor([6, "", 3, 1, [[8, "", 1, preview_type, preview], part]]).hex()


if __name__ == "__main__":
    picture, sound = file("image/jpeg", "harbour.jpg"), file("audio/ogg;codecs=opus", "voice.ogg")
    written = {
        "comment": "docs/spec/files.md, Previews: the part of a message, as CBOR.",
        "picture": unit("image/webp;width=4032;height=3024", b"RIFF....WEBP", picture),
        "voice": unit("application/vnd.balchat.voice", cbor([61_500, bytes([0, 128, 255])]), sound),
    }
    OUT.write_text(json.dumps(written, indent=1) + "\n")
