"""The folder of files in memory, and work that is done at once: no disk, no threads, no time.

`folder.free` is how many octets it still takes; `folder.full = True` has every write fail as on a full disk, and
`folder.files` is what lies in it.
"""

import io
from collections.abc import AsyncIterable, Callable, Hashable, Iterable, Mapping
from importlib import import_module
from typing import TypeVar, TypeVarTuple

from anyio import to_thread
from anyio.lowlevel import checkpoint

from balchat_host.api.decoder import Decoded, Job, PictureRefused
from balchat_host.api.errors import PicturesMissing, StorageFull, VoiceMissing, VoiceUnreadable
from balchat_host.runtime.files.folder import FileFolder
from balchat_host.runtime.files.offload import Drain, Ended, Feed, Offload
from balchat_host.runtime.files.sealing import Read, Write

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class MemoryFolder(FileFolder):
    """A folder in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self.full = False
        self.free = 2**40

    def names(self) -> Mapping[str, int]:
        return {name: len(octets) for name, octets in self.files.items()}

    def write(self, name: str, offset: int, octets: bytes) -> None:
        self._check()
        file = self.files.setdefault(name, bytearray())
        file.extend(bytes(max(0, offset - len(file))))
        file[offset : offset + len(octets)] = octets

    def append(self, name: str, octets: bytes) -> None:
        self._check()
        self.files.setdefault(name, bytearray()).extend(octets)

    def sync(self, name: str) -> None:
        self._check()
        assert name in self.files, "something was written"

    def read(self, name: str, offset: int, size: int) -> bytes:
        return bytes(self.files.get(name, b"")[offset : offset + size])

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self.files.pop(name, None)

    def room(self) -> int:
        return self.free

    def _check(self) -> None:
        if self.full:
            raise StorageFull


class AtOnce(Offload):
    """Does the work in the event loop. What jobs take or give is held in memory as a whole."""

    async def run(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        await checkpoint()
        return function(*arguments)

    def feed(self, job: Callable[[Read], T]) -> Feed[T]:
        return _HeldFeed(job)

    def drain(self, job: Callable[[Write], None]) -> Drain:
        return _HeldDrain(job)


async def decode_here(job: Job, octets: AsyncIterable[bytes], *numbers: int, name: str, of: Hashable = None) -> Decoded:
    """Do what `balchat_host.api.decoder.decode` does, in this process: what a test gives it is no attack."""
    del of
    whole = b"".join([piece async for piece in octets])
    voice = job in ("encode_voice", "decode_voice")
    try:
        module = import_module(f"balchat_host.decoding.{'voice' if voice else 'pictures'}")
    except ImportError:
        raise VoiceMissing if voice else PicturesMissing from None
    try:
        answer = await to_thread.run_sync(getattr(module, job), whole, *numbers)
    except Exception as error:
        raise (VoiceUnreadable if voice else PictureRefused)(name=name, problem=str(error)) from error
    return Decoded(results=answer.results, said=answer.said)


class _HeldFeed(Feed[T]):
    def __init__(self, job: Callable[[Read], T]) -> None:
        self._job = job
        self._octets = io.BytesIO()
        self._aborted = False

    def put(self, octets: bytes) -> None:
        if self._aborted:
            raise Ended
        self._octets.write(octets)

    def finish(self) -> T:
        if self._aborted:
            raise Ended
        self._octets.seek(0)
        return self._job(self._octets.read)

    def abort(self) -> None:
        self._aborted = True


class _HeldDrain(Drain):
    def __init__(self, job: Callable[[Write], None]) -> None:
        self._job = job
        self._pieces: list[bytes] | None = None
        self._failure: BaseException | None = None

    def get(self) -> bytes | None:
        if self._pieces is None:
            self._pieces = []
            try:
                self._job(self._pieces.append)
            except Exception as error:  # noqa: BLE001  # raised once what came before is got
                self._failure = error
        if self._pieces:
            return self._pieces.pop(0)
        if self._failure is not None:
            raise self._failure
        return None

    def close(self) -> None:
        self._pieces = []
