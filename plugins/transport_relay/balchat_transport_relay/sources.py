"""What we listen to at a relay: conversations' queues, and our inbox.

What each accepts differs, since anybody may put into an inbox (docs/spec/relay.md, "Receiving"):

- `anybody`: anybody may put into it, so what the host ignores is deleted. Elsewhere it stays, as the host may want it
  later.
- `max_parts`: an envelope in more parts is deleted. A contact request needs one.
- `may_stay`, `octets_may_stay`: how much may stay there for its sender only. Beyond that, the oldest is given up.
"""

from typing import Final

from balchat_relay_proto.capabilities import inbox_id
from balchat_relay_proto.proofs import Purpose
from balchat_relay_proto.replies import Done, Fetched
from balchat_relay_proto.requests import Acknowledge, Authority, Fetch
from balchat_relay_proto.sealing import OpeningKey

from balchat_host.api.transport import TransportContext
from balchat_host.api.types import OnionKey
from balchat_transport_relay.client import RelayClient, sign
from balchat_transport_relay.reassembly import MAX_PARTS
from balchat_transport_relay.rows import QueueRow


class Inbox:
    """Our inbox."""

    anybody: Final = True
    max_parts: Final = 1
    may_stay: Final = 16
    octets_may_stay: Final = 1024 * 1024

    def __init__(self, context: TransportContext, relay: OnionKey, key: OpeningKey) -> None:
        self._context = context
        self._relay = relay
        self.id = inbox_id(context.identity.octets)
        self.key = key

    async def authority(self, challenge: bytes) -> Authority:
        """Return the proof that it is ours, for one connection."""
        return await sign(self._context, self._relay, challenge, Purpose.SUBSCRIBE)

    async def fetch(self, client: RelayClient, after: int) -> Fetched:
        """Fetch one page."""
        return await client.ask_as_owner(
            Purpose.FETCH, lambda owner: Fetch(queue=self.id, authority=owner, after=after), Fetched
        )

    async def acknowledge(self, client: RelayClient, ids: tuple[bytes, ...]) -> None:
        """Delete envelopes."""
        await client.ask_as_owner(
            Purpose.ACKNOWLEDGE, lambda owner: Acknowledge(queue=self.id, authority=owner, envelope_ids=ids), Done
        )


class Queue:
    """A conversation's queue."""

    anybody: Final = False
    max_parts: Final = MAX_PARTS
    may_stay: Final = 256
    octets_may_stay: Final = 16 * 1024 * 1024

    def __init__(self, row: QueueRow) -> None:
        self._holder = row.holder
        self.id = row.id
        self.key = OpeningKey(row.key)

    async def authority(self, challenge: bytes) -> Authority:
        """Return the proof that it is ours."""
        del challenge
        return self._holder

    async def fetch(self, client: RelayClient, after: int) -> Fetched:
        """Fetch one page."""
        return await client.ask(Fetch(queue=self.id, authority=self._holder, after=after), Fetched)

    async def acknowledge(self, client: RelayClient, ids: tuple[bytes, ...]) -> None:
        """Delete envelopes."""
        await client.ask(Acknowledge(queue=self.id, authority=self._holder, envelope_ids=ids), Done)


Source = Inbox | Queue
