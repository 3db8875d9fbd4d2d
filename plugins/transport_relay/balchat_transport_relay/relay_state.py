"""What outlives the process: our relays, our queues there, and where we claimed KeyPackages.

These are rows in the plugin's area of the vault. They are read once, at the start. A change is written to the vault
first, and then made in memory. Only `RelayState` changes them, one change at a time: two tasks may change the same row.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

import anyio
from balchat_relay_proto.address import RelayAddress
from balchat_relay_proto.capabilities import Capability, inbox_id
from balchat_relay_proto.sealing import OpeningKey, SealingKey

from balchat_host.api.bell import Bell
from balchat_host.api.storage import KeyValueArea
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import PeerId
from balchat_transport_relay.address import Destination, QueueAddress
from balchat_transport_relay.rows import ClaimRow, InboxRow, QueueRow, RelayRow

_RELAY: Final = b"relay/"
_QUEUE: Final = b"queue/"
_CLAIM: Final = b"claim/"
_INBOX: Final = b"inbox"
_RESTORED: Final = b"restored"
"""When the account was last restored from a backup, as far as we know."""
_OUT_OF_DATE: Final = 1
_CLOCK_TOLERANCE: Final = 3600
"""Seconds before its creation from which a KeyPackage is valid (docs/spec/mls.md, Time)."""
MAX_CLAIMS: Final = 1024


class RelayState:
    """The rows. Call `open` first. Methods that change something return once the change is durable."""

    def __init__(self, context: TransportContext, now: Callable[[], float]) -> None:
        self._context = context
        self._now = now
        self._relays: dict[bytes, RelayRow] = {}
        self._queues: dict[bytes, QueueRow] = {}
        self._claims: dict[bytes, ClaimRow] = {}
        self._changing = anyio.Lock()
        self._written = Bell()
        self.inbox_key: OpeningKey

    async def open(self) -> None:
        """Read everything. Make the inbox's key where there is none.

        After a restore from a backup, the cards at our relays belong to keys that are gone. They count as expired, so
        that they are replaced.
        """
        restored = (await self._context.restored_at() or 0).to_bytes(8)

        def read(area: KeyValueArea) -> bytes:
            if restored != (area.get(_RESTORED) or bytes(8)):
                for key, row in list(area.scan(_RELAY)):
                    area.put(key, replace(RelayRow.from_octets(row), cards_until=_OUT_OF_DATE).to_octets())
                area.put(_RESTORED, restored)
            self._relays = {key[len(_RELAY) :]: RelayRow.from_octets(row) for key, row in area.scan(_RELAY)}
            self._queues = {key[len(_QUEUE) :]: QueueRow.from_octets(row) for key, row in area.scan(_QUEUE)}
            self._claims = {key[len(_CLAIM) :]: ClaimRow.from_octets(row) for key, row in area.scan(_CLAIM)}
            row = area.get(_INBOX)
            if row is None:
                row = InboxRow(key=OpeningKey.generate().octets).to_octets()
                area.put(_INBOX, row)
            return row

        self.inbox_key = OpeningKey(InboxRow.from_octets(await self._context.change(read)).key)

    # -- relays

    @property
    def relays(self) -> list[RelayRow]:
        """The relays that we use, the default first, and then those that we are leaving."""
        return sorted(self._relays.values(), key=lambda row: (row.leaving_since is not None, row.position))

    @property
    def used(self) -> list[RelayRow]:
        """The relays that we use, the default first."""
        return [row for row in self.relays if row.leaving_since is None]

    def relay(self, key: bytes) -> RelayRow | None:
        """Return a relay, also one that we are leaving."""
        return self._relays.get(key)

    async def use_relay(self, address: RelayAddress, *, first: bool = False) -> RelayRow:
        """Use a relay from now on, as the last one or as the `first`. One that we use already keeps its place."""
        async with self._changing:
            others = [row for row in self.used if row.key != address.relay_key]
            known = self._relays.get(address.relay_key)
            if first:
                # Only the order of positions matters.
                rows = [replace(row, position=number) for number, row in enumerate(others, start=1)]
                position = 0
            else:
                rows = []
                stays = known is not None and known.leaving_since is None
                position = known.position if known and stays else 1 + max((row.position for row in others), default=0)
            row = RelayRow(
                key=address.relay_key,
                permit=address.permit,
                position=position,
                cards_until=known.cards_until if known else 0,
                cards_at=known.cards_at if known else 0,
            )
            await self._put([row, *rows], [])
            return row

    async def leave_relay(self, row: RelayRow) -> None:
        """Stop using a relay. Its queues drain."""
        now = int(self._now())
        async with self._changing:
            queues = [replace(each, retired_at=now) for each in self.queues(relay=row.key) if each.retired_at is None]
            await self._put([replace(self._relays.get(row.key, row), leaving_since=now)], queues)

    def cards_until(self, row: RelayRow) -> int:
        """Return when the first of our cards at a relay expires, in Unix seconds; 0 where there is none.

        Those that were made by a clock that was ahead are good for nothing yet: they count as out of date.
        """
        return _OUT_OF_DATE if row.cards_at > self._now() + _CLOCK_TOLERANCE else row.cards_until

    async def set_cards_until(self, key: bytes, until: int) -> None:
        """Note when the first of our cards at a relay expires."""
        async with self._changing:
            if (row := self._relays.get(key)) is not None:
                await self._put([replace(row, cards_until=until, cards_at=int(self._now()))], [])

    async def forget_relay(self, row: RelayRow) -> None:
        """Forget a relay and all our queues there."""
        async with self._changing:
            queues = [queue.id for queue in self.queues(relay=row.key)]

            def delete(area: KeyValueArea) -> None:
                area.delete(_RELAY + row.key)
                for queue in queues:
                    area.delete(_QUEUE + queue)

            await self._context.change(delete)
            self._relays.pop(row.key, None)
            for queue in queues:
                self._queues.pop(queue, None)

    # -- queues

    def queues(self, *, relay: bytes | None = None, peer: PeerId | None = None) -> list[QueueRow]:
        """Return the queues at a relay, or for a contact, or all of them."""
        return [
            row
            for row in self._queues.values()
            if (relay is None or row.relay == relay) and (peer is None or row.peer == peer.octets)
        ]

    def queue(self, queue: bytes) -> QueueRow | None:
        """Return a queue by its id."""
        return self._queues.get(queue)

    async def allocate_queues(self, peer: PeerId) -> list[QueueRow]:
        """Return the queues for a contact to use, one at each relay that we use. Make those that are missing."""
        async with self._changing:
            present = {row.relay: row for row in self.queues(peer=peer) if row.retired_at is None}
            wanted = [relay.key for relay in self.used]
            made = [_new_queue(relay, peer, int(self._now())) for relay in wanted if relay not in present]
            if made:
                await self._put([], made)
                present |= {row.relay: row for row in made}
            return [present[relay] for relay in wanted]

    async def wait_until_created(self, queues: Iterable[QueueRow]) -> None:
        """Wait until these exist at their relays."""
        waiting = {row.id for row in queues}
        while any(not row.created for row in self._queues.values() if row.id in waiting):
            await self._written.wait()

    async def set_created(self, queue: bytes, *, created: bool) -> None:
        """Note whether a queue exists at its relay."""
        await self._change(queue, lambda row: replace(row, created=created))

    async def retire(self, queue: bytes) -> None:
        """Only drain a queue from now on."""
        now = int(self._now())
        await self._change(queue, lambda row: row if row.retired_at is not None else replace(row, retired_at=now))

    async def _change(self, queue: bytes, change: Callable[[QueueRow], QueueRow]) -> None:
        async with self._changing:
            if (row := self._queues.get(queue)) is not None:
                await self._put([], [change(row)])

    async def forget_queue(self, row: QueueRow) -> None:
        """Forget a queue."""
        async with self._changing:
            await self._context.change(lambda area: area.delete(_QUEUE + row.id))
            self._queues.pop(row.id, None)
            self._written.ring()

    @property
    def peers(self) -> set[PeerId]:
        """Everybody of whom we keep something that is not about to be deleted."""
        queues = {PeerId(row.peer) for row in self._queues.values() if row.retired_at != 0}
        return queues | {PeerId(peer) for peer in self._claims}

    async def forget(self, peer: PeerId) -> None:
        """Mark the queues of a contact to be deleted as soon as their relays can be reached, and forget the rest."""
        async with self._changing:
            queues = [replace(row, retired_at=0) for row in self.queues(peer=peer)]
            await self._put([], queues, forget=_CLAIM + peer.octets)
            self._claims.pop(peer.octets, None)

    async def _put(self, relays: Sequence[RelayRow], queues: Sequence[QueueRow], *, forget: bytes = b"") -> None:
        """Write rows, all of them or none."""

        def put(area: KeyValueArea) -> None:
            for relay in relays:
                area.put(_RELAY + relay.key, relay.to_octets())
            for queue in queues:
                area.put(_QUEUE + queue.id, queue.to_octets())
            if forget:
                area.delete(forget)

        await self._context.change(put)
        self._relays.update({row.key: row for row in relays})
        self._queues.update({row.id: row for row in queues})
        self._written.ring()

    # -- claims

    def claimed_inbox(self, peer: PeerId) -> Destination | None:
        """Return the inbox of somebody whose KeyPackage we claimed."""
        row = self._claims.get(peer.octets)
        if row is None:
            return None
        address = QueueAddress(relay_key=row.relay, queue=inbox_id(peer.octets), send=None)
        return Destination(address=address, sealing_key=SealingKey(row.sealing_key))

    async def add_claim(self, peer: PeerId, row: ClaimRow) -> None:
        """Remember where we claimed a KeyPackage. Beyond MAX_CLAIMS, the oldest is forgotten."""
        async with self._changing:
            others = [each for each in self._claims if each != peer.octets]
            too_many = others[: max(0, len(others) - MAX_CLAIMS + 1)]

            def put(area: KeyValueArea) -> None:
                area.put(_CLAIM + peer.octets, row.to_octets())
                for each in too_many:
                    area.delete(_CLAIM + each)

            await self._context.change(put)
            self._claims[peer.octets] = row
            for each in too_many:
                self._claims.pop(each, None)


def _new_queue(relay: bytes, peer: PeerId, now: int) -> QueueRow:
    return QueueRow(
        relay=relay,
        peer=peer.octets,
        send=Capability.generate(),
        receive=Capability.generate(),
        key=OpeningKey.generate().octets,
        made_at=now,
    )
