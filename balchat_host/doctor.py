"""What `balchat doctor` looks at: everything that an account needs, without starting it or opening its vault."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from balchat_host.api.errors import BalchatError
from balchat_host.api.frontend import AppConnection
from balchat_host.api.network import Network
from balchat_host.api.storage import Storage
from balchat_host.api.types import Check, Problem
from balchat_host.loader.profiles import ProfileDirectory

_BUILT: Final = 1_790_000_000
"""Unix seconds before which no clock can be right: this was written later."""


async def examine_profile(
    place: ProfileDirectory,
    *,
    storage: Callable[[], Storage],
    network: Callable[[], Network],
    connect: Callable[[], Awaitable[AppConnection | None]],
) -> list[Check]:
    """Look at everything. What cannot even be looked at is a finding too."""
    checks = [_clock()]

    async def vault() -> Sequence[Check]:
        return storage().checks(place.directory)

    async def net() -> Sequence[Check]:
        return await network().checks()

    async def socket() -> Sequence[Check]:
        running = await connect()
        return [Check(name="socket", finding="balchat is running" if running else "balchat is not running")]

    for name, look in (("vault", vault), ("network", net), ("socket", socket)):
        try:
            checks += await look()
        except BalchatError as error:
            problem = Problem(what=str(error), remedy="do what it says, then look again")
            checks.append(Check(name=name, finding="cannot be looked at", problem=problem))
    return checks


def _clock() -> Check:
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    if now < _BUILT:
        remedy = "set the clock; Tor and key lifetimes need one that is right to the hour"
        return Check(name="clock", finding=shown, problem=Problem(what="the clock is years behind", remedy=remedy))
    return Check(name="clock", finding=shown)
