"""One push connection: subscribes, receives what the relay pushes, and acknowledges what the vault has.

Three tasks share it: one reads, one subscribes, one receives. The reader stops while more than `_BACKLOG` octets wait,
so that a relay cannot fill the memory; what waits shares a commit. Only those envelopes are kept here. What is known
about the queues is in `Subscriptions`.
"""

from collections import deque
from typing import Final

import anyio
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.frames import (
    Acknowledged,
    Ended,
    Hello,
    NotAcknowledged,
    Push,
    Subscribe,
    Subscribed,
    Unsubscribe,
)

from balchat_host.api.bell import Bell
from balchat_transport_relay.errors import RelayMisbehaved, RelayUnavailable
from balchat_transport_relay.subscriptions import Subscriptions
from balchat_transport_relay.websocket import PushConnection

_BACKLOG: Final = 1024 * 1024
_BATCH: Final = 64


class PushSession:
    """One connection. `patience` is the time that the relay has for an answer, in seconds."""

    def __init__(self, connection: PushConnection, subscriptions: Subscriptions, *, patience: float) -> None:
        self._connection = connection
        self._subscriptions = subscriptions
        self._patience = patience
        self._challenge = b""
        self._pushed: deque[Push] = deque()
        self._held = 0
        """Octets that have come and wait to be received."""
        self._arrived = Bell()
        self._received = Bell()

    async def open(self) -> None:
        """Do the handshake, and read Hello. Raise Refused, RelayUnavailable, RelayMisbehaved."""
        with anyio.move_on_after(self._patience):
            await self._connection.open()
            match await self._connection.receive():
                case Hello(challenge=challenge):
                    self._challenge = challenge
                case _:
                    raise RelayMisbehaved("it does not say Hello first")
            return
        raise RelayUnavailable("it does not answer in time")

    async def run(self) -> None:
        """Run until there is nothing to listen to. Raise RelayUnavailable and RelayMisbehaved in a group."""
        self._subscriptions.connect()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._read)
                tasks.start_soon(self._receive)
                await self._subscribe()
                tasks.cancel_scope.cancel()
        finally:
            self._subscriptions.disconnect()

    # -- reading

    async def _read(self) -> None:
        while True:
            match await self._connection.receive():
                case Hello():
                    raise RelayMisbehaved("it says Hello twice")
                case Push() as push:
                    await self._hold(push)
                case answer:
                    self._answered(answer)

    def _answered(self, answer: Subscribed | Ended | Acknowledged | NotAcknowledged) -> None:
        identifier = self._subscriptions.queue_of(answer.number)
        if identifier is None:
            return
        match answer:
            case Subscribed(number=number):
                self._subscriptions.confirmed(number)
            case Ended(number=number, code=code, retry_after=retry_after):
                if code is None:
                    raise RelayMisbehaved("it ends a subscription without a reason")
                self._subscriptions.ended(number, code, retry_after)
            case Acknowledged(envelope_ids=ids):
                self._subscriptions.deleted(identifier, ids)
            case NotAcknowledged(retry_after=retry_after):
                self._subscriptions.not_deleted(identifier, retry_after)

    async def _hold(self, push: Push) -> None:
        if not self._subscriptions.arrived(push.number, push.sequence, envelope_id(push.envelope)):
            return
        self._pushed.append(push)
        self._held += len(push.envelope)
        self._arrived.ring()
        while self._held > _BACKLOG:
            await self._received.wait()

    # -- subscribing

    async def _subscribe(self) -> None:
        while True:
            changed = self._subscriptions.changed.next_ring()
            while numbers := self._subscriptions.to_unsubscribe:
                self._subscriptions.unsubscribe(numbers[0])
                await self._connection.send(Unsubscribe(number=numbers[0]))
            while sources := self._subscriptions.to_subscribe:
                source = sources[0]
                number = self._subscriptions.subscribe(source.id, answer_within=self._patience)
                authority = await source.authority(self._challenge)
                await self._connection.send(Subscribe(number=number, queue=source.id, authority=authority))
            if self._subscriptions.idle:
                return
            with anyio.move_on_at(min(self._subscriptions.next_subscription, self._subscriptions.answer_by)):
                await changed.wait()
            if self._subscriptions.answer_by <= anyio.current_time():
                raise RelayUnavailable("it does not answer in time")

    # -- receiving

    async def _receive(self) -> None:
        while True:
            while not self._pushed:
                await self._arrived.wait()
            of_number: dict[int, list[bytes]] = {}
            batch = [self._pushed.popleft() for _ in range(min(_BATCH, len(self._pushed)))]
            for push in batch:
                of_number.setdefault(push.number, []).append(push.envelope)
            for number, sealed in of_number.items():
                # What waits of a subscription that has ended is not lost: the relay still has it.
                if (identifier := self._subscriptions.queue_of(number)) is None:
                    continue
                for ids in await self._subscriptions.receive(identifier, sealed):
                    await self._connection.send(Acknowledged(number=number, envelope_ids=ids))
            self._held -= sum(len(push.envelope) for push in batch)
            self._received.ring()
