"""Listens at one relay over one circuit: by push where that works, and by polling where it does not.

Four loops run side by side: one keeps a push connection open, one polls the queues that are not pushed, one fetches
what is to be offered to the host again, and a rechecker looks for what the relay should have pushed. What they know
about the queues is in `Subscriptions`.
"""

from dataclasses import dataclass
from typing import Final

import anyio
from balchat_relay_proto.address import PORT
from balchat_relay_proto.errors import Refused

from balchat_host.api.backoff import Backoff
from balchat_host.api.bell import Bell
from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.failures import contain, leaves
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import OnionKey
from balchat_transport_relay.client import RelayClient
from balchat_transport_relay.errors import InternalFailure, RelayMisbehaved, RelayUnavailable
from balchat_transport_relay.fetching import fetch_all
from balchat_transport_relay.health import Health
from balchat_transport_relay.push_session import PushSession
from balchat_transport_relay.queue_receiver import LONGEST
from balchat_transport_relay.rechecker import Rechecker
from balchat_transport_relay.subscriptions import Subscriptions
from balchat_transport_relay.websocket import PushConnection

_FIRST_RETRY: Final = 2.0
_LAST_RETRY: Final = 300.0
"""Seconds between attempts to connect."""
_STOOD: Final = 60.0
"""Seconds after which a connection that breaks was not a failed attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The settings that a listener needs, in seconds."""

    silence: float
    patience: float
    poll: float
    recheck: float


class Listener:
    """Listens to the queues of one circuit. `isolation` names the circuit, also in `health`."""

    def __init__(
        self,
        context: TransportContext,
        relay: OnionKey,
        subscriptions: Subscriptions,
        client: RelayClient,
        *,
        isolation: str,
        pace: Pace,
        health: Health,
    ) -> None:
        self._context = context
        self._relay = relay
        self._subscriptions = subscriptions
        self._client = client
        self._isolation = isolation
        self._pace = pace
        self._health = health
        self._push_failed = Bell()
        self._backoff = Backoff(first=_FIRST_RETRY, longest=min(_LAST_RETRY, pace.poll))
        self._rechecker = Rechecker(
            subscriptions,
            client,
            health=health,
            every=pace.recheck,
            again=pace.poll,
            grace=pace.silence + pace.patience,
        )

    async def run(self) -> None:
        """Work until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_pushing)
            tasks.start_soon(self._keep_polling)
            tasks.start_soon(self._keep_offering)
            tasks.start_soon(self._rechecker.run)

    # -- pushed

    async def _keep_pushing(self) -> None:
        failures = 0
        while True:
            changed = self._subscriptions.changed.next_ring()
            if not self._subscriptions.to_subscribe:
                with anyio.move_on_at(self._subscriptions.next_subscription):
                    await changed.wait()
                continue
            began = anyio.current_time()
            wait = 0.0
            try:
                await self._push()
            except Refused as refused:
                self._health.refused(self._isolation, refused.code)
                wait = min(float(refused.retry_after or 0), LONGEST)
            except (RelayUnavailable, RelayMisbehaved) as error:
                self._health.problem(self._isolation, error)
            except BaseException as error:  # noqa: BLE001  # it ends this connection only
                contain("a subscription", error)
                self._health.problem(self._isolation, InternalFailure())
            else:
                failures = 0
                continue
            failures = 1 if anyio.current_time() - began > _STOOD else failures + 1
            if failures > 1:
                self._push_failed.ring()
            await anyio.sleep(max(wait, self._backoff.delay(failures)))

    async def _push(self) -> None:
        stream = None
        try:
            with anyio.move_on_after(self._pace.patience):
                stream = await self._context.dial(self._relay, PORT, isolation=self._isolation)
        except (PeerUnreachable, NetworkUnavailable) as error:
            raise RelayUnavailable(f"it cannot be reached: {error.fields.get('problem')}") from error
        if stream is None:
            raise RelayUnavailable("it cannot be reached in time")
        connection = PushConnection(stream, name=self._relay.onion, silence=self._pace.silence)
        session = PushSession(connection, self._subscriptions, patience=self._pace.patience)
        try:
            await session.open()
            self._health.well(self._isolation)
            await session.run()
        except BaseExceptionGroup as group:
            # Our own failure says more than what the relay did, and that more than a broken stream.
            _, failure = group.split((RelayMisbehaved, RelayUnavailable))
            raise failure or min(leaves(group), key=lambda each: isinstance(each, RelayUnavailable)) from None
        finally:
            with anyio.CancelScope(shield=True):
                await connection.aclose()

    # -- polled

    async def _keep_polling(self) -> None:
        while True:
            with anyio.move_on_after(self._pace.poll):
                await self._push_failed.wait()
            await self._poll()
            await anyio.sleep(self._pace.poll)

    async def _poll(self) -> None:
        """Fetch from the queues that are not pushed."""
        for source in self._subscriptions.to_poll:
            try:
                await fetch_all(source, self._client, self._subscriptions)
            except Refused as refused:
                self._subscriptions.refused(source.id, refused.code, refused.retry_after)
                continue
            except RelayMisbehaved as error:
                self._health.misbehaved(str(error))
                return
            except RelayUnavailable as error:
                self._health.problem(self._isolation, error)
                return
            except BaseException as error:  # noqa: BLE001  # the other queues go on
                contain("fetching from a queue", error)
                self._health.problem(source.id, InternalFailure())
                continue
            self._subscriptions.answered(source.id)
            if not self._subscriptions.connected:
                self._health.polled(self._isolation)

    async def _keep_offering(self) -> None:
        """Fetch what stays at the relay when it is to be offered to the host again. Subscriptions go on meanwhile."""
        while True:
            changed = self._subscriptions.changed.next_ring()
            with anyio.move_on_at(self._subscriptions.next_offer):
                await changed.wait()
            for source in self._subscriptions.to_offer:
                self._subscriptions.begin_offer(source.id)
                try:
                    await fetch_all(source, self._client, self._subscriptions)
                except (Refused, RelayUnavailable):
                    pass
                except RelayMisbehaved as error:
                    self._health.misbehaved(str(error))
                except BaseException as error:  # noqa: BLE001  # the other queues go on
                    contain("fetching from a queue", error)
                else:
                    continue
                self._subscriptions.offer_in(source.id, self._pace.poll)
