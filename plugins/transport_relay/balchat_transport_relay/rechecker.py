"""Asks a relay that pushes for what is there all the same, now and then: it can say that it pushes, and keep back."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import uniform

import anyio
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.errors import Refused

from balchat_transport_relay.client import RelayClient
from balchat_transport_relay.errors import RelayMisbehaved, RelayUnavailable, unforeseen
from balchat_transport_relay.health import Health
from balchat_transport_relay.sources import Source
from balchat_transport_relay.subscriptions import MAX_NOTED, Pushed, Subscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What lay in a queue at a moment: `unpushed` are the sequences, by id, of what its subscription had not pushed."""

    source: Source
    subscription: Pushed | None
    count: int = 0
    newest: int = 0
    unpushed: Mapping[bytes, int] = field(default_factory=dict[bytes, int])


class Rechecker:
    """Looks after the queues of one circuit; `fetch` gets all that is in one. Times are in seconds.

    `every`: at most so long between two looks, and `again` where the last one found something. `grace`: as long as it
    takes to notice that the push connection is dead.
    """

    def __init__(
        self,
        subscriptions: Subscriptions,
        client: RelayClient,
        *,
        health: Health,
        fetch: Callable[[Source], Awaitable[None]],
        every: float,
        again: float,
        grace: float,
    ) -> None:
        self._subscriptions = subscriptions
        self._client = client
        self._health = health
        self._fetch = fetch
        self._every = every
        self._again = again
        self._grace = grace

    async def run(self) -> None:
        """Work until cancelled."""
        pause = self._every
        while True:
            # Never all circuits at the same moment, or the relay could tell that they are one person's.
            await anyio.sleep(pause * uniform(0.5, 1.0))  # noqa: S311  # nothing that anybody could gain by guessing it
            pause = self._every
            try:
                if await self._recheck():
                    pause = self._again
            except RelayMisbehaved as misbehaved:
                self._health.misbehaved(str(misbehaved))
            except RelayUnavailable:
                continue  # if it is gone, the push connection finds out
            except BaseException as error:  # noqa: BLE001  # it is only a look
                unforeseen("looking for what was not pushed", error)

    async def _recheck(self) -> bool:
        """Look for what the relay should have pushed and did not; say whether there is any, and fetch that.

        What is pushed comes in order. So something never comes that was there all the time while nothing came, or
        while something newer did. Raises RelayMisbehaved, RelayUnavailable.
        """
        looks = [await self._look(source) for source in self._subscriptions.pushing()]
        suspects = [look for look in looks if look.unpushed]
        if not suspects:
            return False
        await anyio.sleep(self._grace)
        found = False
        for before in suspects:
            after = await self._look(before.source)
            if before.subscription is after.subscription and any(
                before.count == after.count or after.unpushed[each] < after.newest
                for each in before.unpushed.keys() & after.unpushed.keys()
            ):
                found = True
                self._health.misbehaved("it keeps back what it should push")
                with suppress(Refused):
                    await self._fetch(before.source)
        return found

    async def _look(self, source: Source) -> _Look:
        """Look at the oldest that lie in a queue, and at what was pushed of it.

        It is one page: no more than the session reads before it takes in, so it has noted what waits for that.
        """
        there: dict[bytes, int] = {}
        with suppress(Refused):  # the subscription will hear of it
            page = await source.fetch(self._client, 0)
            there = {envelope_id(stored.envelope): stored.sequence for stored in page.stored}
        pushed = self._subscriptions.pushed(source.id)
        if pushed is None or len(pushed.ids) >= MAX_NOTED:
            return _Look(source=source, subscription=pushed)
        return _Look(
            source=source,
            subscription=pushed,
            count=pushed.count,
            newest=pushed.newest,
            unpushed={each: sequence for each, sequence in there.items() if not pushed.knows(each)},
        )
