"""Fetches the files that are wanted, from everybody of whom something is: a task for each of them, while it lasts."""

from typing import Final

import anyio
from anyio.abc import TaskGroup

from balchat_host.api.backoff import Backoff
from balchat_host.api.bell import Bell
from balchat_host.api.errors import StorageFailed, StorageFull
from balchat_host.api.failures import contain
from balchat_host.api.types import PeerId
from balchat_host.runtime.files.octet_budget import OctetBudget
from balchat_host.runtime.files.part_store import PartStore
from balchat_host.runtime.files.peer_puller import BulkOpener, PeerPuller
from balchat_host.runtime.files.relay_puller import BlobGetter

MAX_HELD: Final = 32 * 1024 * 1024
"""Octets of parts that come and are held, of all contacts."""
_OPENING_AT_ONCE: Final = 8
"""Streams that are being opened; contacts who are away take long."""
_PAUSE: Final = 0.1
"""Seconds between two looks at what is wanted: one commit often follows another."""
_AFTER_FAILURE: Final = 60.0


class FilePuller:
    """Fetches what is wanted. `changed` rings whenever something else may be; `streams` are for each contact."""

    def __init__(
        self,
        opener: BulkOpener,
        blobs: BlobGetter,
        parts: PartStore,
        changed: Bell,
        *,
        backoff: Backoff,
        streams: int = 1,
    ) -> None:
        self._opener = opener
        self._blobs = blobs
        self._parts = parts
        self._changed = changed
        self._backoff = backoff
        self._streams = streams
        self._memory = OctetBudget(MAX_HELD)
        self._opening = anyio.CapacityLimiter(_OPENING_AT_ONCE)
        self._pullers: dict[PeerId, PeerPuller] = {}

    def reach(self, peer: PeerId) -> None:
        """Take note that a contact has come: what failed is tried again at once."""
        if (puller := self._pullers.get(peer)) is not None:
            puller.try_now()

    def try_now(self) -> None:
        """Take note that a transport has come up: what failed is tried again at once."""
        for puller in self._pullers.values():
            puller.try_now()

    async def run(self) -> None:
        """Fetch until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                changed = self._changed.next_ring()
                pause = _PAUSE
                try:
                    await self._look(tasks)
                except (StorageFull, StorageFailed):
                    pause = _AFTER_FAILURE
                except BaseException as error:  # noqa: BLE001  # it is tried again with the next change
                    contain("looking for wanted files", error)
                await changed.wait()
                await anyio.sleep(pause)

    async def _look(self, tasks: TaskGroup) -> None:
        for peer in await self._parts.wanted_from():
            if peer not in self._pullers:
                puller = PeerPuller(
                    peer,
                    self._opener,
                    self._parts,
                    blobs=self._blobs,
                    memory=self._memory,
                    opening=self._opening,
                    backoff=self._backoff,
                    streams=self._streams,
                )
                self._start(tasks, peer, puller)
        for peer, puller in tuple(self._pullers.items()):
            await puller.look()
            if puller.has_wishes and peer not in self._pullers:
                self._start(tasks, peer, puller)  # it ended while it was given something to do

    def _start(self, tasks: TaskGroup, peer: PeerId, puller: PeerPuller) -> None:
        self._pullers[peer] = puller
        tasks.start_soon(self._pull, peer, puller)

    async def _pull(self, peer: PeerId, puller: PeerPuller) -> None:
        try:
            await puller.run()
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this contact's
            contain("fetching files", error)
        finally:
            del self._pullers[peer]
