"""Has a relay push what comes into queues of ours that share a circuit, and asks for it where pushing fails."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from balchat_relay_proto.address import PORT
from balchat_relay_proto.capabilities import inbox_id
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.frames import (
    Acknowledged,
    Ended,
    FromRelay,
    Hello,
    NotAcknowledged,
    Push,
    Subscribe,
    Subscribed,
    Unsubscribe,
)
from balchat_relay_proto.proofs import Purpose
from balchat_relay_proto.replies import Done, Fetched
from balchat_relay_proto.requests import Acknowledge, Authority, Fetch
from balchat_relay_proto.sealing import OpeningKey
from balchat_relay_proto.sizes import MAX_ACKNOWLEDGED

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import TransportHost
from balchat_host.api.types import PeerId
from balchat_transport_relay.book import QueueRow
from balchat_transport_relay.faults import RelayGone, RelayLies
from balchat_transport_relay.health import Health
from balchat_transport_relay.intake import Intake, Result
from balchat_transport_relay.lane import Lane, sign
from balchat_transport_relay.websocket import PushConnection

_FIRST_RETRY: Final = 2.0
_LAST_RETRY: Final = 300.0
_EVICTED_FOR: Final = 3600.0
"""Seconds for which a queue that another device reads is left to it; else both would evict each other for ever."""
_BATCH: Final = 64
_MAX_UNREADABLE: Final = 256
"""How many envelopes of one connection may be unreadable before the relay is left alone for a while."""
_MAX_PAGES: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a listener needs of the settings, in seconds."""

    silence: float
    poll: float


class Inbox:
    """Our inbox at a relay, as a queue to listen to."""

    def __init__(self, host: TransportHost, relay: PeerId, key: OpeningKey) -> None:
        self._host = host
        self._relay = relay
        self.id = inbox_id(host.identity.octets)
        self.key = key
        self.keep_ignored = False

    async def authority(self, challenge: bytes) -> Authority:
        """Prove to own it, for one connection."""
        return await sign(self._host, self._relay, challenge, Purpose.SUBSCRIBE)

    async def fetch(self, lane: Lane, after: int) -> Fetched:
        """Read a page."""
        return await lane.ask_as_owner(
            Purpose.FETCH, lambda owner: Fetch(queue=self.id, authority=owner, after=after), Fetched
        )

    async def acknowledge(self, lane: Lane, ids: tuple[bytes, ...]) -> None:
        """Delete envelopes."""
        await lane.ask_as_owner(
            Purpose.ACKNOWLEDGE, lambda owner: Acknowledge(queue=self.id, authority=owner, envelope_ids=ids), Done
        )


class Queue:
    """A conversation's queue of ours, to listen to."""

    def __init__(self, row: QueueRow) -> None:
        self._holder = row.holder
        self.id = row.id
        self.key = OpeningKey(row.key)
        self.keep_ignored = True

    async def authority(self, challenge: bytes) -> Authority:
        """Prove to own it."""
        del challenge
        return self._holder

    async def fetch(self, lane: Lane, after: int) -> Fetched:
        """Read a page."""
        return await lane.ask(Fetch(queue=self.id, authority=self._holder, after=after), Fetched)

    async def acknowledge(self, lane: Lane, ids: tuple[bytes, ...]) -> None:
        """Delete envelopes."""
        await lane.ask(Acknowledge(queue=self.id, authority=self._holder, envelope_ids=ids), Done)


Source = Inbox | Queue


class Listener:
    """Listens at one relay over one circuit. `lost` has the queues that the relay says it does not know."""

    def __init__(
        self,
        host: TransportHost,
        relay: PeerId,
        lane: Lane,
        *,
        isolation: str,
        settings: Settings,
        health: Health,
        on_lost: Callable[[], None],
    ) -> None:
        self._host = host
        self._relay = relay
        self._lane = lane
        self._isolation = isolation
        self._settings = settings
        self._health = health
        self._on_lost = on_lost
        self._sources: dict[bytes, Source] = {}
        self._intakes: dict[bytes, Intake] = {}
        self._numbers: dict[int, bytes] = {}
        self._last_number = 0
        self._challenge = b""
        self._not_before: dict[bytes, float] = {}
        self._changed = anyio.Event()
        self.lost: set[bytes] = set()

    def listen_to(self, sources: Sequence[Source]) -> None:
        """Listen to exactly these from now on."""
        self._sources = {source.id: source for source in sources}
        for gone in self._intakes.keys() - self._sources.keys():
            del self._intakes[gone]
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled."""
        failures = 0
        while True:
            self._changed = anyio.Event()
            if not self._sources:
                await self._changed.wait()
                continue
            began = anyio.current_time()
            try:
                await self._push()
            except RelayGone as gone:
                self._health.gone(self._isolation, str(gone))
            except RelayLies as lie:
                self._health.lies(self._isolation, str(lie))
            failures = 1 if anyio.current_time() - began > _LAST_RETRY else failures + 1
            if failures > 1:
                await self._poll()
            most = min(_LAST_RETRY, self._settings.poll)
            with anyio.move_on_after(min(most, _FIRST_RETRY * 2 ** (failures - 1))):
                await self._changed.wait()

    # -- pushed

    async def _push(self) -> None:
        try:
            with anyio.fail_after(self._settings.silence):
                stream = await self._host.dial(self._relay, PORT, isolation=self._isolation)
        except (PeerUnreachable, NetworkUnavailable) as error:
            raise RelayGone("it cannot be reached") from error
        except TimeoutError:
            raise RelayGone("it cannot be reached") from None
        connection = PushConnection(stream, name=self._relay.onion, silence=self._settings.silence)
        try:
            await connection.open()
            self._numbers.clear()
            into, frames = anyio.create_memory_object_stream[FromRelay](_BATCH)
            async with anyio.create_task_group() as tasks, into, frames:
                tasks.start_soon(_pump, connection, into)
                await self._work(connection, frames, tasks)
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            with anyio.CancelScope(shield=True):
                await connection.aclose()

    async def _work(
        self, connection: PushConnection, frames: MemoryObjectReceiveStream[FromRelay], tasks: TaskGroup
    ) -> None:
        before = self._unreadable
        async for first in frames:
            pushed: list[Push] = []
            # What came meanwhile shares a commit.
            for frame in (first, *_at_hand(frames)):
                match frame:
                    case Hello(challenge=challenge):
                        self._challenge = challenge
                        tasks.start_soon(self._subscribe_always, connection)
                    case Subscribed(number=number):
                        self._known(number)
                        self._health.well(self._isolation)
                    case Push(number=number):
                        self._known(number)
                        pushed.append(frame)
                    case Acknowledged() | NotAcknowledged():
                        pass  # what was not deleted comes again, and the host knows it
                    case Ended(number=number, code=code, retry_after=retry_after):
                        self._ended(number, code, retry_after)
            await self._take(connection, pushed)
            if self._unreadable - before > _MAX_UNREADABLE:
                raise RelayLies("it gives out what cannot be opened")

    async def _subscribe_always(self, connection: PushConnection) -> None:
        """Subscribe to what shall be listened to and is not, until the connection ends."""
        while True:
            self._changed = changed = anyio.Event()
            now = anyio.current_time()
            subscribed = set(self._numbers.values())
            for identifier, source in list(self._sources.items()):
                if identifier in subscribed or self._not_before.get(identifier, 0.0) > now:
                    continue
                self._last_number += 1
                self._numbers[self._last_number] = identifier
                authority = await source.authority(self._challenge)
                await connection.send(Subscribe(number=self._last_number, queue=identifier, authority=authority))
            later = [at for identifier, at in self._not_before.items() if identifier in self._sources and at > now]
            with anyio.move_on_after(min(later) - now if later else None):
                await changed.wait()

    async def _take(self, connection: PushConnection, batch: Sequence[Push]) -> None:
        of_queue: dict[int, list[bytes]] = {}
        for push in batch:
            of_queue.setdefault(push.number, []).append(push.envelope)
        for number, sealed in of_queue.items():
            identifier = self._numbers.get(number)
            if identifier is None or identifier not in self._sources:
                continue
            result = await self._intake(identifier).take(sealed)
            for ids in _chunks(result.done):
                await connection.send(Acknowledged(number=number, envelope_ids=ids))
            if result.later is not None:
                # A subscription gives everything once; a new one begins at the beginning.
                self._pause(identifier, result.later)
                del self._numbers[number]
                await connection.send(Unsubscribe(number=number))
                self._changed.set()

    def _known(self, number: int) -> None:
        if not 0 < number <= self._last_number:
            raise RelayLies("it speaks of a subscription that there is not")

    def _ended(self, number: int, code: Code | None, retry_after: int | None) -> None:
        self._known(number)
        identifier = self._numbers.pop(number, None)
        if identifier is None or code is None:
            return
        match code:
            case Code.EVICTED:
                self._pause(identifier, _EVICTED_FOR)
            case Code.DENIED | Code.DELETED:
                self.lost.add(identifier)
                self._on_lost()
                self._pause(identifier, self._settings.poll)
            case _:
                self._pause(identifier, max(_FIRST_RETRY, float(retry_after or self._settings.poll)))
        self._health.refused(self._isolation, code)
        self._changed.set()

    def _pause(self, identifier: bytes, seconds: float) -> None:
        self._not_before[identifier] = anyio.current_time() + min(seconds, _EVICTED_FOR)

    def resume(self, identifier: bytes) -> None:
        """Hear that a lost queue is there again."""
        self.lost.discard(identifier)
        self._not_before.pop(identifier, None)
        self._changed.set()

    # -- asked for

    async def _poll(self) -> None:
        """Fetch what is there, for want of a push."""
        for source in list(self._sources.values()):
            if self._not_before.get(source.id, 0.0) > anyio.current_time():
                continue
            with suppress(RelayGone, RelayLies, Refused):
                await self._fetch_all(source)
                self._health.polled(self._isolation)

    async def _fetch_all(self, source: Source) -> None:
        after = 0
        for _ in range(_MAX_PAGES):
            page = await source.fetch(self._lane, after)
            if page.stored:
                result: Result = await self._intake(source.id).take([stored.envelope for stored in page.stored])
                for ids in _chunks(result.done):
                    await source.acknowledge(self._lane, ids)
                if result.later is not None:
                    self._pause(source.id, result.later)
                    return
                if page.stored[-1].sequence <= after:
                    raise RelayLies("its cursor does not move")
                after = page.stored[-1].sequence
            if not page.more or not page.stored:
                return

    @property
    def _unreadable(self) -> int:
        return sum(intake.unreadable for intake in self._intakes.values())

    def _intake(self, identifier: bytes) -> Intake:
        if identifier not in self._intakes:
            source = self._sources[identifier]
            intake = Intake(self._host, identifier, source.key, keep_ignored=source.keep_ignored)
            self._intakes[identifier] = intake
        return self._intakes[identifier]


async def _pump(connection: PushConnection, into: MemoryObjectSendStream[FromRelay]) -> None:
    while True:
        await into.send(await connection.receive())


def _at_hand(frames: MemoryObjectReceiveStream[FromRelay]) -> list[FromRelay]:
    found: list[FromRelay] = []
    with suppress(anyio.WouldBlock):
        while len(found) < _BATCH:
            found.append(frames.receive_nowait())
    return found


def _chunks(ids: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    return [tuple(ids[start : start + MAX_ACKNOWLEDGED]) for start in range(0, len(ids), MAX_ACKNOWLEDGED)]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give what ended a connection: a lie rather than a broken stream."""
    for kind in (RelayLies, RelayGone):
        found, _ = group.split(kind)
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if found is not None:
            return found
    return group
