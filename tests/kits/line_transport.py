"""A small transport that keeps every promise: the ground in which tests of the kit plant faults, one at a time.

    dialler                                 acceptor
       │ ◄──────────────────── nonce (32) ──── │
       │ ── peer id, device id, signature ───► │
       │ ◄────────────────── device id (16) ── │
       │ ◄── frames: kind (1), number (4), length (4), payload ──► │

What arrives is worked off in order by one task, so replies are received before the answer that follows them.
"""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from secrets import token_bytes
from typing import TYPE_CHECKING, Final, NamedTuple

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadCredential, BadInput, NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Disposition, Outcome, SendReport, Transport, Verdict
from balchat_host.api.types import (
    DEVICE_ID_SIZE,
    STOPPED,
    DeviceIdentity,
    OnionKey,
    OwnOnion,
    PeerId,
    Phase,
    Route,
    ServiceState,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import ByteStream, TaskGroup, TaskStatus

    from balchat_host.api.transport import Outgoing, TransportContext

NAME: Final = "transport_line"
PORT: Final = 7000
DOMAIN: Final = "balchat-line"
WINDOW: Final = 4 * 1024 * 1024
"""Octets that may be on their way without an answer."""
HEADER: Final = struct.Struct(">BII")
ENVELOPE, ACK, REFUSE, PING = range(4)
PING_EVERY: Final = 30.0
SILENCE: Final = 90.0
"""Seconds after which a peer from whom nothing comes is gone."""
BROKEN: Final = (EndOfStream, BrokenResourceError, ClosedResourceError)
CODE: Final = re.compile(r"[a-z0-9-]{1,64}")
NEVER: Final = 0xFFFFFFFF


class Frame(NamedTuple):
    kind: int
    number: int
    payload: bytes


class LineTransport(Transport):
    """Carries envelopes over one stream for each peer, or two where both have dialled at once."""

    largest = MAX_ENVELOPE_SIZE

    def __init__(self, context: TransportContext) -> None:
        self.context = context
        self.links: dict[PeerId, list[Link]] = {}
        self.tasks: TaskGroup | None = None
        self.ran = False
        self.connecting: dict[PeerId, anyio.Lock] = {}
        self.dials: dict[PeerId, anyio.CancelScope] = {}

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        self.run_once()
        try:
            async with anyio.create_task_group() as self.tasks:
                self.context.state_changed(ServiceState(phase=Phase.STARTING))
                task_status.started()
                await self.answer(PORT, self.welcome, self.service_changed)
        finally:
            self.tasks = None
            self.context.state_changed(STOPPED)

    async def answer(self, port, welcome, on_state) -> None:
        """Serve whoever dials a port."""
        assert self.tasks is not None
        service = await self.context.publish(OwnOnion.IDENTITY, port, on_state=on_state)
        try:
            while True:
                self.tasks.start_soon(welcome, await service.accept())
        finally:
            with anyio.CancelScope(shield=True):
                await service.aclose()

    def run_once(self) -> None:
        if self.ran:
            raise RuntimeError("this object has run already")
        self.ran = True

    def service_changed(self, state: ServiceState) -> None:
        if self.tasks is not None:
            self.context.state_changed(state)

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return [Route(transport=NAME, address=peer.octets)]

    def onion_of(self, peer: PeerId, route: Route) -> OnionKey | None:
        return peer.identity_onion if route == Route(transport=NAME, address=peer.octets) else None

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        return [Route(transport=NAME, address=self.context.identity.octets)]

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        return any(device_id in (None, link.device.device_id) for link in self.links.get(peer, ()))

    async def disconnect(self, peer: PeerId) -> None:
        for link in self.links.get(peer, []).copy():
            link.end()
        self.end_dial(peer)
        await anyio.lowlevel.checkpoint()

    def end_dial(self, peer: PeerId) -> None:
        if peer in self.dials:
            self.dials[peer].cancel()

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        if self.tasks is None:
            raise NetworkUnavailable(problem="the line does not run", remedy="")
        route = self.route_of(peer, routes)
        if not all(0 < len(each.envelope) <= self.largest for each in outgoing):
            raise BadInput(what="An envelope", problem=f"it has 1 to {MAX_ENVELOPE_SIZE} octets")
        async with self.connecting.setdefault(peer, anyio.Lock()):
            link = None
            with anyio.CancelScope() as scope:
                self.dials[peer] = scope
                try:
                    link = await self.link_to(peer, self.tasks)
                finally:
                    del self.dials[peer]
            if link is None:
                raise PeerUnreachable(problem="it was disconnected")
            self.check_device(link, route)
            await link.submit(outgoing)

    def route_of(self, peer: PeerId, routes: Sequence[Route]) -> Route:
        for route in routes:
            if route.transport == NAME and route.address == peer.octets:
                return route
        raise PeerUnreachable(problem="this is no route of theirs")

    def check_device(self, link: Link, route: Route) -> None:
        if route.device_id not in (None, link.device.device_id):
            raise PeerUnreachable(problem="another device answers there")

    async def link_to(self, peer: PeerId, tasks: TaskGroup) -> Link:
        if not self.links.get(peer):
            self.dialling(peer)
            stream, device = await self.reach(peer, PORT)
            tasks.start_soon(self.adopt(device, stream).run)
        return self.links[peer][0]

    async def reach(self, peer: PeerId, port: int) -> tuple[ByteStream, DeviceIdentity]:
        """Dial a peer and prove who we are; return which device it is."""
        stream = await self.context.dial(OnionKey(peer.octets), port, isolation=self.isolation(port))
        try:
            nonce = await read(stream, 32)
            signature = await self.context.sign(domain=DOMAIN, message=nonce + peer.octets)
            await stream.send(self.context.identity.octets + self.context.device_id + signature)
            device_id = await read(stream, DEVICE_ID_SIZE)
        except BaseException as error:
            await anyio.aclose_forcefully(stream)
            if isinstance(error, BROKEN):
                raise PeerUnreachable(problem="it hung up") from error
            raise
        return stream, DeviceIdentity(peer=peer, device_id=device_id)

    def isolation(self, port: int) -> str:
        return ""

    def dialling(self, peer: PeerId) -> None:
        """For faults."""

    async def welcome(self, stream: ByteStream) -> None:
        link = None
        try:
            with suppress(*BROKEN, BadCredential), anyio.move_on_after(30):
                device = await self.prove(stream)
                if await self.lets_in(device.peer):
                    await stream.send(self.context.device_id)
                    link = self.adopt(device, stream)
        finally:
            if link is None:
                await anyio.aclose_forcefully(stream)
        if link is not None:
            await link.run()

    async def prove(self, stream: ByteStream) -> DeviceIdentity:
        """Find out who has dialled us. Raise BadCredential."""
        nonce = self.nonce()
        await stream.send(nonce)
        said = await read(stream, 112)
        device = DeviceIdentity(peer=PeerId(said[:32]), device_id=said[32:48])
        self.check(device.peer, nonce + self.context.identity.octets, said[48:])
        return device

    async def lets_in(self, peer: PeerId) -> bool:
        return self.context.accepts_requests or await self.context.is_contact(peer)

    def nonce(self) -> bytes:
        return token_bytes(32)

    def check(self, peer: PeerId, message: bytes, signature: bytes) -> None:
        self.context.verify(peer, domain=DOMAIN, message=message, signature=signature)

    def adopt(self, device: DeviceIdentity, stream: ByteStream) -> Link:
        link = self.make_link(device, stream)
        self.links.setdefault(device.peer, []).append(link)
        if len(self.links[device.peer]) == 1:
            self.context.peer_changed(device, reachable=True)
        return link

    def make_link(self, device: DeviceIdentity, stream: ByteStream) -> Link:
        return Link(self, device, stream)

    def gone(self, link: Link) -> None:
        self.links[link.peer].remove(link)
        if not self.links[link.peer]:
            self.context.peer_changed(link.device, reachable=False)


class Link:
    """One proven stream."""

    batch = 64
    queue = 1024 * 1024
    """Octets that are read ahead of the commit."""

    def __init__(self, transport: LineTransport, device: DeviceIdentity, stream: ByteStream) -> None:
        self.transport = transport
        self.device = device
        self.peer = device.peer
        self.stream = stream
        self.number = 0
        self.waiting: dict[int, Outgoing] = {}
        """What has no answer yet, by number."""
        self.outbox: list[tuple[Frame, int | None]] = []
        """What is to be written, with the ticket that is then SENT."""
        self.inbox: list[Frame] = []
        self.over = False
        self.heard = anyio.current_time()
        self.changed = Bell()
        self.scope = anyio.CancelScope()

    def report(self, outcome: Outcome, *tickets: int, reason: str | None = None, after: float | None = None) -> None:
        reports = [SendReport(ticket=each, outcome=outcome, reason=reason, retry_after=after) for each in tickets]
        self.transport.context.report(reports)

    async def submit(self, outgoing: Sequence[Outgoing]) -> None:
        """Take envelopes, waiting for room."""
        taken = 0
        try:
            for each in outgoing:
                while not self.over and sum(len(one.envelope) for one in self.waiting.values()) > WINDOW:
                    await self.changed.wait()
                if self.over:
                    break
                self.number += 1
                self.waiting[self.number] = each
                self.put(Frame(ENVELOPE, self.number, each.envelope), each.ticket)
                taken += 1
        finally:
            self.settle(outgoing, taken)
        if outgoing and not taken:
            raise PeerUnreachable(problem="the line broke")

    def settle(self, outgoing: Sequence[Outgoing], taken: int) -> None:
        """What is left of a `send` that ended too soon is lost, unless it took nothing."""
        if taken:
            self.report(Outcome.LOST, *(each.ticket for each in outgoing[taken:]))

    def put(self, frame: Frame, ticket: int | None = None) -> None:
        self.outbox.append((frame, ticket))
        self.changed.ring()

    def end(self) -> None:
        """Nothing more comes or goes; what has no answer is lost."""
        if not self.over:
            self.over = True
            self.transport.gone(self)
            self.lose([each.ticket for each in self.waiting.values()])
            self.waiting.clear()
            self.scope.cancel()
            self.changed.ring()

    def lose(self, tickets: list[int]) -> None:
        self.report(Outcome.LOST, *tickets)

    async def run(self) -> None:
        try:
            with self.scope:
                async with anyio.create_task_group() as tasks:
                    for part in (self.write, self.read, self.work, self.watch):
                        tasks.start_soon(self.until_broken, part)
        finally:
            self.end()
            await anyio.aclose_forcefully(self.stream)

    async def until_broken(self, part) -> None:
        try:
            await part()
        except (*BROKEN, OSError):
            self.scope.cancel()

    async def write(self) -> None:
        while True:
            while not self.outbox:
                await self.changed.wait()
            frame, ticket = self.outbox.pop(0)
            await self.stream.send(HEADER.pack(frame.kind, frame.number, len(frame.payload)) + frame.payload)
            if ticket is not None and not self.over:  # else it is LOST already
                self.report(Outcome.SENT, ticket)

    async def watch(self) -> None:
        """End when nothing comes any more."""
        while anyio.current_time() - self.heard < SILENCE:
            self.put(Frame(PING, 0, b""))
            await anyio.sleep(PING_EVERY)
        self.end()

    async def read(self) -> None:
        while True:
            kind, number, size = HEADER.unpack(await read(self.stream, HEADER.size))
            self.heard = anyio.current_time()
            if not self.fits(size):
                raise BrokenResourceError
            self.inbox.append(Frame(kind, number, await read(self.stream, size)))
            self.changed.ring()
            while sum(len(frame.payload) for frame in self.inbox) > self.queue:
                await self.changed.wait()

    def fits(self, size: int) -> bool:
        return size <= MAX_ENVELOPE_SIZE

    async def work(self) -> None:
        while True:
            while not self.inbox:
                await self.changed.wait()
            batch: list[Frame] = []
            while self.inbox and self.inbox[0].kind == ENVELOPE and len(batch) < self.batch:
                batch.append(self.inbox.pop(0))
            self.changed.ring()
            if batch:
                await self.hand_over(batch)
            else:
                self.answered(self.inbox.pop(0))

    async def hand_over(self, batch: list[Frame]) -> None:
        try:
            answers = await self.transport.context.receive(self.peer, [frame.payload for frame in batch])
        except Exception:  # noqa: BLE001  # whatever it is, nothing of it is promised
            raise BrokenResourceError from None
        for frame, answer in zip(batch, answers, strict=True):
            self.answer(frame, answer)

    def answer(self, frame: Frame, answer: Disposition) -> None:
        for reply in answer.replies:
            self.put(Frame(ENVELOPE, 0, reply))
        if not frame.number or answer.verdict is Verdict.IGNORED:
            return
        if answer.verdict is Verdict.COMMITTED:
            self.put(Frame(ACK, frame.number, b""))
        else:
            after = NEVER if answer.retry_after is None else int(answer.retry_after * 1000)
            self.put(Frame(REFUSE, frame.number, after.to_bytes(4) + self.code(answer.reason).encode()))

    def code(self, reason: str | None) -> str:
        return reason if reason and CODE.fullmatch(reason) else ""

    def answered(self, frame: Frame) -> None:
        outgoing = self.waiting.pop(frame.number, None)
        self.changed.ring()
        if outgoing is not None and frame.kind == ACK:
            self.report(Outcome.DELIVERED, outgoing.ticket)
        elif outgoing is not None:
            after = int.from_bytes(frame.payload[:4])
            self.report(
                Outcome.REFUSED,
                outgoing.ticket,
                reason=frame.payload[4:].decode() or None,
                after=None if after == NEVER else after / 1000,
            )


async def read(stream: ByteStream, size: int) -> bytes:
    octets = bytearray()
    while len(octets) < size:
        octets += await stream.receive(size - len(octets))
    return bytes(octets)
