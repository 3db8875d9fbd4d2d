"""One push connection: subscribes, takes in what is pushed, acknowledges what the vault has.

A reader, a subscriber and a taker share it. The reader waits while more than `_BACKLOG` octets are not yet taken in, so
that a relay cannot fill the memory; what came meanwhile shares a commit.
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

from balchat_transport_relay.errors import RelayMisbehaved, RelayUnavailable
from balchat_transport_relay.subscriptions import Subscriptions
from balchat_transport_relay.websocket import PushConnection

_BACKLOG: Final = 1024 * 1024
_BATCH: Final = 64


class PushSession:
    """One connection's subscriptions. `patience` is how long the relay has for an answer, in seconds."""

    def __init__(self, connection: PushConnection, subscriptions: Subscriptions, *, patience: float) -> None:
        self._connection = connection
        self._subscriptions = subscriptions
        self._patience = patience
        self._challenge = b""
        self._last = 0
        self._queues: dict[int, bytes] = {}
        """What each number of ours stands for, as long as it is of use."""
        self._unanswered: dict[int, float] = {}
        """When to give up waiting for the answer to a subscription."""
        self._pushed: deque[Push] = deque()
        self.held = 0
        """Octets that have come and are not taken in."""
        self._arrived = anyio.Event()
        self._taken = anyio.Event()

    async def open(self) -> None:
        """Shake hands, and hear Hello. Raises Refused, RelayUnavailable, RelayMisbehaved."""
        with anyio.move_on_after(self._patience):
            await self._connection.open()
            match await self._connection.receive():
                case Hello(challenge=challenge):
                    self._challenge = challenge
                case _:
                    raise RelayMisbehaved("it does not greet")
            return
        raise RelayUnavailable("it does not answer in time")

    async def run(self) -> None:
        """Work until nothing is to be listened to. Raises RelayUnavailable and RelayMisbehaved, in a group."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._read)
                tasks.start_soon(self._take)
                await self._subscribe()
                tasks.cancel_scope.cancel()
        finally:
            for identifier in self._queues.values():
                self._subscriptions.ended(identifier)

    # -- reading

    async def _read(self) -> None:
        while True:
            match frame := await self._connection.receive():
                case Hello():
                    raise RelayMisbehaved("it greets again")
                case Push():
                    await self._hold(frame)
                case Ended():
                    self._ended(frame)
                case _:
                    self._answered(frame)

    def _answered(self, frame: Subscribed | Acknowledged | NotAcknowledged) -> None:
        identifier = self._known(frame.number)
        if isinstance(frame, Subscribed):
            self._unanswered.pop(frame.number, None)
        if identifier is None:
            return
        match frame:
            case Subscribed():
                self._subscriptions.works(identifier, pushed=True)
            case Acknowledged(envelope_ids=ids):
                self._subscriptions.deleted(identifier, ids)
            case NotAcknowledged(retry_after=retry_after):
                self._subscriptions.not_deleted(identifier, retry_after)

    def _ended(self, frame: Ended) -> None:
        identifier = self._known(frame.number)
        if identifier is None:
            return
        if frame.code is None:
            raise RelayMisbehaved("it ends a subscription without a reason")
        del self._queues[frame.number]
        self._unanswered.pop(frame.number, None)
        self._subscriptions.refused(identifier, frame.code, frame.retry_after)

    async def _hold(self, push: Push) -> None:
        identifier = self._known(push.number)
        if identifier is None:
            return
        if (pushed := self._subscriptions.pushed(identifier)) is not None:
            pushed.note(push.sequence, envelope_id(push.envelope))
        self._pushed.append(push)
        self.held += len(push.envelope)
        self._arrived.set()
        while self.held > _BACKLOG:
            self._taken = anyio.Event()
            await self._taken.wait()

    def _known(self, number: int) -> bytes | None:
        """Give the queue that a number stands for; None where we have ended that. Raises RelayMisbehaved."""
        if not 0 < number <= self._last:
            raise RelayMisbehaved("it speaks of a subscription that there is not")
        return self._queues.get(number)

    # -- subscribing

    async def _subscribe(self) -> None:
        while True:
            changed = self._subscriptions.changed
            for number, identifier in list(self._queues.items()):
                if self._subscriptions.paused(identifier):
                    # A subscription gives everything once; a new one begins at the beginning.
                    del self._queues[number]
                    self._subscriptions.ended(identifier)
                    self._unanswered.pop(number, None)
                    await self._connection.send(Unsubscribe(number=number))
            asked_for = set(self._queues.values())
            for source in self._subscriptions.due():
                if source.id in asked_for:
                    continue
                self._last += 1
                number = self._last
                self._queues[number] = source.id
                self._unanswered[number] = anyio.current_time() + self._patience
                authority = await source.authority(self._challenge)
                await self._connection.send(Subscribe(number=number, queue=source.id, authority=authority))
            if not self._queues and not self._subscriptions.due():
                return
            deadlines = [at for at in (self._subscriptions.next_due(), *self._unanswered.values()) if at is not None]
            with anyio.move_on_at(min(deadlines, default=float("inf"))):
                await changed.wait()
            if any(at <= anyio.current_time() for at in self._unanswered.values()):
                raise RelayUnavailable("it does not answer in time")

    # -- taking in

    async def _take(self) -> None:
        while True:
            while not self._pushed:
                self._arrived = anyio.Event()
                await self._arrived.wait()
            of_number: dict[int, list[bytes]] = {}
            batch = [self._pushed.popleft() for _ in range(min(_BATCH, len(self._pushed)))]
            for push in batch:
                of_number.setdefault(push.number, []).append(push.envelope)
            for number, sealed in of_number.items():
                # What a queue held when it was ended here is not lost: the relay has it.
                if (identifier := self._queues.get(number)) is None:
                    continue
                for ids in await self._subscriptions.take(identifier, sealed):
                    await self._connection.send(Acknowledged(number=number, envelope_ids=ids))
            self.held -= sum(len(push.envelope) for push in batch)
            self._taken.set()
