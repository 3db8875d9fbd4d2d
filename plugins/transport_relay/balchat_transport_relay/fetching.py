"""Fetches the contents of a queue page by page, and acknowledges what the vault has."""

from typing import Final

import anyio

from balchat_transport_relay.client import RelayClient
from balchat_transport_relay.errors import RelayMisbehaved
from balchat_transport_relay.sources import Source
from balchat_transport_relay.subscriptions import Subscriptions

_MAX_PAGES: Final = 1024


async def fetch_all(source: Source, client: RelayClient, subscriptions: Subscriptions) -> None:
    """Fetch all of a queue, unless it is paused meanwhile. Raise Refused, RelayUnavailable, RelayMisbehaved."""
    after, began = 0, anyio.current_time()
    for _ in range(_MAX_PAGES):
        page = await source.fetch(client, after)
        if page.stored:
            sequences = [stored.sequence for stored in page.stored]
            if sequences != sorted(set(sequences)) or sequences[0] <= after:
                raise RelayMisbehaved("its cursor does not move")
            after = sequences[-1]
            for ids in await subscriptions.receive(source.id, [stored.envelope for stored in page.stored]):
                await source.acknowledge(client, ids)
                subscriptions.deleted(source.id, ids)
        if subscriptions.paused(source.id):
            return
        if not page.more or not page.stored:
            subscriptions.read_to_end(source.id, began)
            return
