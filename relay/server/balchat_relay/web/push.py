"""One WebSocket: the two tasks that read its frames and write them, and its subscriptions.

The reader does what the client asks. The writer sends what is in the outbox, and fetches for subscriptions that are
behind. Each waits for a client that does not read.
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
from balchat_relay.web.outbox import Outbox
from balchat_relay.web.subscription import Subscription

_PAGE: Final = 64 * 1024
_HEARTBEAT: Final = 60.0
_CLOSE_WITHIN: Final = 2.0

_log: Final = logging.getLogger(__name__)


async def open_socket(request: web.Request) -> Socket:
    """Accept a WebSocket as the spec has it: no compression, small frames. Raise Refused."""
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
        "_behind", "_bucket", "_challenge", "_idle_timeout", "_metrics", "_operations", "_outbox", "_socket", "_store",
        "_subscriptions",
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
        self._outbox = Outbox(socket)

    async def run(self) -> None:
        """Serve until the client is gone or did something that ends it."""
        self._outbox.add(Hello(challenge=self._challenge))
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

    def push(self, subscription: Subscription, sequence: int, envelope: bytes) -> bool:
        if not self._outbox.has_room(len(envelope)):
            return False
        self._metrics.pushed += 1
        self._outbox.add(Push(number=subscription.number, sequence=sequence, envelope=envelope))
        return True

    def catch_up(self, subscription: Subscription) -> None:
        if self._subscriptions.get(subscription.number) is subscription:
            self._behind[subscription.number] = subscription
            self._outbox.wake()

    def end(self, subscription: Subscription, why: Refused) -> None:
        if self._forget(subscription.number) is not None:
            self._outbox.add(ended(subscription.number, why))

    # -- writing --

    async def _write(self) -> None:
        try:
            while True:
                await self._outbox.wait_for_work()
                await self._outbox.flush()
                while self._behind:
                    await self._fetch(self._behind.pop(next(iter(self._behind))))
                    await self._outbox.flush()
        except Exception as error:  # noqa: BLE001  # one connection's failure must not end the others
            await self._fail(error)
        finally:
            self._outbox.end()

    async def _fetch(self, subscription: Subscription) -> None:
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
        subscription.fetched(more=found.more)

    # -- reading --

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            await self._outbox.wait_until_sent()  # a client that does not read our answers is not read either
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
                    self._outbox.add(Ended(number=frame.number, code=None))

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
            self._outbox.add(ended(frame.number, refused))
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
            self._outbox.add(Subscribed(number=frame.number))
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
            self._outbox.add(frame)

    def _not_acknowledged(self, number: int, why: Refused) -> None:
        self._outbox.add(
            NotAcknowledged(number=number, code=why.code, detail=why.detail[:200], retry_after=why.retry_after)
        )

    def _check_number(self, number: int) -> None:
        if number in self._subscriptions:
            raise Refused(Code.MALFORMED, "This number is in use on this connection.")
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise Refused(Code.TOO_MANY_SUBSCRIPTIONS, f"A connection has at most {MAX_SUBSCRIPTIONS}.")

    def _forget(self, number: int) -> Subscription | None:
        subscription = self._subscriptions.pop(number, None)
        if subscription is not None:
            self._metrics.subscriptions -= 1
            self._behind.pop(number, None)
        return subscription
