"""Asks a relay that pushes for what is there all the same, now and then: it can say that it pushes, and keep back."""

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
from balchat_transport_relay.subscriptions import PushProgress, Subscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What lay in a queue at a moment, and what its subscription had pushed. `unpushed`: by id, the sequences."""

    source: Source
    progress: PushProgress | None
    unpushed: Mapping[bytes, int] = field(default_factory=dict[bytes, int])

    def kept_back(self, after: "_Look") -> bool:
        """Return whether something that was there has not been pushed, though the relay had time to.

        What is pushed comes in order. So something never comes that was there all the time while nothing came, or
        while something newer did.
        """
        if self.progress is None or after.progress is None or self.progress.serial != after.progress.serial:
            return False
        nothing_came = self.progress.count == after.progress.count
        newest = after.progress.newest
        return any(
            nothing_came or after.unpushed[each] < newest for each in self.unpushed.keys() & after.unpushed.keys()
        )


class Rechecker:
    """Looks after the queues of one circuit. Times are in seconds.

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
                contain("looking for what was not pushed", error)

    async def _recheck(self) -> bool:
        """Look for what the relay should have pushed and did not; say whether there is any, and fetch that.

        Raises RelayMisbehaved, RelayUnavailable.
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
        """Look at the oldest that lie in a queue, and at what was pushed of it.

        It is one page: no more than the session reads before it receives, so it has noted what waits for that.
        """
        there: dict[bytes, int] = {}
        with suppress(Refused):  # the subscription will hear of it
            page = await source.fetch(self._client, 0)
            there = {envelope_id(stored.envelope): stored.sequence for stored in page.stored}
        progress = self._subscriptions.progress(source.id, there.keys())
        if progress is None:
            return _Look(source=source, progress=None)
        return _Look(source=source, progress=progress, unpushed={each: there[each] for each in progress.missing})
