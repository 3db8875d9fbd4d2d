"""The small transport that stores, with parts of files.

A container is a folder. Its key is a secret, from which the offer is hashed, and from that the folder's name and those
of the files: whoever has the offer finds and reads what is there, and cannot get back to the key. A part is sealed for
its number. The file `until` says how long all of them are kept.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

import anyio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from balchat_host.api.errors import BadInput, NetworkUnavailable, PartRefused, ProtocolViolation
from balchat_host.api.transport import BlobContainer, BlobOutcome, BlobReport
from tests.kits.drop_bench import DropBench
from tests.kits.drop_transport import DropTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from balchat_host.api.transport import TransportContext
    from balchat_host.api.types import PeerId

KEY, OFFER = b"k", b"o"
SECRET_SIZE: Final = 32
CHECK_SIZE: Final = 4
TAG_SIZE: Final = 16
KEPT: Final = 24 * 3600.0
UNTIL: Final = "until"
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def hashed(what: str, *octets: bytes) -> bytes:
    return sha256(what.encode() + b"".join(octets)).digest()


def named(kind: bytes, secret: bytes) -> bytes:
    """Return a key or an offer."""
    return kind + secret + hashed("check", kind, secret)[:CHECK_SIZE]


def secret_of(kind: bytes, text: bytes) -> bytes | None:
    """Return what is in a key or an offer, or None where it is none."""
    secret = text[1 : 1 + SECRET_SIZE]
    return secret if text == named(kind, secret) else None


class BlobDropTransport(DropTransport):
    """Leaves envelopes in a folder, and parts of files beside them."""

    kept = KEPT

    def __init__(self, context: TransportContext, folder: Path, *, threads: bool) -> None:
        super().__init__(context, folder, threads=threads)
        self.now: Callable[[], float] = anyio.current_time
        self.changing = anyio.Lock()

    # -- ours

    async def allocate_containers(self, peer: PeerId) -> Sequence[BlobContainer]:
        self.must_run()
        await anyio.lowlevel.checkpoint()
        return [self.container(token_bytes(SECRET_SIZE))]

    def container(self, secret: bytes) -> BlobContainer:
        return BlobContainer(key=named(KEY, secret), offer=named(OFFER, self.reading(secret)))

    def reading(self, secret: bytes) -> bytes:
        return hashed("reading", secret)

    async def put_blob(self, peer: PeerId, key: bytes, index: int, octets: bytes) -> BlobReport:
        reading = self.opened(key)
        async with self.changing:
            try:
                await self.on_disk(self.put, reading, index, octets, self.now())
            except OSError:
                return BlobReport(outcome=BlobOutcome.FULL, reason="disk-full", retry_after=60.0)
        return BlobReport(outcome=BlobOutcome.KEPT, kept=self.kept)

    async def renew_blobs(self, peer: PeerId, key: bytes) -> BlobReport:
        reading = self.opened(key)
        async with self.changing:
            there = await self.on_disk(self.renew, self.place(reading), self.now())
        if not there:
            return BlobReport(outcome=BlobOutcome.GONE)
        return BlobReport(outcome=BlobOutcome.KEPT, kept=self.kept)

    async def delete_blobs(self, peer: PeerId, key: bytes, indexes: Collection[int]) -> None:
        reading = self.opened(key)
        async with self.changing:
            await self.on_disk(self.delete, reading, list(indexes))

    # -- theirs

    async def get_blob(self, peer: PeerId, offer: bytes, index: int, size: int) -> bytes | None:
        self.must_run()
        reading = secret_of(OFFER, offer)
        if reading is None:
            raise ProtocolViolation(problem="their offer cannot be read")
        sealed = await self.on_disk(self.get, reading, index, size, self.now())
        return None if sealed is None else self.unsealed(reading, index, sealed, size)

    # -- what passes

    def must_run(self) -> None:
        if not self.running:
            raise NetworkUnavailable(problem="it does not run", remedy="")

    def opened(self, key: bytes) -> bytes:
        """Return what reads in the container with this key."""
        self.must_run()
        secret = secret_of(KEY, key)
        if secret is None:
            raise BadInput(what="A container's key", problem="it is none of ours")
        return self.reading(secret)

    def sealed(self, reading: bytes, index: int, octets: bytes) -> bytes:
        return ChaCha20Poly1305(reading).encrypt(index.to_bytes(12), octets, None)

    def unsealed(self, reading: bytes, index: int, sealed: bytes, size: int) -> bytes:
        try:
            octets = ChaCha20Poly1305(reading).decrypt(index.to_bytes(12), sealed, None)
        except InvalidTag:
            raise PartRefused(problem="it is not what was left there") from None
        if len(octets) != size:
            raise PartRefused(problem="it has another size")
        return octets

    # -- on the disk

    def place(self, reading: bytes) -> Path:
        return self.folder / hashed("place", reading).hex()

    def file(self, reading: bytes, index: int) -> Path:
        return self.place(reading) / hashed("part", reading, index.to_bytes(4)).hex()

    def put(self, reading: bytes, index: int, octets: bytes, now: float) -> None:
        place = self.place(reading)
        self.sweep(now)
        if not place.is_dir():
            self.make_box(place)
        self.write(self.file(reading, index), self.sealed(reading, index, octets))
        self.keep(place, now)

    def write(self, path: Path, octets: bytes) -> None:
        new = path.with_name("new")
        with new.open("wb") as file:
            file.write(octets)
            self.sync(file)
        new.rename(path)
        self.sync_folder(path.parent)

    def keep(self, place: Path, now: float) -> None:
        self.write(place / UNTIL, str(now + self.kept).encode())

    def is_over(self, place: Path, now: float) -> bool:
        try:
            with (place / UNTIL).open("rb") as file:
                return float(file.read(64)) <= now
        except (OSError, ValueError):
            return False

    def renew(self, place: Path, now: float) -> bool:
        self.sweep(now)
        if place.is_dir():
            self.keep(place, now)
        return place.is_dir()

    def delete(self, reading: bytes, indexes: Sequence[int]) -> None:
        place = self.place(reading)
        for index in indexes:
            self.file(reading, index).unlink(missing_ok=True)
        if place.is_dir() and all(path.name == UNTIL for path in place.iterdir()):
            self.remove_place(place)

    def remove_place(self, place: Path) -> None:
        for path in place.iterdir():
            path.unlink()
        place.rmdir()

    def sweep(self, now: float) -> None:
        """Remove what is kept no longer."""
        for until in self.folder.glob(f"*/{UNTIL}"):
            if self.is_over(until.parent, now):
                self.remove_place(until.parent)

    def get(self, reading: bytes, index: int, size: int, now: float) -> bytes | None:
        """Read what is there, but no more than a part of this size has."""
        path = self.file(reading, index)
        if self.is_over(path.parent, now):
            return None
        try:
            descriptor = os.open(path, _READ)
        except FileNotFoundError:
            return None
        except OSError:
            return b""
        with os.fdopen(descriptor, "rb") as file:
            with suppress(OSError):
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return file.read(self.most(size))
            return b""

    def most(self, size: int) -> int:
        return size + TAG_SIZE + 1


class BlobDropBench(DropBench):
    capabilities = replace(DropBench.capabilities, blobs=True, ages=True)

    def __init__(
        self, folder: Path, make: type[BlobDropTransport] = BlobDropTransport, *, threads: bool = True
    ) -> None:
        super().__init__(folder, make, threads=threads)
        self.passed = 0.0

    def transport(self, context: TransportContext) -> BlobDropTransport:
        made = super().transport(context)
        assert isinstance(made, BlobDropTransport)
        made.now = lambda: anyio.current_time() + self.passed
        return made

    def let_pass(self, seconds: float) -> None:
        self.passed += seconds
