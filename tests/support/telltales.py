"""Searching files as a thief of the disk does, for what they must not tell."""

import base64
from collections.abc import Iterator
from pathlib import Path


def spellings(word: str | bytes) -> Iterator[bytes]:
    """How a text or some octets may lie in a file."""
    octets = word.encode() if isinstance(word, str) else word
    yield octets
    yield octets.hex().encode()
    yield base64.b64encode(octets).rstrip(b"=")
    if isinstance(word, str):
        yield word.encode("utf-16-le")


def tell_tale(home: Path, secrets: dict[str, str | bytes]) -> list[str]:
    """Name each secret that a file, or its name, tells."""
    found: list[str] = []
    for file in (path for path in home.rglob("*") if path.is_file() and not path.is_symlink()):
        octets = file.read_bytes() + str(file.relative_to(home)).encode()
        found += [
            f"{name} in {file.relative_to(home)}"
            for name, word in secrets.items()
            if any(spelling in octets for spelling in spellings(word))
        ]
    return found
