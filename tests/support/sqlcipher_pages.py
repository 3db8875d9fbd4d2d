"""Every page of an SQLCipher database and its write-ahead log, decrypted, free pages and slack too.

SQLCipher 4 encrypts each page with AES-256-CBC; its last 80 octets are the IV and an HMAC
(zetetic.net/sqlcipher/design).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = 4096
_RESERVED = 80
_IV = 16
_SALT = 16
_LOG_HEADER, _FRAME_HEADER = 32, 24


def decrypted(folder: Path, key: bytes) -> bytes:
    """Return what all pages of the vault in a folder, and of its log, say, one after the other."""
    return b"".join(page for path in sorted(folder.rglob("*")) if path.is_file() for page in _pages(path, key))


def _pages(path: Path, key: bytes) -> Iterator[bytes]:
    octets = path.read_bytes()
    if path.name.endswith("-wal"):
        step = _FRAME_HEADER + PAGE
        for start in range(_LOG_HEADER, len(octets) - step + 1, step):
            number = int.from_bytes(octets[start : start + 4])
            yield _decrypt(octets[start + _FRAME_HEADER : start + step], key, first=number == 1)
    elif path.name == "database":
        for start in range(0, len(octets), PAGE):
            yield _decrypt(octets[start : start + PAGE], key, first=start == 0)


def _decrypt(page: bytes, key: bytes, *, first: bool) -> bytes:
    body, reserved = page[:-_RESERVED], page[-_RESERVED:]
    decryptor = Cipher(algorithms.AES256(key), modes.CBC(reserved[:_IV])).decryptor()
    return decryptor.update(body[_SALT if first else 0 :]) + decryptor.finalize()
