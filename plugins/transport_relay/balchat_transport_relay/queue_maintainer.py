"""Our queues at one relay: created, replaced by others, and deleted when they have drained."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

import anyio
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import Created, Done
from balchat_relay_proto.requests import Create, Delete

from balchat_host.api.transport import TransportContext
from balchat_host.api.types import OnionKey, PeerId
from balchat_transport_relay.circuits import Circuits
from balchat_transport_relay.client import RelayClient
from balchat_transport_relay.errors import RelayMisbehaved
from balchat_transport_relay.relay_state import RelayState
from balchat_transport_relay.rows import QueueRow, RelayRow

_DAY: Final = 24 * 3600
DRAIN: Final = 14 * _DAY
"""Seconds for which we still read a retired queue. A contact may not know the new one yet."""
_SUSPECT: Final = _DAY
"""Seconds. A queue that the relay has lost is replaced only if it is older than that."""


class QueueMaintainer:
    """The queues at one relay. `client` returns the client for a circuit. `now` returns Unix seconds.

    What talks to the relay raises Refused, RelayUnavailable and RelayMisbehaved.
    """

    def __init__(
        self,
        context: TransportContext,
        relay: OnionKey,
        state: RelayState,
        circuits: Circuits,
        client: Callable[[str], RelayClient],
        *,
        rotate_days: int,
        now: Callable[[], float],
    ) -> None:
        self._context = context
        self._relay = relay
        self._relay_state = state
        self._circuits = circuits
        self._client = client
        self._rotate_days = rotate_days
        self._now = now

    def circuit_of(self, queue: QueueRow) -> str:
        """Return the circuit of a queue: the one for all queues of its contact."""
        return f"queue/{self._circuits.assign(PeerId(queue.peer))}"

    async def create_missing(self, permit: str | None) -> None:
        """Create the queues that do not exist yet: one after the other on each circuit, all circuits at once."""
        absent: defaultdict[str, list[QueueRow]] = defaultdict(list)
        for queue in self._relay_state.queues(relay=self._relay.octets):
            if not queue.created and queue.retired_at is None:
                absent[self.circuit_of(queue)].append(queue)
        failures: list[Exception] = []
        async with anyio.create_task_group() as tasks:
            for queues in absent.values():
                tasks.start_soon(self._create_each, queues, permit, failures)
        if failures:
            raise failures[0]

    async def recreate(self, queue: QueueRow, permit: str | None) -> None:
        """Create a queue again that the relay has lost, and replace it, since that is suspicious."""
        await self._relay_state.set_created(queue.id, created=False)
        if queue.retired_at is None and self._now() - queue.made_at > _SUSPECT:
            await self._replace(queue)
        await self._create(queue, permit)

    async def replace_old(self) -> None:
        """Replace the queues that are old enough."""
        for queue in self._relay_state.queues(relay=self._relay.octets):
            if queue.retired_at is None and self._now() - queue.made_at > self._rotate_days * _DAY:
                await self._replace(queue)

    async def delete_drained(self) -> None:
        """Delete the queues that have drained, and those of people who are forgotten."""
        for queue in self._relay_state.queues(relay=self._relay.octets):
            if queue.retired_at is None or self._now() - queue.retired_at < DRAIN:
                continue
            if queue.created:
                try:
                    await self._client(self.circuit_of(queue)).ask(Delete(queue=queue.id, authority=queue.holder), Done)
                except Refused as refused:
                    if refused.code is not Code.DENIED:  # else it is deleted already
                        raise
            await self._relay_state.forget_queue(queue)
            self._release(queue)

    async def forget(self, row: RelayRow) -> None:
        """Forget the relay and all queues there, whether they are deleted or not."""
        queues = self._relay_state.queues(relay=row.key)
        await self._relay_state.forget_relay(row)
        for queue in queues:
            self._release(queue)

    async def _create_each(self, queues: Sequence[QueueRow], permit: str | None, failures: list[Exception]) -> None:
        try:
            for queue in queues:
                await self._create(queue, permit)
        except Exception as error:  # noqa: BLE001  # raised when the other circuits are done
            failures.append(error)

    async def _create(self, queue: QueueRow, permit: str | None) -> None:
        send, receive = queue.send.verifier, queue.receive.verifier
        create = Create(send_verifier=send, receive_verifier=receive, permit=permit)
        created = await self._client(self.circuit_of(queue)).ask(create, Created)
        if created.queue != queue.id:
            raise RelayMisbehaved("it creates another queue than we asked for")
        await self._relay_state.set_created(queue.id, created=True)

    async def _replace(self, queue: QueueRow) -> None:
        """Have a contact use another queue from now on. This one drains."""
        await self._relay_state.retire(queue.id)
        self._context.routes_changed(PeerId(queue.peer))

    def _release(self, queue: QueueRow) -> None:
        """Release the circuits of somebody who is forgotten, once their last queue is deleted."""
        peer = PeerId(queue.peer)
        if queue.retired_at == 0 and not self._relay_state.queues(peer=peer):
            self._circuits.release(peer)
