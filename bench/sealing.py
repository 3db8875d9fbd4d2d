"""Sealing a file with parts and hashes, and opening it, against pyrage alone; and the memory that it takes."""

from __future__ import annotations

import io
import resource
from random import Random
from typing import TYPE_CHECKING, Any, cast

import anyio
import pyrage

from balchat_host.core.files.shape import Shape
from balchat_host.runtime.files.folder import DiskFolder
from balchat_host.runtime.files.offload import Threads
from balchat_host.runtime.files.sealing import open_sealed, seal
from bench.figure import AtMost, Figure, NoMoreThan
from bench.timing import in_turns_sync

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.runtime.files.sealing import Read, Sealed
    from bench.room import Room

TITLE = "Sealing files"
NOTE = (
    "64 MiB from memory to memory, in turns; the memory is that of a process that seals 1 GiB onto a disk. The hashes"
    " alone, SHA-256 as fast as the processor has it, take a third of pyrage's time. A thread of their own gains"
    " nothing: pyrage keeps the interpreter's lock while it encrypts."
)
SIZE = 64 * 2**20
LARGE = 2**30
ROUNDS = 7
_STEP = 256 * 1024
_MIB = 2**20


def measure(room: Room) -> list[Figure]:
    before, after = _memory(room)  # first: what the others hold would hide what it takes
    octets = Random(1).randbytes(SIZE)
    made, into = _seal(octets)
    sealed = into.getvalue()
    identity = pyrage.x25519.Identity.generate()
    alone = io.BytesIO()
    cast("Any", pyrage).encrypt_io(io.BytesIO(octets), alone, [identity.to_public()])
    calls: tuple[Callable[[], object], ...] = (
        lambda: _seal(octets),
        lambda: cast("Any", pyrage).encrypt_io(io.BytesIO(octets), io.BytesIO(), [identity.to_public()]),
        lambda: _open(made, sealed),
        lambda: cast("Any", pyrage).decrypt_io(io.BytesIO(alone.getvalue()), io.BytesIO(), [identity]),
    )
    sealing, encrypting, opening, decrypting = in_turns_sync(ROUNDS, *calls)
    return [
        Figure(
            what="seal 64 MiB with parts and hashes, median",
            measured=sealing.median,
            against="pyrage `encrypt_io` alone",
            limit=encrypting.median,
            unit="ms",
            target=AtMost(1 / 0.75),
        ),
        Figure(
            what="open 64 MiB, median",
            measured=opening.median,
            against="pyrage `decrypt_io` alone",
            limit=decrypting.median,
            unit="ms",
            target=AtMost(1 / 0.75),
        ),
        Figure(
            what="memory at most, while 1 GiB is sealed and opened",
            measured=after,
            against="before",
            limit=before,
            unit="MiB",
            target=NoMoreThan(64, "MiB"),
        ),
    ]


def _seal(octets: bytes) -> tuple[Sealed, io.BytesIO]:
    sealed = io.BytesIO()
    return seal(Shape(len(octets)), io.BytesIO(octets).read, sealed.write), sealed


def _open(made: Sealed, sealed: bytes) -> None:
    open_sealed(made.key, made.header, io.BytesIO(sealed).read, io.BytesIO().write)


def _memory(room: Room) -> tuple[float, float]:
    """Return the most that the process has had before and after 1 GiB passed through a thread and a disk, in MiB."""
    folder = DiskFolder(room.folder("sealed"))
    before = _most()
    anyio.run(_through, folder)
    after = _most()
    folder.delete(folder.names())
    return before, after


async def _through(folder: DiskFolder) -> None:
    offload = Threads()

    def job(read: Read) -> Sealed:
        made = seal(Shape(LARGE), read, lambda octets: folder.append("large", octets))
        folder.sync("large")
        return made

    feed = offload.feed(job)
    for _ in range(LARGE // _STEP):
        await offload.run(feed.put, bytes(_STEP))
    made = await offload.run(feed.finish)
    position = 0

    def read(size: int) -> bytes:
        nonlocal position
        octets = folder.read("large", position, size)
        position += len(octets)
        return octets

    drain = offload.drain(lambda write: open_sealed(made.key, made.header, read, write))
    while await offload.run(drain.get) is not None:
        pass


def _most() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MIB
