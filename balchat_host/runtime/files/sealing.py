"""Sealing files and opening them: the age format (C2SP age) by pyrage, header apart (docs/spec/files.md, Sealing).

Both block, for a thread to call them, and use little memory whatever the size: pyrage's functions on Python objects let
other threads run, which those on paths do not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import pyrage  # pyright: ignore[reportMissingTypeStubs]  # it has none

from balchat_host.api.errors import FileUnreadable
from balchat_host.core.files.offer import MAX_HEADER
from balchat_host.core.files.shape import ManifestWriter, Shape

Read = Callable[[int], bytes]
"""Returns up to so many octets, none at the end."""
Write = Callable[[bytes], None]
"""Takes octets."""

_encrypt: Final = cast("Callable[[Any, Any, list[Any]], None]", pyrage.encrypt_io)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]  # pyrage has no types
_decrypt: Final = cast("Callable[[Any, Any, list[Any]], None]", pyrage.decrypt_io)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]  # as above
_identity: Final = cast("Any", pyrage.x25519.Identity)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]  # as above
_REFUSED: Final = cast("tuple[type[Exception], ...]", (pyrage.DecryptError, pyrage.IdentityError))  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]  # as above

_LAST_LINE: Final = b"\n--- "


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What is needed to open a sealed file, and the hashes of its parts."""

    key: bytes
    header: bytes
    manifest: bytes

    def __repr__(self) -> str:
        return "Sealed(…)"


def seal(shape: Shape, read: Read, write: Write) -> Sealed:
    """Seal what `read` returns, to an identity made for it. Raise what either raises."""
    identity = _identity.generate()
    sink = _Sink(shape, write)
    source = _Source(read)
    try:
        _encrypt(source, sink, [identity.to_public()])
    except Exception as error:  # noqa: BLE001  # pyrage turns what a stream raises into errors of its own
        raise source.failure or sink.failure or error from None
    return Sealed(key=str(identity).encode(), header=sink.header, manifest=sink.manifest.finish())


def open_sealed(key: bytes, header: bytes, read: Read, write: Write) -> None:
    """Hand the contents of a sealed file to `write`. Raise what either raises, and FileUnreadable.

    All that is written is authentic; whether it is all of the file is known when this returns.
    """
    source, sink = _Source(read, header), _Plain(write)
    try:
        _decrypt(source, sink, [_identity.from_str(key.decode())])
    except (*_REFUSED, OSError, UnicodeDecodeError) as error:
        raise source.failure or sink.failure or FileUnreadable() from error


class _Source:
    """What pyrage reads from. It would turn an exception into words, so that is kept."""

    def __init__(self, read: Read, first: bytes = b"") -> None:
        self._read = read
        self._first = first
        self.failure: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        if self._first:
            taken, self._first = self._first[:size], self._first[size:]
            return taken
        try:
            return self._read(size)
        except BaseException as error:
            self.failure = error
            raise


class _Plain:
    def __init__(self, write: Write) -> None:
        self._write = write
        self.failure: BaseException | None = None

    def write(self, octets: bytes) -> int:
        try:
            self.take(bytes(octets))
        except BaseException as error:
            self.failure = error
            raise
        return len(octets)

    def take(self, octets: bytes) -> None:
        self._write(octets)

    def flush(self) -> None:
        """Do nothing: there is no buffer."""


class _Sink(_Plain):
    """Parts the header from what follows it, of which it makes the manifest.

    Each chunk is hashed as it comes, while the processor's cache holds it. A thread for that gains nothing: pyrage
    keeps the interpreter's lock while it encrypts, and joining chunks for the thread costs more than hashing them.
    """

    def __init__(self, shape: Shape, write: Write) -> None:
        super().__init__(write)
        self.header = b""
        self.manifest = ManifestWriter(shape)
        self._in_header = True

    def take(self, octets: bytes) -> None:
        if self._in_header:
            self.header += octets
            begin = self.header.find(_LAST_LINE)
            end = self.header.find(b"\n", begin + 1) + 1 if begin >= 0 else 0
            if not end:
                assert len(self.header) <= MAX_HEADER, "an age header for one recipient is shorter"
                return
            self._in_header = False
            self.header, octets = self.header[:end], self.header[end:]
        if octets:
            self.manifest.write(octets)
            self._write(octets)
