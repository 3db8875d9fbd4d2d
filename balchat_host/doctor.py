"""What `balchat doctor` looks at: everything that an account needs, without starting it or opening its vault."""

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from anyio import to_thread

from balchat_host.api.errors import BalchatError, RunningElsewhere, RunningUnreachable
from balchat_host.api.frontend import AppConnection
from balchat_host.api.types import Check, Problem
from balchat_host.loader.running import find_holder, left_over

Look = Callable[[], Awaitable[Sequence[Check]]]
"""Looks at one thing. Raises BalchatError where it cannot."""

_BUILT: Final = 1_790_000_000
"""Unix seconds before which no clock can be right: this was written later."""


async def examine_profile(
    directory: Path,
    *,
    plugins: Look,
    vault: Look,
    network: Look,
    room: Look,
    connect: Callable[[], Awaitable[AppConnection | None]],
) -> list[Check]:
    """Look at everything. What cannot even be looked at is a finding too."""
    checks = [_clock()]

    async def socket() -> Sequence[Check]:
        try:
            running = await connect() is not None
        except (RunningUnreachable, RunningElsewhere) as error:
            finding = "balchat is running, and cannot be reached"
            problem = Problem(what=str(error), remedy="end it from where it was started, or with `balchat down`")
            return [Check(name="socket", finding=finding, problem=problem)]
        return [Check(name="socket", finding=await to_thread.run_sync(_who_runs, directory, running))]

    for name, look in (
        ("plugins", plugins),
        ("vault", vault),
        ("room", room),
        ("network", network),
        ("socket", socket),
    ):
        try:
            checks += await look()
        except BalchatError as error:
            problem = Problem(what=str(error), remedy="do what it says, then look again")
            checks.append(Check(name=name, finding="cannot be looked at", problem=problem))
    return checks


def _who_runs(directory: Path, running: bool) -> str:  # noqa: FBT001  # private
    process = find_holder(directory)
    if process is not None:
        return f"balchat is running: process {process.process_id}, its socket in {process.runtime_directory}"
    if running:
        return "balchat is running, and has not said so in the profile yet"
    if left_over(directory):
        return "balchat is not running; the last time it did not end by itself (a kill, or the machine went down)"
    return "balchat is not running"


def _clock() -> Check:
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    if now < _BUILT:
        remedy = "set the clock; Tor and key lifetimes need one that is right to the hour"
        return Check(name="clock", finding=shown, problem=Problem(what="the clock is years behind", remedy=remedy))
    return Check(name="clock", finding=shown)
