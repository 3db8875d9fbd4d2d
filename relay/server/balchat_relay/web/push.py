"""One WebSocket: its subscriptions, and the two tasks that read frames and write them.

Theory of operation
-------------------
A subscription has a cursor: everything up to it was sent. While nothing is missing, an envelope that the store tells of
is sent at once. When too much waits to be sent, the subscription falls behind, and catches up by fetching after its
cursor. So no more than `_OUTBOX` octets and one page of `_PAGE` (or one envelope) wait for a client that does not read,
and the order is the store's.

               told, room: send, cursor = sequence
    LIVE ───────────────────────────────────────────────▶ LIVE
      │ told, no room                                       ▲
      ▼                                                     │ a fetch found nothing newer than what was told
    BEHIND ── fetch after the cursor, send, again ──────────┘

Everything goes out through the outbox or after it, so that nothing is said of a subscription once it has ended.
"""

import asyncio
import logging
from time import time
from typing import Final

from aiohttp import WSCloseCode, WSMessage, WSMsgType, hdrs, web
from balchat_relay_proto.codec import Malformed
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.frames import (
    Acknowledged,
    Ended,
    FromClient,
    FromRelay,
    Hello,
    NotAcknowledged,
    Push,
    Subscribe,
    Subscribed,
    Unsubscribe,
    decode_from_client,
    encode_from_relay,
    ended,
)
from balchat_relay_proto.proofs import Purpose
from balchat_relay_proto.sizes import MAX_FRAME, MAX_SUBSCRIPTIONS

from balchat_relay.metrics import Metrics
from balchat_relay.storage.contract import QueueStore
from balchat_relay.web.answers import Socket
from balchat_relay.web.limiting import Bucket
from balchat_relay.web.operations import Operations, new_challenge

_OUTBOX: Final = 256 * 1024
_PAGE: Final = 64 * 1024
_HEARTBEAT: Final = 60.0
_CLOSE_WITHIN: Final = 2.0

_log: Final = logging.getLogger(__name__)


async def open_socket(request: web.Request) -> Socket:
    """Accept a WebSocket as the spec has it: no compression, small frames. Raises Refused."""
    socket = Socket(
        compress=False,
        max_msg_size=MAX_FRAME,
        heartbeat=_HEARTBEAT,
        timeout=_CLOSE_WITHIN,
        decode_text=False,
        autoping=False,  # pings count as what a connection asks
    )
    # aiohttp would write the protocols that a client offers to the log.
    if hdrs.SEC_WEBSOCKET_PROTOCOL in request.headers or not _can_prepare(socket, request):
        raise Refused(Code.MALFORMED, "This path is a WebSocket without a subprotocol.")
    await socket.prepare(request)
    return socket


def _can_prepare(socket: Socket, request: web.Request) -> bool:
    try:
        return bool(socket.can_prepare(request))
    except ValueError:  # a key that is not ASCII, which aiohttp does not expect
        return False


class PushConnection:
    """A WebSocket that envelopes are pushed to."""

    __slots__ = (
        "_behind", "_bucket", "_challenge", "_idle_timeout", "_metrics", "_operations", "_outbox", "_sent", "_socket",
        "_store", "_subscriptions", "_unsent", "_wake",
    )  # fmt: skip

    def __init__(
        self,
        socket: Socket,
        *,
        store: QueueStore,
        operations: Operations,
        metrics: Metrics,
        bucket: Bucket,
        idle_timeout: float,
    ) -> None:
        self._socket = socket
        self._store = store
        self._operations = operations
        self._metrics = metrics
        self._bucket = bucket
        self._idle_timeout = idle_timeout
        self._challenge = new_challenge()
        self._subscriptions: dict[int, Subscription] = {}
        self._behind: dict[int, Subscription] = {}
        self._outbox: list[bytes] = []
        self._unsent = 0  # octets
        self._wake = asyncio.Event()  # something is to be written
        self._sent = asyncio.Event()  # nothing is in the outbox

    async def run(self) -> None:
        """Serve until the client is gone or did something that ends it."""
        self._say(Hello(challenge=self._challenge))
        writing = asyncio.create_task(self._write())
        try:
            await self._read()
        except Exception as error:  # noqa: BLE001  # one connection's failure must not end the others
            await self._fail(error)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            for subscription in self._subscriptions.values():
                self._store.unsubscribe(subscription.queue, subscription)
            self._metrics.subscriptions -= len(self._subscriptions)
            self._subscriptions.clear()

    async def _fail(self, error: Exception) -> None:
        if not isinstance(error, ConnectionError):
            _log.error("pushing failed: %s", type(error).__name__)
        await self._socket.close(code=WSCloseCode.INTERNAL_ERROR)

    # -- called by subscriptions --

    def push(self, subscription: "Subscription", sequence: int, envelope: bytes) -> bool:
        """Send an envelope; False where too much waits to be sent."""
        if self._unsent and self._unsent + len(envelope) > _OUTBOX:
            return False
        self._metrics.pushed += 1
        self._say(Push(number=subscription.number, sequence=sequence, envelope=envelope))
        return True

    def catch_up(self, subscription: "Subscription") -> None:
        """Fetch what is after the subscription's cursor, soon."""
        self._behind[subscription.number] = subscription
        self._wake.set()

    def end(self, subscription: "Subscription", why: Refused) -> None:
        """Tell the client that a subscription is over."""
        if self._forget(subscription.number) is not None:
            self._say(ended(subscription.number, why))

    # -- writing --

    def _say(self, frame: FromRelay) -> None:
        if self._socket.closed:  # nobody writes any more
            return
        octets = encode_from_relay(frame)
        self._outbox.append(octets)
        self._unsent += len(octets)
        self._sent.clear()
        self._wake.set()

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._empty_outbox()
                while self._behind:
                    await self._fetch(self._behind.pop(next(iter(self._behind))))
                    await self._empty_outbox()
        except Exception as error:  # noqa: BLE001  # one connection's failure must not end the others
            await self._fail(error)
        finally:
            self._sent.set()  # nothing more will be, and the reader must not wait for it

    async def _empty_outbox(self) -> None:
        while self._outbox:
            frames, self._outbox = self._outbox, []
            for frame in frames:
                await self._socket.send_bytes(frame)
                self._unsent -= len(frame)
        self._sent.set()

    async def _fetch(self, subscription: "Subscription") -> None:
        """Send a page of what a subscription lacks."""
        try:
            found = await self._store.fetch(
                subscription.queue,
                receive=subscription.receive,
                after=subscription.cursor,
                now=int(time()),
                octets=_PAGE,
            )
        except Refused as refused:
            self._store.unsubscribe(subscription.queue, subscription)
            self.end(subscription, refused)
            return
        for stored in found.stored:
            if self._subscriptions.get(subscription.number) is not subscription:
                return
            frame = Push(number=subscription.number, sequence=stored.sequence, envelope=stored.envelope)
            await self._socket.send_bytes(encode_from_relay(frame))
            self._metrics.pushed += 1
            subscription.cursor = stored.sequence
        subscription.behind = found.more or subscription.newest > subscription.cursor
        if subscription.behind and self._subscriptions.get(subscription.number) is subscription:
            self._behind[subscription.number] = subscription

    # -- reading --

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            await self._sent.wait()  # a client that does not read our answers is not read either
            if wait := self._bucket.wait():
                await asyncio.sleep(wait)  # one that asks too much is read more slowly
            match message.type:
                case WSMsgType.BINARY:
                    try:
                        frame = decode_from_client(message.data)
                    except Malformed as error:
                        await self._socket.close(code=WSCloseCode.INVALID_TEXT, message=str(error).encode()[:120])
                        return
                    await self._handle(frame)
                case WSMsgType.PING:
                    await self._socket.pong(message.data)
                case WSMsgType.PONG:
                    pass
                case WSMsgType.TEXT:
                    await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"binary frames only")
                    return
                case _:
                    return

    async def _handle(self, frame: FromClient) -> None:
        match frame:
            case Subscribe():
                await self._subscribe(frame)
            case Acknowledged():
                await self._acknowledge(frame)
            case Unsubscribe():
                if (subscription := self._forget(frame.number)) is not None:
                    self._store.unsubscribe(subscription.queue, subscription)
                    self._say(Ended(number=frame.number, code=None))

    async def _receive(self) -> WSMessage:
        """Wait for a message. Whoever asks nothing and has no subscription is closed."""
        while True:
            try:
                return await self._socket.receive(timeout=self._idle_timeout)
            except TimeoutError:
                if not self._subscriptions:  # it keeps a connection from others, for nothing
                    await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"no subscription")

    async def _subscribe(self, frame: Subscribe) -> None:
        try:
            self._check_number(frame.number)
            receive = self._operations.receive_verifier(
                frame.queue, frame.authority, self._challenge, Purpose.SUBSCRIBE
            )
        except Refused as refused:
            self._say(ended(frame.number, refused))
            return
        subscription = Subscription(self, number=frame.number, queue=frame.queue, receive=receive, cursor=frame.after)
        self._subscriptions[frame.number] = subscription
        self._metrics.subscriptions += 1
        try:
            await self._store.subscribe(frame.queue, subscription, receive=receive)
        except Refused as refused:
            self.end(subscription, refused)
            return
        if self._subscriptions.get(frame.number) is subscription:  # not evicted meanwhile
            self._say(Subscribed(number=frame.number))
            self.catch_up(subscription)

    async def _acknowledge(self, frame: Acknowledged) -> None:
        subscription = self._subscriptions.get(frame.number)
        if subscription is None:
            self._not_acknowledged(frame.number, Refused(Code.DENIED, "No subscription has this number."))
            return
        try:
            await self._store.acknowledge(
                subscription.queue, receive=subscription.receive, envelope_ids=frame.envelope_ids, now=int(time())
            )
        except Refused as refused:
            self._not_acknowledged(frame.number, refused)
        else:
            self._say(frame)

    def _not_acknowledged(self, number: int, why: Refused) -> None:
        self._say(NotAcknowledged(number=number, code=why.code, detail=why.detail[:200], retry_after=why.retry_after))

    def _check_number(self, number: int) -> None:
        if number in self._subscriptions:
            raise Refused(Code.MALFORMED, "This number is in use on this connection.")
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise Refused(Code.TOO_MANY_SUBSCRIPTIONS, f"A connection has at most {MAX_SUBSCRIPTIONS}.")

    def _forget(self, number: int) -> "Subscription | None":
        subscription = self._subscriptions.pop(number, None)
        if subscription is not None:
            self._metrics.subscriptions -= 1
            self._behind.pop(number, None)
        return subscription


class Subscription:
    """One queue that is pushed on one WebSocket: the store's Subscriber.

    `receive` is the capability's verifier, None for an inbox; `newest` is the newest sequence that we were told of.
    """

    __slots__ = ("_connection", "behind", "cursor", "newest", "number", "queue", "receive")

    def __init__(
        self, connection: PushConnection, *, number: int, queue: bytes, receive: bytes | None, cursor: int
    ) -> None:
        self._connection = connection
        self.number = number
        self.queue = queue
        self.receive = receive
        self.cursor = cursor
        self.newest = cursor
        self.behind = True  # until the first fetch

    def stored(self, sequence: int, envelope: bytes) -> None:
        self.newest = max(self.newest, sequence)
        if self.behind or sequence <= self.cursor:
            return
        if self._connection.push(self, sequence, envelope):
            self.cursor = sequence
        else:
            self.behind = True
            self._connection.catch_up(self)

    def ended(self, why: Refused) -> None:
        self._connection.end(self, why)
