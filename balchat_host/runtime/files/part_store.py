"""The parts of files, as those see them who bring them over: the contract between files and what carries them.

What comes from others is checked here, and nowhere else: a part by its hash, a manifest by the file's root. A part is
durable when `store` returns. Nothing here knows how parts travel.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.core.files.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """A file that our owner wants, and of which not all is here. `peer` offered it.

    `number` is what the store calls it, never another file's; `size` is that of the file in octets, from which
    everything else follows (`core.files.shape.Shape`). `has_manifest`: its manifest is here.
    """

    number: int
    peer: PeerId
    root: bytes
    size: int
    has_manifest: bool


class PartStore(ABC):
    """The parts that are here, and those that should be.

    A call that changes something is durable when it returns. All may raise StorageFull and StorageFailed: then it is
    the disk, and not the other side.
    """

    # -- for those to whom a file was offered

    @abstractmethod
    async def offered(self, root: bytes, device: DeviceIdentity) -> int | None:
        """Return the size of a file that is all here and was offered to a device's account, else None.

        None also where it was taken back, deleted, has expired, or the contact is blocked.
        """

    @abstractmethod
    async def manifest(self, root: bytes, device: DeviceIdentity) -> bytes | None:
        """Return the manifest of a file that is `offered`, else None."""

    @abstractmethod
    def read(self, root: bytes, device: DeviceIdentity, first: int, count: int) -> AsyncGenerator[tuple[int, bytes]]:
        """Yield at most `count` parts from `first` on, with their numbers; nothing of what is not `offered`.

        One part at a time is in memory. It ends early where the file is taken back meanwhile. The caller closes it.
        """

    @abstractmethod
    async def confirm(self, root: bytes, device: DeviceIdentity, parts: int) -> None:
        """Note that so many parts of a file are durable at a device, as it says: for front ends to show."""

    # -- for us

    @abstractmethod
    async def wanted_from(self) -> Sequence[PeerId]:
        """Return of whom something is wanted. Whoever follows it looks again whenever `FileService.changed` rings."""

    @abstractmethod
    async def wanted(self, peer: PeerId, limit: int) -> Sequence[WantedFile]:
        """Return at most `limit` files that are wanted of a peer, the oldest wish first."""

    @abstractmethod
    async def missing(self, number: int) -> Sequence[range]:
        """Return which parts of a wanted file are not here; nothing where it is not wanted any more."""

    @abstractmethod
    async def store_manifest(self, number: int, manifest: bytes) -> None:
        """Store the manifest of a wanted file. Raise PartRefused where it is not its own."""

    @abstractmethod
    async def store(self, number: int, index: int, octets: bytes, *, way: str = "direct") -> bool:
        """Store a part that came by a way (`direct`, `relay`); return whether the file is still wanted.

        Repeating it changes nothing.

        Raise PartRefused where it is not that part of the file, or the manifest is not here.
        """

    @abstractmethod
    def hindered(self, number: int, reason: str | None) -> None:
        """Note what keeps a wanted file from coming now, None where it comes: for front ends to show.

        `reason` is one of `unreachable`, `their-relay-unreachable`, `no-network`, `busy`, `stalled`, `wrong-octets`,
        `protocol-violation`, `storage-full`, `storage-failed`, `failed`.
        """

    @abstractmethod
    async def sources(self, number: int) -> Sequence[Source]:
        """Return where parts of a wanted file lie at relays, as its author says."""

    @abstractmethod
    async def tell_progress(self, number: int, absent: Sequence[int]) -> None:
        """Have the author of a wanted file told which parts are here, and which of those at relays are not there."""

    @abstractmethod
    async def ask_for_relays(self, number: int) -> None:
        """Have the author of a wanted file, who cannot be reached, asked to leave parts of it at relays."""

    @abstractmethod
    async def not_offered(self, number: int) -> None:
        """Note that its peer says that it does not offer the file (any more): it is not wanted any more."""
