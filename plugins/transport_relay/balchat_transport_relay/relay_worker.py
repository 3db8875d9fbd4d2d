"""Looks after one relay of ours while the account is up.

It works in rounds of duties, each of which may fail without the others: register the inbox and stock it with cards,
create, replace and delete queues. Where the relay is unavailable the round ends, and another one begins later. From
`RelayState` the worker decides which queues each circuit listens to; what is known about them is in `Subscriptions`.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from anyio.abc import TaskGroup
from balchat_relay_proto.errors import Code, Refused

from balchat_host.api.backoff import Backoff
from balchat_host.api.bell import Bell
from balchat_host.api.errors import StorageFailed, StorageFull
from balchat_host.api.failures import contain
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import OnionKey
from balchat_transport_relay.circuits import Circuits
from balchat_transport_relay.client import RelayClient
from balchat_transport_relay.errors import InternalFailure, RelayMisbehaved, RelayUnavailable
from balchat_transport_relay.health import Health
from balchat_transport_relay.inbox_maintainer import InboxMaintainer
from balchat_transport_relay.listener import Listener, Pace
from balchat_transport_relay.queue_maintainer import DRAIN, QueueMaintainer
from balchat_transport_relay.reassembly import Reassembly
from balchat_transport_relay.relay_state import RelayState
from balchat_transport_relay.rows import RelayRow
from balchat_transport_relay.settings import RelaySettings
from balchat_transport_relay.sources import Inbox, Queue, Source
from balchat_transport_relay.subscriptions import Subscriptions

GIVE_UP: Final = 7 * 24 * 3600
"""Seconds after DRAIN for which we try to delete what we have at a relay that we left."""
_INBOX: Final = "inbox"
_ROUND: Final = "round"
_FIRST_RETRY: Final = 2.0
_FAILURES: Final = (RelayUnavailable, RelayMisbehaved, Refused, StorageFull, StorageFailed)


class RelayWorker:
    """One relay. `wake` begins a round now. `health` has its state."""

    def __init__(
        self,
        context: TransportContext,
        key: bytes,
        *,
        state: RelayState,
        circuits: Circuits,
        reassembly: Reassembly,
        settings: RelaySettings,
        changed: Callable[[], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.relay = OnionKey(key)
        self.health = Health(changed, now)
        self._context = context
        self._relay_state = state
        self._circuits = circuits
        self._reassembly = reassembly
        self._settings = settings
        self._now = now
        self._subscriptions: dict[str, Subscriptions] = {}
        """By circuit."""
        self._woken = Bell()
        self._inbox_closed = False
        self._queues = QueueMaintainer(
            context, self.relay, state, circuits, self._client, rotate_days=settings.rotate_days, now=now
        )
        self._inbox = InboxMaintainer(
            context, self._client(_INBOX), state.inbox_key.sealing_key, pool=settings.key_packages
        )
        self.health.expect(_ROUND)

    @property
    def read_until(self) -> float:
        """The loop's time up to which our contacts' queues here have been read to the end; infinite without any."""
        return min((each.read_until for each in self._subscriptions.values()), default=float("inf"))

    def wake(self) -> None:
        """Begin a round now."""
        self._woken.ring()

    async def check(self) -> None:
        """Ask the relay who it is, and note in `health` how that went."""
        began = anyio.current_time()
        try:
            await self._circuits.client(self.relay, "check", ours=True).about()
        except (RelayUnavailable, RelayMisbehaved, Refused) as error:
            self.health.problem("check", error)
            return
        self.health.measured(round((anyio.current_time() - began) * 1000))
        self.health.well("check")
        self.wake()

    async def register(self, permit: str | None) -> None:
        """Create our inbox there, unless it exists. Raise Refused, RelayUnavailable, RelayMisbehaved."""
        await self._inbox.register(permit)

    async def run(self) -> None:
        """Run until cancelled, or until we have left the relay for good."""
        self._subscriptions = {}
        async with anyio.create_task_group() as tasks:
            failures = 0
            backoff = Backoff(first=_FIRST_RETRY, longest=self._settings.poll_seconds)
            while True:
                woken = self._woken.next_ring()
                failures = 0 if await self._round(tasks) else failures + 1
                with anyio.move_on_after(backoff.delay(failures) if failures else self._settings.care_seconds):
                    await woken.wait()

    # -- duties

    async def _round(self, tasks: TaskGroup) -> bool:
        """Do the duties; return whether all of them succeeded."""
        row = self._relay_state.relay(self.relay.octets)
        if row is None:
            return True  # it is being added
        self._listen(tasks, row)
        duties: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("lost", lambda: self._see_to_lost(row)),
            ("create", lambda: self._queues.create_missing(row.permit)),
            ("delete", self._queues.delete_drained),
        ]
        if row.leaving_since is None:
            duties.insert(2, ("rotate", self._queues.replace_old))
            duties.append(("stock", lambda: self._stock(row)))
        done = True
        for name, duty in duties:
            try:
                await duty()
            except BaseException as error:  # noqa: BLE001  # the other duties go on
                if isinstance(error, _FAILURES):
                    self.health.problem(name, error)
                else:
                    contain("looking after a relay", error)
                    self.health.problem(name, InternalFailure())
                done = False
                if isinstance(error, RelayUnavailable):
                    break
            else:
                self.health.well(name)
            self._listen(tasks, row)
        self.health.well(_ROUND)
        if row.leaving_since is not None:
            await self._leave(tasks, self._now() - row.leaving_since)
        return done

    async def _stock(self, row: RelayRow) -> None:
        if not self._context.accepts_requests:
            await self._close_inbox(row)
            return
        if self._inbox_closed:
            await self.register(row.permit)
            self._inbox_closed = False
        known = self._relay_state.cards_until(row)
        good_until = await self._inbox.stock(int(self._now()), known)
        if good_until != known:
            await self._relay_state.set_cards_until(row.key, good_until)

    async def _close_inbox(self, row: RelayRow) -> None:
        """Delete our inbox, with its cards: no stranger may ask for contact any more. What waits in it is given up."""
        if self._inbox_closed:
            return
        try:
            await self._inbox.remove()
        except Refused as refused:
            if refused.code is not Code.DENIED:  # there is none
                raise
        await self._relay_state.set_cards_until(row.key, 0)
        self._inbox_closed = True

    async def _see_to_lost(self, row: RelayRow) -> None:
        """Create again what the relay says it does not have.

        A relay that was restored from a backup has lost it honestly, and contacts may still put into it.
        """
        lost = [(subscriptions, each) for subscriptions in self._subscriptions.values() for each in subscriptions.lost]
        for subscriptions, identifier in lost:
            queue = self._relay_state.queue(identifier)
            if queue is not None:
                await self._queues.recreate(queue, row.permit)
            elif row.leaving_since is None and self._context.accepts_requests:
                await self.register(row.permit)
            subscriptions.recreated(identifier)

    async def _leave(self, tasks: TaskGroup, since: float) -> None:
        """Delete what we have at a relay that has had time to drain, and forget the relay."""
        if since < DRAIN:
            return
        try:
            await self._inbox.remove()
        except Refused as refused:
            if refused.code is not Code.DENIED and since < DRAIN + GIVE_UP:
                return
        except (RelayUnavailable, RelayMisbehaved):
            if since < DRAIN + GIVE_UP:
                return
        row = self._relay_state.relay(self.relay.octets)
        if row is not None and row.leaving_since is not None:
            await self._queues.forget(row)
            tasks.cancel_scope.cancel()

    # -- listening

    def _listen(self, tasks: TaskGroup, row: RelayRow) -> None:
        """Have each circuit listen to its queues."""
        sources: dict[str, list[Source]] = {}
        if self._context.accepts_requests:
            sources[_INBOX] = [Inbox(self._context, self.relay, self._relay_state.inbox_key)]
        for queue in self._relay_state.queues(relay=row.key):
            if (queue.created or queue.retired_at) and queue.retired_at != 0:
                sources.setdefault(self._queues.circuit_of(queue), []).append(Queue(queue))
        for circuit in sources.keys() - self._subscriptions.keys():
            self._subscriptions[circuit] = subscriptions = Subscriptions(
                self._context,
                self.relay,
                self._reassembly,
                health=self.health,
                poll=self._settings.poll_seconds,
                on_lost=self.wake,
            )
            tasks.start_soon(self._listener(circuit, subscriptions).run)
        for circuit, subscriptions in self._subscriptions.items():
            subscriptions.listen_to(sources.get(circuit, []))

    def _listener(self, circuit: str, subscriptions: Subscriptions) -> Listener:
        settings = self._settings
        return Listener(
            self._context,
            self.relay,
            subscriptions,
            self._client(circuit),
            isolation=circuit,
            pace=Pace(
                silence=settings.silence_timeout,
                patience=settings.request_timeout,
                poll=settings.poll_seconds,
                recheck=settings.recheck_seconds,
            ),
            health=self.health,
        )

    def _client(self, circuit: str) -> RelayClient:
        client = self._circuits.client(self.relay, circuit, ours=True)
        client.on_answer = self.health.measured
        return client
