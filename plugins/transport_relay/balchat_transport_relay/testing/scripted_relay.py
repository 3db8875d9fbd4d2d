"""A relay in memory that is honest until a test says otherwise. It serves streams, so it works on any network.

    relay.script = refuse_everything      called before each operation: return another reply, raise Refused, or None
    relay.frames = push_everything_twice  called with each frame: return the frames to push instead
    relay.instead = send_garbage          called with each new stream, instead of serving HTTP on it
    before = relay.snapshot(); …; relay.restore(before)

All requests are in `asked`; `until` waits for what a test expects.
"""

import copy
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import anyio
import h11
from anyio.abc import ByteStream
from anyio.streams.memory import MemoryObjectSendStream
from balchat_relay_proto.codec import Message
from balchat_relay_proto.errors import STATUS, Refusal, Refused
from balchat_relay_proto.frames import (
    Acknowledged,
    FromRelay,
    Hello,
    Push,
    Subscribe,
    Subscribed,
    Unsubscribe,
    decode_from_client,
    encode_from_relay,
    ended,
)
from balchat_relay_proto.proofs import Purpose
from balchat_relay_proto.replies import (
    About,
    Creation,
    Stored,
)
from balchat_relay_proto.requests import (
    OPERATIONS,
    Request,
)
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping
from wsproto.events import Request as Handshake

from balchat_host.api.bell import Bell
from balchat_host.api.types import OnionKey
from balchat_transport_relay.errors import STREAM_ERRORS
from balchat_transport_relay.testing.boxes import CHALLENGE, Box, Boxes

T = TypeVar("T")

_CHUNK: Final = 65_536
_PATIENCE: Final = 2 * 24 * 3600.0
"""Seconds, on a clock that jumps."""


@dataclass(slots=True)
class Subscriber:
    """One WebSocket. What is sent into `outbox` is pushed: frames, or the octets of a message."""

    outbox: MemoryObjectSendStream[FromRelay | bytes]
    queues: dict[int, bytes] = field(default_factory=dict[int, bytes])


class ScriptedRelay(Boxes):
    """A relay. `permit`: what creating a queue requires."""

    def __init__(self, peer: OnionKey, *, permit: str | None = None) -> None:
        super().__init__(peer, permit=permit)
        self.about = About(versions=(1,), relay_key=peer.octets, creation=Creation.OPEN, max_age=10**6)
        self.subscribers: list[Subscriber] = []
        self.asked: list[Request | Subscribe | Acknowledged] = []
        self.connections = 0
        self.open = 0
        self.script: Callable[[Request], Message | None] = _nothing
        self.frames: Callable[[FromRelay], Iterable[FromRelay | bytes]] = _as_it_is
        self.instead: Callable[[ByteStream], Awaitable[None]] | None = None
        self._changed = Bell()

    # -- for tests

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until a request to the relay makes a condition true."""
        with anyio.fail_after(_PATIENCE):
            while not condition():
                await self._changed.wait()

    def asked_for(self, cls: type[T]) -> list[T]:
        """Return all requests of one kind."""
        return [each for each in self.asked if isinstance(each, cls)]

    @property
    def waiting(self) -> list[bytes]:
        """All envelopes in all queues."""
        return [stored.envelope for box in self.boxes.values() for stored in box.stored.values()]

    def snapshot(self) -> dict[bytes, Box]:
        """Return a backup."""
        return copy.deepcopy(self.boxes)

    def restore(self, boxes: dict[bytes, Box]) -> None:
        """Restore a backup, and restart."""
        self.boxes = copy.deepcopy(boxes)
        self.hang_up()

    def hang_up(self) -> None:
        """End every push connection."""
        for subscriber in self.subscribers:
            subscriber.outbox.close()
        self.subscribers.clear()

    def push(self, frame: FromRelay | bytes) -> None:
        """Send a frame, or any octets, to every subscriber."""
        for subscriber in self.subscribers:
            subscriber.outbox.send_nowait(frame)

    # -- serving

    async def serve(self, stream: ByteStream) -> None:
        """Serve one stream to its end."""
        self.connections += 1
        self.open += 1
        try:
            await (self._http if self.instead is None else self.instead)(stream)
        except (*STREAM_ERRORS, h11.ProtocolError):
            pass
        finally:
            self.open -= 1
            self._tell()
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(stream)

    async def _http(self, stream: ByteStream) -> None:
        parser = h11.Connection(h11.SERVER)
        challenge: list[bytes] = []
        while True:
            head, body = await _request(parser, stream)
            if head.target == b"/v1/subscribe":
                await self._socket(stream, head)
                return
            status, answer = self._answer(head, body, challenge)
            response = h11.Response(status_code=status, headers=[("content-length", str(len(answer)))])
            octets = parser.send(response) or b""
            octets += parser.send(h11.Data(data=answer)) or b""
            octets += parser.send(h11.EndOfMessage()) or b""
            await stream.send(octets)
            parser.start_next_cycle()

    def _answer(self, head: h11.Request, body: bytes, challenge: list[bytes]) -> tuple[int, bytes]:
        if head.target == b"/":
            return 200, self.about.to_octets()
        request = OPERATIONS[head.target.decode().removeprefix("/v1/")].from_octets(body)
        self.asked.append(request)
        try:
            reply = self.script(request)
            if reply is None:
                reply = self.do(request, challenge)
        except Refused as refused:
            return STATUS[refused.code], Refusal.of(refused).to_octets()
        finally:
            self._tell()
        return 200, reply.to_octets()

    def put(self, queue: bytes, envelope: bytes) -> Stored | None:
        """Store an envelope, and push it."""
        stored = super().put(queue, envelope)
        for subscriber in self.subscribers:
            for number, subscribed in subscriber.queues.items():
                if stored is not None and subscribed == queue:
                    self._push(subscriber, number, stored)
        return stored

    def _push(self, subscriber: Subscriber, number: int, stored: Stored) -> None:
        self._say(subscriber, Push(number=number, sequence=stored.sequence, envelope=stored.envelope))

    def _say(self, subscriber: Subscriber, frame: FromRelay) -> None:
        for each in self.frames(frame):
            subscriber.outbox.send_nowait(each)

    # -- WebSocket

    async def _socket(self, stream: ByteStream, head: h11.Request) -> None:
        socket = WSConnection(ConnectionType.SERVER)
        socket.initiate_upgrade_connection(list(head.headers), "/v1/subscribe")
        outbox, frames = anyio.create_memory_object_stream[FromRelay | bytes](math.inf)
        subscriber = Subscriber(outbox)
        self.subscribers.append(subscriber)
        try:
            assert isinstance(next(iter(socket.events())), Handshake)
            await stream.send(socket.send(AcceptConnection()))
            self._say(subscriber, Hello(challenge=CHALLENGE))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._read_socket, stream, socket, subscriber, tasks.cancel_scope)
                async for frame in frames:
                    octets = frame if isinstance(frame, bytes) else encode_from_relay(frame)
                    await stream.send(socket.send(BytesMessage(data=octets)))
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            _, rest = group.split(STREAM_ERRORS)
            if rest is not None:
                raise rest from None
        finally:
            outbox.close()
            frames.close()
            if subscriber in self.subscribers:
                self.subscribers.remove(subscriber)

    async def _read_socket(
        self, stream: ByteStream, socket: WSConnection, subscriber: Subscriber, scope: anyio.CancelScope
    ) -> None:
        message = bytearray()
        while True:
            try:
                socket.receive_data(await stream.receive(_CHUNK))
            except STREAM_ERRORS:
                scope.cancel()
                return
            for event in socket.events():
                match event:
                    case BytesMessage(data=data, message_finished=finished):
                        message += data
                        if finished:
                            self._frame(decode_from_client(bytes(message)), subscriber)
                            message.clear()
                    case Ping():
                        await stream.send(socket.send(event.response()))
                    case CloseConnection():
                        scope.cancel()
                    case _:
                        pass

    def _frame(self, frame: Subscribe | Acknowledged | Unsubscribe, subscriber: Subscriber) -> None:
        match frame:
            case Subscribe(number=number, queue=queue, authority=authority, after=after):
                self.asked.append(frame)
                try:
                    box = self.box(queue, authority, Purpose.SUBSCRIBE, [CHALLENGE])
                except Refused as refused:
                    self._say(subscriber, ended(number, refused))
                else:
                    subscriber.queues[number] = queue
                    self._say(subscriber, Subscribed(number=number))
                    for stored in list(box.stored.values()):
                        if stored.sequence > after:
                            self._push(subscriber, number, stored)
            case Acknowledged(number=number, envelope_ids=ids):
                self.asked.append(frame)
                if (box := self.boxes.get(subscriber.queues.get(number, b""))) is not None:
                    box.stored = {each: stored for each, stored in box.stored.items() if each not in ids}
                self._say(subscriber, frame)
            case Unsubscribe(number=number):
                subscriber.queues.pop(number, None)
        self._tell()

    def _tell(self) -> None:
        self._changed.ring()


async def _request(parser: h11.Connection, stream: ByteStream) -> tuple[h11.Request, bytes]:
    head, body = None, b""
    while True:
        match parser.next_event():
            case h11.NEED_DATA:
                parser.receive_data(await stream.receive(_CHUNK))
            case h11.Request() as head:
                pass
            case h11.Data(data=data):
                body += data
            case h11.EndOfMessage():
                assert head is not None
                return head, body
            case _:
                raise anyio.EndOfStream


def _nothing(request: Request) -> Message | None:
    del request
    return None


def _as_it_is(frame: FromRelay) -> Iterable[FromRelay]:
    return (frame,)
