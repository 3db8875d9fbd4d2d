"""Leaves parts of our files at relays for those who are away: a task for each of them, while there is something to do.

What is to be done, the core says (`core.files.relaying`); here it is done. One relay that is full or gone keeps nobody
else's parts from leaving, and another relay of ours is used meanwhile.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

import anyio
from anyio.abc import TaskGroup

from balchat_host.api.backoff import Backoff
from balchat_host.api.bell import Bell
from balchat_host.api.ephemeral import FileProgress
from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable, StorageFailed, StorageFull
from balchat_host.api.failures import contain
from balchat_host.api.transport import BlobContainer, BlobOutcome, BlobReport
from balchat_host.api.types import PeerId
from balchat_host.core import contacts
from balchat_host.core.files import containers, recipient_notices, relay_recipients, relaying
from balchat_host.core.files.containers import Container
from balchat_host.core.files.part_bitmaps import blob_of
from balchat_host.core.files.relaying import Put, Work
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.runtime.files.local_part_store import LocalPartStore
from balchat_host.runtime.presence import Presence
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

WINDOW: Final = 256 * 2**20
"""Octets of parts that lie at relays for one recipient, where nothing else is said."""
DELAY: Final = 60.0
"""Seconds that a message has to reach its recipient directly before its files are left at relays."""
STREAMS: Final = 3
"""Parts that are put at once for one recipient."""
LOOK_EVERY: Final = 3600.0
"""Seconds between two looks at least: what lies at relays must be renewed."""
_PAUSE: Final = 0.1
"""Seconds between two looks at what is to be done, at least: one commit often follows another."""
_PAUSE_AFTER_LONG: Final = 20
"""How many times as long as a look took is waited before the next: it takes longer where many files were sent."""
_AT_FIRST: Final = 4
_AT_ONCE: Final = 32
"""Parts between two looks, and two times that the recipient is told."""
_FAILED_DELETIONS: Final = 3
"""Containers that are tried in one go at relays that cannot be reached; the others wait for as long."""
_REFUSED_FOR_GOOD: Final = 6 * 3600.0
_AFTER_FAILURE: Final = 60.0


class BlobRouter(Protocol):
    """Reaches relays, as the router does."""

    @property
    def can_keep_blobs(self) -> bool: ...
    @property
    def can_reach(self) -> bool: ...
    def reachable(self, peer: PeerId) -> bool: ...
    async def allocate_containers(self, peer: PeerId) -> Sequence[tuple[str, BlobContainer]]: ...
    async def put_blob(self, transport: str, peer: PeerId, key: bytes, index: int, octets: bytes) -> BlobReport: ...
    async def delete_blobs(self, transport: str, peer: PeerId, key: bytes, indexes: Sequence[int]) -> None: ...
    async def renew_blobs(self, transport: str, peer: PeerId, key: bytes) -> BlobReport: ...


class PartPutter:
    """Leaves parts at relays. `changed` rings whenever something else may be to be done; `window` is in octets."""

    def __init__(
        self,
        router: BlobRouter,
        runner: UnitOfWorkRunner,
        parts: LocalPartStore,
        presence: Presence,
        changed: Bell,
        *,
        backoff: Backoff,
        window: int = WINDOW,
    ) -> None:
        self._router = router
        self._runner = runner
        self._parts = parts
        self._presence = presence
        self._changed = changed
        self._backoff = backoff
        self._window = window
        self._woken = Bell()
        self._recipients: dict[PeerId, RecipientPutter] = {}
        self._busy: set[PeerId] = set()

    def try_now(self) -> None:
        """Take note that a transport has come up: what failed is tried again at once."""
        for each in self._recipients.values():
            each.try_now()
        self.look()

    def look(self) -> None:
        """Look now whether something is to be done: a contact is out of reach, for example."""
        self._woken.ring()

    async def run(self) -> None:
        """Leave parts until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._look_at_changes)
            while True:
                woken = self._woken.next_ring()
                looked_at, pause, wait = anyio.current_time(), _PAUSE, LOOK_EVERY
                try:
                    wait = await self._look(tasks)
                except (StorageFull, StorageFailed):
                    pause = _AFTER_FAILURE
                except BaseException as error:  # noqa: BLE001  # it is tried again with the next change
                    contain("looking for files to leave at relays", error)
                pause = max(pause, _PAUSE_AFTER_LONG * (anyio.current_time() - looked_at))
                soonest = min((each.tries_again_in for each in self._recipients.values()), default=LOOK_EVERY)
                with anyio.move_on_after(min(wait, soonest)):
                    await woken.wait()
                await anyio.sleep_until(looked_at + pause)

    async def _look_at_changes(self) -> None:
        while True:
            await self._changed.wait()
            self.look()

    async def _look(self, tasks: TaskGroup) -> float:
        """Have done what is to be done; return after how many seconds there may be more."""
        if not self._router.can_keep_blobs:
            return LOOK_EVERY
        delay = int(DELAY * 1000) if self._router.can_reach else 0
        now = self._runner.clock()
        wait = LOOK_EVERY
        if await self._runner.read(lambda tx: relay_recipients.to_begin(tx, now=now, delay=0)):
            await self._runner.change(lambda unit: relay_recipients.begin(unit, delay=delay))
            wait = DELAY
        wanted = await self._runner.read(relay_recipients.to_look_after)
        for peer in wanted:
            if peer not in self._recipients:
                self._recipients[peer] = RecipientPutter(
                    peer,
                    self._router,
                    self._runner,
                    self._parts,
                    self._presence,
                    backoff=self._backoff,
                    window=self._window,
                )
            if peer not in self._busy:
                self._busy.add(peer)
                tasks.start_soon(self._put, peer)
        for peer in self._recipients.keys() - set(wanted) - self._busy:
            del self._recipients[peer]
        return wait

    async def _put(self, peer: PeerId) -> None:
        try:
            await self._recipients[peer].run()
        except (StorageFull, StorageFailed):
            pass  # it goes on with the next look
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this recipient's
            contain("leaving files at relays", error)
        finally:
            self._busy.discard(peer)


class RecipientPutter:
    """Does what is to be done for one recipient."""

    def __init__(
        self,
        peer: PeerId,
        router: BlobRouter,
        runner: UnitOfWorkRunner,
        parts: LocalPartStore,
        presence: Presence,
        *,
        backoff: Backoff,
        window: int,
    ) -> None:
        self._peer = peer
        self._router = router
        self._runner = runner
        self._parts = parts
        self._presence = presence
        self._backoff = backoff
        self._window = window
        self._failures: dict[int, int] = {}
        self._resting: dict[int, float] = {}
        """Containers that are not to be used before a time of the loop; 0 stands for allocating."""
        self._full: dict[int, float] = {}
        """Containers into which nothing is to be put before a time of the loop."""
        self._deletes_from = 0.0
        """When something is deleted again; a time of the loop."""
        self._failed_deletions = 0
        self._reason: str | None = None

    @property
    def tries_again_in(self) -> float:
        """The seconds after which something that failed is to be tried again; infinite where nothing is."""
        waits = (
            *self._resting.values(),
            *self._full.values(),
            *([self._deletes_from] if self._failed_deletions else []),
        )
        soonest = min(waits, default=float("inf"))
        return max(0.0, soonest - anyio.current_time())

    def try_now(self) -> None:
        """Do not wait any longer before the next try."""
        self._failures.clear()
        self._resting.clear()
        self._failed_deletions, self._deletes_from = 0, 0.0

    async def run(self) -> None:
        """Go on until there is nothing to do, or nothing that can be done now."""
        limit = _AT_FIRST
        while True:
            now = anyio.current_time()
            self._resting = {number: until for number, until in self._resting.items() if until > now}
            self._full = {number: until for number, until in self._full.items() if until > now}
            # Whoever is within reach fetches directly, which is faster and costs nobody's disk.
            near = self._router.can_reach and self._router.reachable(self._peer)
            work = await self._look(0 if near else limit)
            if work.is_empty:
                await self._tell()
                return
            await self._do(work)
            await self._tell()
            if work.put:
                limit = _AT_ONCE

    async def _look(self, limit: int) -> Work:
        def look(unit: UnitOfWork) -> Work:
            return relaying.work(
                unit, self._peer, window=self._window, limit=limit, resting=tuple(self._resting), full=tuple(self._full)
            )

        work = await self._runner.change(look)
        if 0 in self._resting:
            work = replace(work, allocate=())
        if anyio.current_time() < self._deletes_from:
            work = replace(work, delete=())
        hindered = self._reason if self._resting or self._full else None
        for file, size, there in work.there:
            self._presence.set_file(FileProgress(file=file, here=size, there=there, hindered=hindered))
        return work

    async def _do(self, work: Work) -> None:
        waiting = list(reversed(work.put))
        async with anyio.create_task_group() as tasks:
            if work.delete:
                tasks.start_soon(self._delete_each, work.delete)
            for container in work.renew:
                tasks.start_soon(self._renew, container)
            if work.allocate:
                tasks.start_soon(self._allocate, work.allocate)
            for _ in range(min(STREAMS, len(waiting))):
                tasks.start_soon(self._put_each, waiting)

    async def _put_each(self, waiting: list[Put]) -> None:
        while waiting:
            part = waiting.pop()
            if part.container.number not in self._resting and part.container.number not in self._full:
                await self._put(part)

    async def _put(self, part: Put) -> None:
        octets = await self._parts.to_put(part)
        if octets is None:
            return
        report = await self._reach(
            part.container,
            partial(self._router.put_blob, part.container.transport, self._peer, part.container.key, part.blob, octets),
        )
        if report is not None:
            kept = int(report.kept * 1000)
            await self._runner.change(lambda unit: relaying.put(unit, part, kept=kept))

    async def _renew(self, container: Container) -> None:
        report = await self._reach(
            container, partial(self._router.renew_blobs, container.transport, self._peer, container.key)
        )
        if report is not None:
            kept = int(report.kept * 1000)
            await self._runner.change(lambda unit: containers.renewed(unit, container.number, kept=kept))

    async def _delete_each(self, work: Sequence[tuple[Container, Sequence[int]]]) -> None:
        """Delete, one after the other: a relay that is gone for good may have many, and is asked little."""
        failed = 0
        for container, parts in work:
            if await self._delete(container, parts):
                self._failed_deletions = 0
            else:
                failed += 1
                if failed == _FAILED_DELETIONS:
                    break
        if failed:
            self._failed_deletions += 1
            self._deletes_from = anyio.current_time() + self._backoff.delay(self._failed_deletions)

    async def _delete(self, container: Container, parts: Sequence[int]) -> bool:
        blobs = [blob_of(container.parts, index) for index in parts]
        try:
            await self._router.delete_blobs(container.transport, self._peer, container.key, blobs)
        except (PeerUnreachable, NetworkUnavailable) as error:
            self._rest(container.number, error)
            return False
        self._full.pop(container.number, None)
        await self._runner.change(lambda unit: containers.deleted(unit, container.number, parts))
        return True

    async def _allocate(self, files: Sequence[int]) -> None:
        try:
            for file in files:
                found = await self._router.allocate_containers(self._peer)
                await self._runner.change(partial(containers.allocated, file=file, peer=self._peer, found=found))
        except (PeerUnreachable, NetworkUnavailable) as error:
            self._rest(0, error)

    async def _reach(self, container: Container, call: Callable[[], Awaitable[BlobReport]]) -> BlobReport | None:
        """Return the report of a call where the container is kept; else see to what it says."""
        try:
            report = await call()
        except (PeerUnreachable, NetworkUnavailable) as error:
            self._rest(container.number, error)
            return None
        match report.outcome:
            case BlobOutcome.KEPT:
                self._failures.pop(container.number, None)
                return report
            case BlobOutcome.FULL:
                wait = _REFUSED_FOR_GOOD if report.retry_after is None else report.retry_after
                self._full[container.number] = anyio.current_time() + wait
                self._reason = "own-relay-full"
            case BlobOutcome.GONE:
                await self._runner.change(lambda unit: containers.gone(unit, container.number))
                self._rest(0, None)
        return None

    def _rest(self, number: int, error: Exception | None) -> None:
        self._failures[number] = self._failures.get(number, 0) + 1
        self._resting[number] = anyio.current_time() + self._backoff.delay(self._failures[number])
        self._reason = "no-network" if isinstance(error, NetworkUnavailable) else "own-relay-unreachable"

    async def _tell(self) -> None:
        def tell(unit: UnitOfWork) -> None:
            contact = contacts.by_peer(unit.tx, self._peer)
            if contact is not None and contact.may_talk and not contact.blocked:
                recipient_notices.tell(unit, contact)

        await self._runner.change(tell)
