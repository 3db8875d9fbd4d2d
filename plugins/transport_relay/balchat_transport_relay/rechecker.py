"""Fetches from queues that are pushed, now and then, to notice a relay that keeps envelopes back."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import uniform

import anyio
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.errors import Refused

from balchat_host.api.failures import contain
from balchat_transport_relay.client import RelayClient
from balchat_transport_relay.errors import RelayMisbehaved, RelayUnavailable
from balchat_transport_relay.fetching import fetch_all
from balchat_transport_relay.health import Health
from balchat_transport_relay.sources import Source
from balchat_transport_relay.subscription import PushProgress
from balchat_transport_relay.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What was in a queue at a moment, and what had been pushed. `unpushed` maps ids to sequences."""

    source: Source
    progress: PushProgress | None
    unpushed: Mapping[bytes, int] = field(default_factory=dict[bytes, int])

    def kept_back(self, after: "_Look") -> bool:
        """Return whether an envelope that was there has still not been pushed.

        Pushes come in order. So an envelope will never come if it was there while nothing came, or while a newer one
        came.
        """
        if self.progress is None or after.progress is None or self.progress.serial != after.progress.serial:
            return False
        nothing_came = self.progress.count == after.progress.count
        newest = after.progress.newest
        return any(
            nothing_came or after.unpushed[each] < newest for each in self.unpushed.keys() & after.unpushed.keys()
        )


class Rechecker:
    """Rechecks the queues of one circuit. Times are in seconds.

    `every`: at most so long between two looks, and `again` where the last one found something. `grace`: as long as it
    takes to notice that the push connection is dead.
    """

    def __init__(
        self,
        subscriptions: Subscriptions,
        client: RelayClient,
        *,
        health: Health,
        every: float,
        again: float,
        grace: float,
    ) -> None:
        self._subscriptions = subscriptions
        self._client = client
        self._health = health
        self._every = every
        self._again = again
        self._grace = grace

    async def run(self) -> None:
        """Work until cancelled."""
        pause = self._every
        while True:
            # Not all circuits at the same moment, or the relay could tell that they belong to one person.
            await anyio.sleep(pause * uniform(0.5, 1.0))  # noqa: S311  # guessing it gains nothing
            pause = self._every
            try:
                if await self._recheck():
                    pause = self._again
            except RelayMisbehaved as misbehaved:
                self._health.misbehaved(str(misbehaved))
            except RelayUnavailable:
                continue  # the push connection will notice
            except BaseException as error:  # noqa: BLE001  # the next look may succeed
                contain("looking for what was not pushed", error)

    async def _recheck(self) -> bool:
        """Look for what the relay should have pushed and did not. Fetch it, and return whether there was any.

        Raise RelayMisbehaved, RelayUnavailable.
        """
        looks = [await self._look(source) for source in self._subscriptions.pushed]
        suspects = [look for look in looks if look.unpushed]
        if not suspects:
            return False
        await anyio.sleep(self._grace)
        found = False
        for before in suspects:
            if before.kept_back(await self._look(before.source)):
                found = True
                self._health.misbehaved("it keeps back what it should push")
                with suppress(Refused):
                    await fetch_all(before.source, self._client, self._subscriptions)
        return found

    async def _look(self, source: Source) -> _Look:
        """Look at the oldest envelopes in a queue, and at what was pushed of them.

        One page is enough: the session reads at least as much ahead, so what waits there is noted as pushed.
        """
        there: dict[bytes, int] = {}
        began, more = anyio.current_time(), True
        with suppress(Refused):  # the subscription will end with the same reason
            page = await source.fetch(self._client, 0)
            there = {envelope_id(stored.envelope): stored.sequence for stored in page.stored}
            more = page.more
        progress = self._subscriptions.progress(source.id, there.keys())
        if progress is None:
            return _Look(source=source, progress=None)
        if not more and not progress.missing:
            self._subscriptions.read_to_end(source.id, began)
        return _Look(source=source, progress=progress, unpushed={each: there[each] for each in progress.missing})
