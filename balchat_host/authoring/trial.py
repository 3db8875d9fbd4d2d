"""A process in which two throw-away accounts use one plugin: they come up, make contact, and exchange a message.

    python -m balchat_host.authoring.trial FOLDER NAME PROGRAM [KEY=VALUE …]

They meet over `network_null`, unless the plugin brings a network, and by the direct transport, unless it brings one.
A transport that uses relays says with its descriptor's `trial_relay` how to run one: without it they cannot meet.
All that they write lies in FOLDER. PROGRAM is a front end that can be the command; no account does without one.
"""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from balchat_host.api.descriptors import (
    CryptoDescriptor,
    Descriptor,
    FrontEndDescriptor,
    StorageDescriptor,
)
from balchat_host.api.errors import BalchatError
from balchat_host.api.failures import leaves
from balchat_host.api.types import STOPPED, Phase
from balchat_host.api.views import ContactState, MessageState
from balchat_host.authoring.telling import Teller
from balchat_host.authoring.throw_away import DIRECT, Trial, until
from balchat_host.loader.plugins import discover

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.frontend import App

_START: Final = 30.0
"""Seconds in which the plugin must be online."""
_CONTACT: Final = 30.0
_MESSAGE: Final = 30.0


class Wrong(Exception):
    """A verdict: what is wrong, in words that follow the name of the plugin."""


async def run(trial: Trial) -> None:
    """Try it. Raise Wrong."""
    if trial.run_relay is None:
        await _try(trial, relay="")
        return
    async with trial.relay(trial.run_relay) as address:
        await _try(trial, relay=address)
        await _leave_for_who_is_away(trial)


async def _try(trial: Trial, *, relay: str) -> None:
    async with trial.accounts("Anna", direct=not trial.transports) as (anna,):
        has_relays = "relays.add" in await anna.capabilities()
        if relay:
            await _use(anna, relay, trial.transports)
        for descriptor in trial.descriptors:
            await _comes_up(trial, anna, descriptor, needs_relay=has_relays and not relay)
    trial.tell.well("end", "it ended when it was cancelled")
    if not trial.transports:
        await _meet(trial, direct=True, then="")
    elif relay:
        await _meet(trial, direct=False, then=", at a relay of the trial", relay=relay)
    elif has_relays:
        trial.tell.left_out("first contact", "it needs a relay, and its descriptor has no `trial_relay`")
    elif not await _meet(trial, direct=False, then=""):
        await _meet(trial, direct=True, then=f", with {DIRECT} beside it")
        async with trial.accounts("Clara", "David", direct=False) as (clara, _):
            await _exchange(trial, clara, "David", f"without {DIRECT}")


async def _use(app: App, relay: str, transports: Sequence[str]) -> None:
    """Have an account use a relay, and wait until others can reach it there. Raise Wrong."""
    await app.relays.add(relay)

    async def online() -> bool:
        states = (await app.status.get()).transports
        return all(states[each].phase is Phase.ONLINE for each in transports)

    if not await until(online, limit=_START):
        raise Wrong(f"it was not online within {_START:g} s after a relay was added")


async def _comes_up(trial: Trial, app: App, descriptor: Descriptor, *, needs_relay: bool) -> None:
    if isinstance(descriptor, StorageDescriptor | CryptoDescriptor) or _has_no_service(descriptor):
        trial.tell.well("run", f"an account of its own came up with {descriptor.name}")
        return
    state = STOPPED

    async def settled() -> bool:
        nonlocal state
        status = await app.status.get()
        state = {**status.network, **status.transports, **status.plugins}.get(descriptor.name, STOPPED)
        # A front end may have nothing to do here, and say so.
        rests = state.phase is Phase.STOPPED and state.reason and isinstance(descriptor, FrontEndDescriptor)
        return state.phase in {Phase.ONLINE, Phase.DEGRADED} or bool(rests)

    in_time = await until(settled, limit=_START)
    shown = f"{state.phase}: {state.reason}" if state.reason else str(state.phase)
    # Without a relay, a transport that uses relays can do no more than say so.
    if state.phase is Phase.DEGRADED and not needs_relay:
        raise Wrong(f"{descriptor.name} did not come up; it is {shown}")
    if not in_time:
        raise Wrong(f"{descriptor.name} did not come up within {_START:g} s; it is {shown}")
    trial.tell.well("run", f"{descriptor.name} came up in an account of its own ({shown})")


def _has_no_service(descriptor: Descriptor) -> bool:
    return isinstance(descriptor, FrontEndDescriptor) and descriptor.factory is None


async def _leave_for_who_is_away(trial: Trial) -> None:
    """Have somebody write while the other is not up, and the other find it when they are."""
    async with trial.accounts("Anna", direct=False) as (anna,):
        message = await anna.messages.send("Ben", "This waits for you.")

        async def stored() -> bool:
            return (await anna.messages.get(message.id)).state is MessageState.RELAYED

        if not await until(stored, limit=_MESSAGE):
            state = (await anna.messages.get(message.id)).state
            raise Wrong(f"a message was not stored at the relay within {_MESSAGE:g} s; it is {state}")
    async with trial.accounts("Ben", direct=False) as (ben,):

        async def received() -> bool:
            return any(each.id == message.id for each in await ben.messages.history("Anna"))

        if not await until(received, limit=_MESSAGE):
            raise Wrong(f"what was stored for who was away did not arrive within {_MESSAGE:g} s")
    trial.tell.well("message", "one waited for who was away")


async def _meet(trial: Trial, *, direct: bool, then: str, relay: str = "") -> bool:
    """Have two new accounts make contact and exchange a message; return whether a request arrived at all.

    With a `relay` they use that, and a request that does not arrive is a fault.
    """
    names = ("Clara", "David") if direct and trial.transports else ("Anna", "Ben")
    async with trial.accounts(*names, direct=direct) as (one, other):
        if relay:
            for each in (one, other):
                await _use(each, relay, trial.transports)
        code = (await other.account.code()).code
        await one.contacts.add(code, names[1], introduction="a trial of a plugin")

        async def asked() -> bool:
            return bool(await other.requests.list())

        if not await until(asked, limit=_CONTACT):
            if direct or relay:
                raise Wrong(f"no contact request arrived within {_CONTACT:g} s{then}")
            finding = f"no request arrived within {_CONTACT:g} s: it makes none by itself, as its kit must say"
            trial.tell.well("first contact", finding)
            return False
        await other.requests.accept(names[0])

        async def friends() -> bool:
            return (await one.contacts.get(names[1])).state is ContactState.ACTIVE

        if not await until(friends, limit=_CONTACT):
            raise Wrong(f"the answer to a contact request did not come back within {_CONTACT:g} s{then}")
        trial.tell.well("first contact", f"two accounts became contacts{then}")
        await _exchange(trial, one, names[1], "there")
        await _exchange(trial, other, names[0], "and back")
    return True


async def _exchange(trial: Trial, app: App, contact: str, how: str) -> None:
    message = await app.messages.send(contact, "Does this arrive?")

    async def delivered() -> bool:
        state = (await app.messages.get(message.id)).state
        return state in {MessageState.DELIVERED, MessageState.READ}

    if not await until(delivered, limit=_MESSAGE):
        state = (await app.messages.get(message.id)).state
        raise Wrong(f"a message ({how}) was not delivered within {_MESSAGE:g} s; it is {state}")
    trial.tell.well("message", f"one was delivered ({how})")


def main() -> int:
    """Try the plugin that the command line names; return whether something is wrong."""
    folder, plugin, program, *overrides = sys.argv[1:]
    (record,) = [each for each in discover([plugin]) if each.name == plugin and each.enabled]
    tell = Teller()
    trial = Trial(
        tell=tell,
        folder=Path(folder),
        plugin=plugin,
        program=program,
        descriptors=record.usable(),
        overrides=dict(each.split("=", 1) for each in overrides),
    )
    wrong: list[BaseException] = []
    try:
        anyio.run(run, trial)
    except Wrong as error:
        wrong = [error]
    except BaseExceptionGroup as group:
        wrong = list(leaves(group))
    except BalchatError as error:
        wrong = [error]
    for error in wrong:
        if not isinstance(error, Wrong | BalchatError):
            raise error
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        tell.wrong("trial", str(error), "mend it; what it logged last stands above")
    with suppress(OSError):
        sys.stderr.flush()
    tell.done()
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
