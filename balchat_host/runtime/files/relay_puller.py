"""Fetches from relays what one contact has left there, beside what comes from them directly.

Which parts lie where, the contact tells. What they have told of is asked for at once; the parts behind it one at a
time, after a pause that grows while none of them is there. So whoever waits for a week asks an hour apart, and where
both are up, a part is fetched as soon as it lies there. A relay that gives something else is left alone for a while.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

import anyio

from balchat_host.api.backoff import Backoff
from balchat_host.api.bell import Bell
from balchat_host.api.errors import (
    NetworkUnavailable,
    PartRefused,
    PeerUnreachable,
    ProtocolViolation,
    StorageFailed,
    StorageFull,
)
from balchat_host.api.failures import contain
from balchat_host.api.types import PeerId
from balchat_host.core.files.part_bitmaps import blob_of
from balchat_host.core.files.part_notices import MAX_ABSENT
from balchat_host.core.files.shape import indexes
from balchat_host.core.files.sources import Source
from balchat_host.runtime.files.octet_budget import OctetBudget
from balchat_host.runtime.files.part_store import PartStore
from balchat_host.runtime.files.pull_plan import Planned, PlannedFile, PullPlan

STREAMS: Final = 3
"""Parts that are fetched at once from a contact's relays."""
TELL_AFTER: Final = 32 * 2**20
"""Octets that have come after which their sender is told, so that they put more."""
TELL_EVERY: Final = 5.0
"""Seconds between two looks at whether there is something to tell, while parts come."""
TELL_OF_OTHERS_EVERY: Final = 300.0
"""The same while none comes from a relay."""
DISK_BACKOFF: Final = Backoff(first=60.0, longest=3600.0)
"""When anything is tried again after our disk has failed: what comes then may be for nothing."""
BAD_FOR: Final = 3600.0
"""Seconds for which a relay that gave something else is not asked."""
_POLLING: Final = Backoff(first=2.0, longest=3600.0)
"""When to look again for a part that was not there."""
_LOOK_EVERY: Final = 3600.0
MAX_OF_ONE: Final = 16 * 2**20
"""Octets of parts that come from one contact's relays and are held: one that is slow keeps nobody else's waiting."""
_COPIES: Final = 2
"""A part is held so often while it is taken out of what was read."""
RELAY: Final = "relay"
"""The way by which it comes."""


class BlobGetter(Protocol):
    """Gets blobs, as the router does."""

    def keeps_blobs(self, transport: str) -> bool: ...
    async def get_blob(self, transport: str, peer: PeerId, offer: bytes, index: int, size: int) -> bytes | None: ...


@dataclass(eq=False)
class _Place:
    """What is known of one source. Times are those of the loop."""

    source: Source
    absent: int = 0
    """Parts that should be there and are not, or are something else, a bit for each: not asked for before its sender
    says more."""
    said: int = 0
    """Those of them of which its sender was told."""
    empty: int = 0
    """How many times in a row the next part was not there."""
    poll_at: float = 0.0
    polling: bool = False
    failures: int = 0
    rest_until: float = 0.0


class RelayPuller:
    """Fetches one contact's files from relays. `news` rings when the plan has more; `done` when it is empty."""

    def __init__(
        self,
        peer: PeerId,
        blobs: BlobGetter,
        plan: PullPlan,
        parts: PartStore,
        *,
        memory: OctetBudget,
        news: Bell,
        done: Bell,
        backoff: Backoff,
    ) -> None:
        self._peer = peer
        self._blobs = blobs
        self._plan = plan
        self._parts = parts
        self._memory = memory
        self._share = OctetBudget(MAX_OF_ONE)
        self._news = news
        self._done = done
        self._backoff = backoff
        self._places: dict[int, list[_Place]] = {}
        self._told: dict[int, int] = {}
        """How many parts of a file its sender was told of last."""
        self._working = 0
        self._news_to_tell = Bell()
        self._disk_failures = 0

    def brings(self, number: int) -> bool:
        """Return whether a file may come from a relay now: one has some of it, and only our disk may be in the way."""
        now = anyio.current_time()
        places = self._places.get(number, ())
        return any(self._disk_failures or (place.rest_until <= now and not place.empty) for place in places)

    def try_now(self) -> None:
        """Do not wait any longer before the next try."""
        for place in self._all():
            if place.failures:
                place.failures, place.rest_until = 0, 0.0
            place.empty, place.poll_at = 0, 0.0
        self._news.ring()

    async def look(self) -> None:
        """Look where parts of what is wanted lie."""
        places: dict[int, list[_Place]] = {}
        for number in self._plan.numbers:
            known = {place.source.offer: place for place in self._places.get(number, ())}
            for source in await self._parts.sources(number):
                if not self._blobs.keeps_blobs(source.transport):
                    continue
                place = known.get(source.offer)
                if place is None:
                    place = _Place(source)
                elif place.source.put.encode() != source.put.encode() or place.source.until != source.until:
                    rest_until = place.rest_until
                    place = _Place(source, rest_until=rest_until)
                places.setdefault(number, []).append(place)
        self._places = places
        self._told = {number: told for number, told in self._told.items() if number in places}
        self._news.ring()

    async def run(self) -> None:
        """Fetch until cancelled."""
        async with anyio.create_task_group() as tasks:
            for _ in range(STREAMS):
                tasks.start_soon(self._fetch)
            tasks.start_soon(self._tell)

    def _all(self) -> Iterator[_Place]:
        for places in self._places.values():
            yield from places

    # -- what comes

    async def _fetch(self) -> None:
        while True:
            news = self._news.next_ring()
            found = self._next()
            if found is None:
                with anyio.move_on_after(self._soonest()):
                    await news.wait()
                continue
            planned, place, index, told = found
            self._working += 1
            try:
                came = await self._get(planned, place, index, told=told)
            finally:
                self._working -= 1
                place.polling = False
            if not came and self._plan.wants(planned.file):
                self._plan.give_back(planned)
                self._news.ring()

    def _next(self) -> tuple[Planned, _Place, int, bool] | None:
        """Return the next part to ask for, where, and whether we were told that it lies there."""
        chosen: list[tuple[_Place, int, bool]] = []
        now = anyio.current_time()

        def choose(file: PlannedFile, missing: int) -> int | None:
            # The first part comes first, and rather from where it should be.
            chosen[:] = sorted(self._offered(file, missing, now), key=lambda each: (each[1], not each[2]))[:1]
            return chosen[0][1] if chosen else None

        planned = self._plan.next_part(self, choose)
        if planned is None:
            return None
        ((place, index, told),) = chosen
        if not told:
            place.polling = True
            # Nobody else looks for what may not be there while one does; where it is there, all do.
            place.empty = max(1, place.empty)
        return planned, place, index, told

    def _offered(self, file: PlannedFile, missing: int, now: float) -> Iterator[tuple[_Place, int, bool]]:
        """Yield the first part that should lie at each place, and the first behind those where it is time to look."""
        for place in self._places.get(file.number, ()):
            if place.rest_until > now:
                continue
            known, put = missing & ~place.absent, place.source.put.bits
            if should_lie := known & put:
                yield place, next(indexes(should_lie)), True
            if place.poll_at <= now and not (place.polling and place.empty) and (behind := known & ~put):
                yield place, next(indexes(behind)), False

    async def _get(self, planned: Planned, place: _Place, index: int, *, told: bool) -> bool:
        """Get a part, and store it; return whether it is here."""
        file = planned.file
        shape = file.shape
        size = shape.manifest_size if planned.parts is None else shape.length(index)
        try:
            async with self._share.taken(_COPIES * size), self._memory.taken(_COPIES * size):
                octets = await self._blobs.get_blob(
                    place.source.transport, self._peer, place.source.offer, blob_of(shape.parts, index), size
                )
                if octets is None:
                    self._is_not_there(place, index, told=told)
                    return False
                if self._plan.wants(file):
                    await self._store(planned, index, octets)
        except (PartRefused, ProtocolViolation) as error:
            place.rest_until = anyio.current_time() + BAD_FOR
            place.absent |= 1 << index
            self._news_to_tell.ring()
            self._hinder(file, "wrong-octets" if isinstance(error, PartRefused) else "protocol-violation")
            return False
        except (PeerUnreachable, NetworkUnavailable) as error:
            self._failed(place)
            self._hinder(file, "no-network" if isinstance(error, NetworkUnavailable) else "their-relay-unreachable")
            return False
        except (StorageFull, StorageFailed) as error:
            self._disk_failures += 1
            for each in self._all():
                each.rest_until = anyio.current_time() + DISK_BACKOFF.delay(self._disk_failures)
            self._hinder(file, "storage-full" if isinstance(error, StorageFull) else "storage-failed")
            return False
        except Exception as error:  # noqa: BLE001  # one part's failure ends nothing else
            contain("fetching a part from a relay", error)
            place.rest_until = anyio.current_time() + BAD_FOR
            self._hinder(file, "failed")
            return False
        place.failures, place.empty, place.poll_at = 0, 0, 0.0
        self._disk_failures = 0
        self._news_to_tell.ring()
        if not told:
            self._news.ring()
        return True

    async def _store(self, planned: Planned, index: int, octets: bytes) -> None:
        file = planned.file
        if planned.parts is None:
            await self._parts.store_manifest(file.number, octets)
            self._plan.manifest_came(file)
            self._news.ring()
            return
        still_wanted = await self._parts.store(file.number, index, octets, way=RELAY)
        self._plan.part_came(file)
        if not still_wanted:
            self._plan.drop(file.number)
            if not self._plan.numbers:
                self._done.ring()

    def _is_not_there(self, place: _Place, index: int, *, told: bool) -> None:
        if told:
            place.absent |= 1 << index
            self._news_to_tell.ring()
        else:
            place.empty += 1
            place.poll_at = anyio.current_time() + _POLLING.delay(place.empty)

    def _failed(self, place: _Place) -> None:
        place.failures += 1
        place.rest_until = anyio.current_time() + self._backoff.delay(place.failures)

    def _hinder(self, file: PlannedFile, reason: str) -> None:
        if self._plan.wants(file):
            self._parts.hindered(file.number, reason)

    def _soonest(self) -> float:
        now = anyio.current_time()
        times = [max(place.rest_until, place.poll_at) - now for place in self._all()]
        return min((each for each in times if each > 0), default=_LOOK_EVERY)

    # -- what is told

    async def _tell(self) -> None:
        """Tell senders now and then how far their files are, so that they put more and delete what is here."""
        waits = False
        while True:
            if not waits:
                # What comes directly is told now and then, too, where parts of it lie at relays.
                with anyio.move_on_after(TELL_OF_OTHERS_EVERY if self._places else math.inf):
                    await self._news_to_tell.wait()
            await anyio.sleep(TELL_EVERY)
            waits = False
            for file in self._plan.files:
                waits |= not await self._tell_of(file)

    async def _tell_of(self, file: PlannedFile) -> bool:
        """Tell a file's sender how far it is, unless more comes now; return whether nothing is left to be told."""
        places = self._places.get(file.number, ())
        absent = 0
        for place in places:
            absent |= place.absent & ~place.said
        told = list(islice(indexes(absent), MAX_ABSENT))
        octets = (file.durable - self._told.get(file.number, 0)) * file.shape.part_size
        if not places or not (octets or absent):
            return True
        if octets < TELL_AFTER and self._working:
            return False
        try:
            await self._parts.tell_progress(file.number, told)
        except (StorageFull, StorageFailed):
            return False
        self._told[file.number] = file.durable
        for place in places:
            place.said |= place.absent & sum(1 << index for index in told)
        return len(told) == absent.bit_count()
