"""Fetches from one contact what is wanted of them: connects, pulls, and comes again after a pause that grows.

It lives while something is wanted. What ends a stream ends that stream only: the pause depends on whose fault it was,
and front ends are told.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

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
from balchat_host.runtime.files.octet_budget import OctetBudget
from balchat_host.runtime.files.part_store import PartStore
from balchat_host.runtime.files.pull_plan import PullPlan
from balchat_host.runtime.files.pull_stream import Busy, PullStream
from balchat_host.runtime.files.relay_puller import DISK_BACKOFF, BlobGetter, RelayPuller

MOST_PLANNED: Final = 32
"""Files of one contact that are looked at; when one is whole, the next one is."""
FAULT_PAUSE: Final = 60.0
"""Seconds before a contact is tried again who broke the protocol or sent something else, at least."""
ANOTHER_STREAM_ABOVE: Final = 16 * 1024 * 1024
"""Octets that must be left for another stream to be worth its circuit."""


_PASSING: Final = (
    PeerUnreachable,
    NetworkUnavailable,
    Busy,
    TimeoutError,
    BrokenResourceError,
    ClosedResourceError,
    EndOfStream,
)


class BulkOpener(Protocol):
    """Opens bulk streams, as the router does."""

    async def open_bulk(self, peer: PeerId) -> ByteStream: ...


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why nothing comes, by its code, and the seconds after which it is tried again; None: after the usual pause.

    `disk`: it is our own, and the pause that for it.
    """

    reason: str
    pause: float | None = None
    at_least: float = 0.0
    disk: bool = False


def hindrance(error: BaseException) -> Hindrance:
    """Return what an exception that ended a stream, or the attempt to open one, means."""
    match error:
        case Busy(seconds=seconds):
            return Hindrance("busy", pause=seconds)
        case PartRefused():
            return Hindrance("wrong-octets", at_least=FAULT_PAUSE)
        case ProtocolViolation():
            return Hindrance("protocol-violation", at_least=FAULT_PAUSE)
        case StorageFull():
            return Hindrance("storage-full", disk=True)
        case StorageFailed():
            return Hindrance("storage-failed", disk=True)
        case TimeoutError():
            return Hindrance("stalled")
        case NetworkUnavailable():
            return Hindrance("no-network")
        case PeerUnreachable() | BrokenResourceError() | ClosedResourceError() | EndOfStream():
            return Hindrance("unreachable")
        case _:
            contain("fetching a file", error)
            return Hindrance("failed", at_least=FAULT_PAUSE)


class PeerPuller:
    """Fetches from one contact. `memory`, and the limit for `opening` streams, are shared by all."""

    def __init__(
        self,
        peer: PeerId,
        opener: BulkOpener,
        parts: PartStore,
        *,
        blobs: BlobGetter,
        memory: OctetBudget,
        opening: anyio.CapacityLimiter,
        backoff: Backoff,
        streams: int,
    ) -> None:
        self._peer = peer
        self._opener = opener
        self._parts = parts
        self._memory = memory
        self._opening = opening
        self._backoff = backoff
        self._streams = streams
        self._plan = PullPlan()
        self._news = Bell()
        self._again = Bell()
        self._looking = anyio.Lock()
        self._failures = 0
        self._disk_failures = 0
        self._relays = RelayPuller(
            peer, blobs, self._plan, parts, memory=memory, news=self._news, done=self._again, backoff=backoff
        )

    @property
    def has_wishes(self) -> bool:
        """Whether something is wanted."""
        return bool(self._plan.numbers)

    async def run(self) -> None:
        """Fetch until nothing is wanted any more."""
        await self.look()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._relays.run)
            while self.has_wishes:
                ended_by = await self._pull()
                await self.look()
                if ended_by is not None and self.has_wishes:
                    await self._pause(hindrance(ended_by))
            tasks.cancel_scope.cancel()

    async def look(self) -> None:
        """Look what is wanted now."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        wanted = await self._parts.wanted(self._peer, MOST_PLANNED)
        known = set(self._plan.numbers)
        self._plan.keep_only(each.number for each in wanted)
        fresh = [each for each in wanted if each.number not in known]
        for each in fresh:
            self._plan.add(each, await self._parts.missing(each.number))
        await self._relays.look()
        if fresh:
            self._news.ring()
            self.try_now()

    def try_now(self) -> None:
        """Do not wait any longer before the next try: something new is wanted, or the contact has come."""
        self._failures = 0
        self._again.ring()
        self._relays.try_now()

    async def _pause(self, met: Hindrance) -> None:
        if met.disk:
            self._disk_failures += 1
        elif met.pause is None:
            self._failures += 1
        again = self._again.next_ring()
        for number in self._plan.numbers:
            if not self._relays.brings(number):
                self._parts.hindered(number, met.reason)
            if met.reason == "unreachable":
                await self._parts.ask_for_relays(number)
        if met.disk:
            pause = DISK_BACKOFF.delay(self._disk_failures)
        else:
            pause = self._backoff.delay(self._failures) if met.pause is None else met.pause
        with anyio.move_on_after(max(pause, met.at_least)):
            await again.wait()

    async def _pull(self) -> BaseException | None:
        """Pull until nothing more is wanted, or until a stream ends; return what ended it."""
        failures: list[BaseException] = []
        async with anyio.create_task_group() as tasks:

            async def pull_on(number: int) -> None:
                try:
                    await self._pull_on_one(number)
                except BaseException as error:
                    if not isinstance(error, Exception):
                        raise
                    # Where only one of further streams breaks, the others go on.
                    if number == 0 or not isinstance(error, _PASSING):
                        failures.append(error)
                        tasks.cancel_scope.cancel()
                else:
                    if number == 0:
                        tasks.cancel_scope.cancel()

            for number in range(self._streams):
                tasks.start_soon(pull_on, number)
        return failures[0] if failures else None

    async def _pull_on_one(self, number: int) -> None:
        """Open a stream and pull on it. All but the first one only open where much is left."""
        while number and self._plan.left() <= number * ANOTHER_STREAM_ABOVE:
            await self._news.wait()
        async with self._opening:
            stream = await self._opener.open_bulk(self._peer)
        try:
            pulling = PullStream(stream, self._plan, self._parts, self._memory, self._news)
            try:
                await pulling.run()
            finally:
                if pulling.stored:
                    self._failures = self._disk_failures = 0
        finally:
            await anyio.aclose_forcefully(stream)
