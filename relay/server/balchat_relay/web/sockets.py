"""One WebSocket: its subscriptions, and the two tasks that read and catch up.

What a client must do to hurt others is bounded here: frames are small, subscriptions counted, and no more than
`_OUTBOX` octets and one fetch of `_PIECE` (or one envelope) wait for a client that does not read.

aiohttp opens, reads, pings and closes. What we say goes to the connection at once and in one write: a task in between,
and aiohttp's second write for a large frame, would be a good part of the time that a push takes.
"""

import asyncio
from time import time
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web
from balchat_relay_proto.codec import Malformed
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
    decode_from_client,
    ended,
    pieces_from_relay,
)
from balchat_relay_proto.proofs import Purpose
from balchat_relay_proto.sizes import MAX_FRAME, MAX_SUBSCRIPTIONS

from balchat_relay.metrics import Metrics
from balchat_relay.push import Hub, Subscription
from balchat_relay.storage.contract import QueueStore
from balchat_relay.web.connection import Connection
from balchat_relay.web.operations import Operations, new_challenge

_OUTBOX: Final = 256 * 1024
_PIECE: Final = 64 * 1024
_BINARY: Final = 0x82
_SHORT: Final = 125


class SubscriberLink:
    """A connection that envelopes are pushed to."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        connection: Connection,
        *,
        store: QueueStore,
        hub: Hub,
        operations: Operations,
        metrics: Metrics,
        idle_timeout: float,
    ) -> None:
        self._socket = socket
        self._store = store
        self._hub = hub
        self._operations = operations
        self._metrics = metrics
        self._connection = connection
        self._idle_timeout = idle_timeout
        self._challenge = new_challenge()
        self._subscriptions: dict[int, Subscription] = {}
        self._behind: dict[int, Subscription] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Serve until the client is gone or did something that ends it."""
        self._say(Hello(challenge=self._challenge))
        catching_up = asyncio.create_task(self._catch_up())
        reading = asyncio.create_task(self._read())
        try:
            ended: set[asyncio.Task[None]] = set()
            while not ended:
                ended, _ = await asyncio.wait(
                    (catching_up, reading), timeout=self._idle_timeout, return_when=asyncio.FIRST_COMPLETED
                )
                if not ended and not self._subscriptions:  # it keeps a connection from others, for nothing
                    await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"no subscription")
        finally:
            for task in (catching_up, reading):
                task.cancel()
            await asyncio.gather(catching_up, reading, return_exceptions=True)
            for subscription in self._subscriptions.values():
                self._hub.remove(subscription)
            self._metrics.subscriptions -= len(self._subscriptions)
            self._subscriptions.clear()

    # -- the hub's side (push.Link) --

    def push(self, subscription: Subscription, sequence: int, envelope: bytes) -> bool:
        waiting = self._connection.waiting
        if waiting and waiting + len(envelope) > _OUTBOX:
            return False
        self._metrics.pushed += 1
        self._say(Push(number=subscription.number, sequence=sequence, envelope=envelope))
        return True

    def catch_up(self, subscription: Subscription) -> None:
        self._behind[subscription.number] = subscription
        self._wake.set()

    def end(self, subscription: Subscription, why: Refused) -> None:
        if self._forget(subscription.number) is not None:
            self._say(ended(subscription.number, why))

    # -- saying --

    def _say(self, frame: FromRelay) -> None:
        if self._socket.closed:
            return
        pieces = pieces_from_relay(frame)
        self._connection.write([_frame_head(sum(map(len, pieces))), *pieces])

    async def _catch_up(self) -> None:
        while True:
            while self._behind:
                await self._connection.room()
                number = next(iter(self._behind), None)
                if number is not None:
                    await self._fetch(self._behind.pop(number))
            self._wake.clear()
            await self._wake.wait()

    async def _fetch(self, subscription: Subscription) -> None:
        """Send a piece of what a subscription lacks."""
        if subscription.live:
            # The last fetch brought it already; another would bring what is pushed early by now.
            return
        subscription.fetching = True
        try:
            found = await self._store.fetch(
                subscription.queue,
                receive=subscription.receive,
                after=subscription.cursor,
                now=int(time()),
                octets=_PIECE,
            )
        except Refused as refused:
            self._hub.remove(subscription)
            self.end(subscription, refused)
            return
        for stored in found.stored:
            if self._subscriptions.get(subscription.number) is not subscription:
                return
            self._metrics.pushed += 1
            self._say(Push(number=subscription.number, sequence=stored.sequence, envelope=stored.envelope))
            subscription.cursor = max(subscription.cursor, stored.sequence)
        if found.more:
            self._behind[subscription.number] = subscription
        else:
            subscription.fetching = False

    # -- reading --

    async def _read(self) -> None:
        async for message in self._socket:
            await self._connection.room()  # whoever does not read its answers is not read either
            if wait := self._connection.bucket.wait():
                await asyncio.sleep(wait)  # whoever asks too much is read more slowly
            if message.type is not WSMsgType.BINARY:
                await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"binary frames only")
                return
            try:
                frame = decode_from_client(message.data)
            except Malformed as error:
                await self._socket.close(code=WSCloseCode.INVALID_TEXT, message=str(error).encode()[:120])
                return
            match frame:
                case Subscribe():
                    await self._subscribe(frame)
                case Acknowledged():
                    await self._acknowledge(frame)
                case Unsubscribe():
                    if (subscription := self._forget(frame.number)) is not None:
                        self._hub.remove(subscription)
                        self._say(Ended(number=frame.number, code=None))

    async def _subscribe(self, frame: Subscribe) -> None:
        try:
            self._check_number(frame.number)
            receive = self._operations.receive_verifier(
                frame.queue, frame.authority, self._challenge, Purpose.SUBSCRIBE
            )
            await self._store.status(frame.queue, receive=receive)
        except Refused as refused:
            self._say(ended(frame.number, refused))
            return
        subscription = Subscription(self, number=frame.number, queue=frame.queue, receive=receive, cursor=frame.after)
        self._hub.add(subscription)
        self._subscriptions[frame.number] = subscription
        self._metrics.subscriptions += 1
        self._say(Subscribed(number=frame.number))
        self.catch_up(subscription)

    async def _acknowledge(self, frame: Acknowledged) -> None:
        try:
            subscription = self._subscription(frame.number)
            await self._store.acknowledge(
                subscription.queue, receive=subscription.receive, envelope_ids=frame.envelope_ids, now=int(time())
            )
        except Refused as refused:
            self._say(
                NotAcknowledged(
                    number=frame.number, code=refused.code, detail=refused.detail[:200], retry_after=refused.retry_after
                )
            )
        else:
            self._say(frame)

    def _check_number(self, number: int) -> None:
        if number in self._subscriptions:
            raise Refused(Code.MALFORMED, "This number is in use on this connection.")
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise Refused(Code.TOO_MANY_SUBSCRIPTIONS, f"A connection has at most {MAX_SUBSCRIPTIONS}.")

    def _subscription(self, number: int) -> Subscription:
        if number not in self._subscriptions:
            raise Refused(Code.DENIED, "No subscription has this number.")
        return self._subscriptions[number]

    def _forget(self, number: int) -> Subscription | None:
        subscription = self._subscriptions.pop(number, None)
        if subscription is not None:
            self._metrics.subscriptions -= 1
            self._behind.pop(number, None)
        return subscription


def open_socket(*, heartbeat: float) -> web.WebSocketResponse:
    """Make a WebSocket as the spec has it: no compression, small frames."""
    return web.WebSocketResponse(compress=False, max_msg_size=MAX_FRAME, heartbeat=heartbeat, decode_text=False)


def _frame_head(length: int) -> bytes:
    """Write what stands in front of a whole binary message from a server (RFC 6455, section 5.2)."""
    if length <= _SHORT:
        return bytes([_BINARY, length])
    if length < 1 << 16:
        return bytes([_BINARY, _SHORT + 1]) + length.to_bytes(2)
    return bytes([_BINARY, _SHORT + 2]) + length.to_bytes(8)
