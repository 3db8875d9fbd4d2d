"""What `balchat doctor` looks at: everything that an account needs, without starting it or opening its vault."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from balchat_host.api.errors import BalchatError
from balchat_host.api.frontend import AppConnection
from balchat_host.api.types import Check, Problem

Look = Callable[[], Awaitable[Sequence[Check]]]
"""Looks at one thing. Raises BalchatError where it cannot."""

_BUILT: Final = 1_790_000_000
"""Unix seconds before which no clock can be right: this was written later."""


async def examine_profile(
    *,
    plugins: Look,
    vault: Look,
    network: Look,
    connect: Callable[[], Awaitable[AppConnection | None]],
) -> list[Check]:
    """Look at everything. What cannot even be looked at is a finding too."""
    checks = [_clock()]

    async def socket() -> Sequence[Check]:
        running = await connect()
        return [Check(name="socket", finding="balchat is running" if running else "balchat is not running")]

    for name, look in (("plugins", plugins), ("vault", vault), ("network", network), ("socket", socket)):
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
