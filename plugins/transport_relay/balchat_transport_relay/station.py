"""One relay of ours while the account is up: it is listened to, and what we have there is kept in order."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import anyio
from anyio.abc import TaskGroup
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import Created, Done
from balchat_relay_proto.requests import Create, Delete

from balchat_host.api.transport import TransportHost
from balchat_host.api.types import PeerId
from balchat_transport_relay import listening
from balchat_transport_relay.book import Book, QueueRow, RelayRow
from balchat_transport_relay.circuits import Circuits
from balchat_transport_relay.faults import RelayGone, RelayLies
from balchat_transport_relay.health import Health
from balchat_transport_relay.inbox import InboxCare
from balchat_transport_relay.lane import Lane
from balchat_transport_relay.listening import Inbox, Listener, Queue, Source
from balchat_transport_relay.settings import RelaySettings

_INBOX: Final = "inbox"
_CARE: Final = "care"
_DRAIN: Final = 14 * 24 * 3600
"""Seconds for which a retired queue is still read: a contact may not have heard of the new one."""
_FIRST_RETRY: Final = 2.0


class Station:
    """One relay. `run` works; `wake` tells it that there is something to see to. `Health` says how the relay is."""

    def __init__(
        self,
        host: TransportHost,
        key: bytes,
        *,
        book: Book,
        circuits: Circuits,
        settings: RelaySettings,
        changed: Callable[[], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.relay = PeerId(key)
        self.health = Health(changed, now)
        self._host = host
        self._book = book
        self._circuits = circuits
        self._settings = settings
        self._now = now
        self._listeners: dict[str, Listener] = {}
        self._woken = anyio.Event()
        self._registered = False
        self._inbox = InboxCare(
            host, circuits.lane(self.relay, _INBOX), book.inbox_key.sealing_key, pool=settings.key_packages
        )

    def wake(self) -> None:
        """Look after everything now."""
        self._woken.set()

    async def check(self) -> None:
        """Go there now, and take down how it is."""
        began = anyio.current_time()
        try:
            await self._circuits.lane(self.relay, "check").about()
        except (RelayGone, RelayLies, Refused) as error:
            self._failed(error)
            return
        self.health.measured(round((anyio.current_time() - began) * 1000))
        self.health.well(_CARE)
        self.wake()

    async def register(self, permit: str | None) -> None:
        """See that it takes us: our inbox is there afterwards. Raises Refused, RelayGone, RelayLies."""
        await self._inbox.register(permit)
        self._registered = True
        self.health.well(_CARE)

    async def run(self) -> None:
        """Work until cancelled."""
        async with anyio.create_task_group() as tasks:
            failures = 0
            while True:
                self._woken = anyio.Event()
                try:
                    await self._see_to_it(tasks)
                except (RelayGone, RelayLies, Refused) as error:
                    failures += 1
                    self._failed(error)
                    pause = min(self._settings.poll_seconds, _FIRST_RETRY * 2.0 ** (failures - 1))
                else:
                    failures = 0
                    pause = self._settings.care_seconds
                with anyio.move_on_after(pause):
                    await self._woken.wait()

    # -- care

    async def _see_to_it(self, tasks: TaskGroup) -> None:
        row = self._row
        if row is None:
            return
        self._listen(tasks, row)
        if row.leaving_since is None and not self._registered:
            await self.register(row.permit)
        await self._create_queues(row)
        self._listen(tasks, row)
        if row.leaving_since is None:
            await self._inbox.stock(int(self._now()))
            await self._rotate(row)
        await self._delete_queues()
        self.health.well(_CARE)
        if row.leaving_since is not None and self._now() - row.leaving_since > _DRAIN:
            await self._inbox.remove()
            await self._book.drop_relay(row)
        await self._circuits.close_idle()

    async def _create_queues(self, row: RelayRow) -> None:
        for listener in self._listeners.values():
            for identifier in tuple(listener.lost):
                await self._lost(identifier, listener)
        for queue in self._book.queues(relay=row.key):
            if queue.created or queue.retired_at == 0:
                continue
            send, receive = queue.send.verifier, queue.receive.verifier
            create = Create(send_verifier=send, receive_verifier=receive, permit=row.permit)
            await self._lane_of(queue).ask(create, Created)
            # It may have been retired meanwhile.
            if (now := self._book.queue(queue.id)) is not None:
                await self._book.put_queue(replace(now, created=True))
            if (listener := self._listeners.get(self._circuit_of(queue))) is not None:
                listener.resume(queue.id)

    async def _lost(self, identifier: bytes, listener: Listener) -> None:
        """See to a queue that the relay says it does not have: made anew, and, as that is suspicious, replaced."""
        listener.lost.discard(identifier)
        queue = self._book.queue(identifier)
        if queue is None:
            self._registered = False  # it is the inbox
            listener.resume(identifier)
            return
        await self._book.put_queue(replace(queue, created=False, retired_at=queue.retired_at or int(self._now())))
        if queue.retired_at is None:
            self._host.routes_changed(PeerId(queue.peer))

    async def _rotate(self, row: RelayRow) -> None:
        now = int(self._now())
        for queue in self._book.queues(relay=row.key):
            if queue.retired_at is None and now - queue.made_at > self._settings.rotate_days * 24 * 3600:
                await self._book.put_queue(replace(queue, retired_at=now))
                self._host.routes_changed(PeerId(queue.peer))

    async def _delete_queues(self) -> None:
        for queue in self._book.queues(relay=self.relay.octets):
            if queue.retired_at is None or self._now() - queue.retired_at < _DRAIN:
                continue
            if queue.created:
                try:
                    await self._lane_of(queue).ask(Delete(queue=queue.id, authority=queue.holder), Done)
                except Refused as refused:
                    if refused.code is not Code.DENIED:
                        raise
            await self._book.drop_queue(queue)

    # -- listening

    def _listen(self, tasks: TaskGroup, row: RelayRow) -> None:
        """Have each circuit listen to the queues that are its own."""
        sources: dict[str, list[Source]] = {}
        if self._registered:
            sources[_INBOX] = [Inbox(self._host, self.relay, self._book.inbox_key)]
        for queue in self._book.queues(relay=row.key):
            if queue.created and queue.retired_at != 0:
                sources.setdefault(self._circuit_of(queue), []).append(Queue(queue))
        for circuit in sources.keys() - self._listeners.keys():
            self._listeners[circuit] = listener = self._make_listener(circuit)
            tasks.start_soon(listener.run)
        for circuit, listener in self._listeners.items():
            listener.listen_to(sources.get(circuit, []))

    def _make_listener(self, circuit: str) -> Listener:
        return Listener(
            self._host,
            self.relay,
            self._circuits.lane(self.relay, circuit),
            isolation=circuit,
            settings=listening.Settings(silence=self._settings.silence_timeout, poll=self._settings.poll_seconds),
            health=self.health,
            on_lost=self.wake,
        )

    def _circuit_of(self, queue: QueueRow) -> str:
        return f"queue/{self._circuits.slot(PeerId(queue.peer))}"

    def _lane_of(self, queue: QueueRow) -> Lane:
        return self._circuits.lane(self.relay, self._circuit_of(queue))

    @property
    def _row(self) -> RelayRow | None:
        return next((row for row in self._book.relays if row.key == self.relay.octets), None)

    def _failed(self, error: Exception) -> None:
        match error:
            case Refused():
                self.health.refused(_CARE, error.code)
            case RelayLies():
                self.health.lies(_CARE, str(error))
            case _:
                self.health.gone(_CARE, str(error))
