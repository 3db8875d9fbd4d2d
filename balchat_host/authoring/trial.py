"""A process in which two throw-away accounts use one plugin: they come up, make contact, and exchange a message.

    python -m balchat_host.authoring.trial FOLDER NAME PROGRAM [KEY=VALUE …]

They meet over `network_null`, unless the plugin brings a network, and by the direct transport, unless it brings one.
All that they write lies in FOLDER. PROGRAM is a front end that can be the command; no account does without one.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import tomlkit

from balchat_host.api.descriptors import (
    CryptoDescriptor,
    Descriptor,
    FrontEndDescriptor,
    NetworkDescriptor,
    StorageDescriptor,
    TransportDescriptor,
)
from balchat_host.api.errors import BalchatError
from balchat_host.api.failures import leaves
from balchat_host.api.types import STOPPED, Phase, Secret
from balchat_host.api.views import ContactState, MessageState
from balchat_host.authoring.telling import Teller
from balchat_host.loader.plugins import discover
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.local_profile import LocalProfile

if TYPE_CHECKING:
    from balchat_host.api.frontend import App

_DIRECT: Final = "transport_tor_direct"
_ROLES: Final = {"storage": "storage_sqlcipher", "crypto": "crypto_mls", "network": "network_null"}
_ROLE_OF: Final[dict[type[Descriptor], str]] = {
    StorageDescriptor: "storage",
    CryptoDescriptor: "crypto",
    NetworkDescriptor: "network",
}
_SECRET: Final = Secret.from_text("two accounts that go again")
_START: Final = 30.0
"""Seconds in which the plugin must be online."""
_CONTACT: Final = 30.0
_MESSAGE: Final = 30.0
_LOOK: Final = 0.05


class Wrong(Exception):
    """A verdict: what is wrong, in words that follow the name of the plugin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is tried, where, and with what besides."""

    tell: Teller
    folder: Path
    plugin: str
    program: str
    descriptors: Sequence[Descriptor]
    overrides: Mapping[str, str]

    @property
    def transports(self) -> list[str]:
        """The transports that the plugin brings."""
        return [each.name for each in self.descriptors if isinstance(each, TransportDescriptor)]

    def configuration(self, *, direct: bool) -> str:
        """Return the text of an account's configuration, with the direct transport or without it."""
        roles = dict(_ROLES)
        for descriptor in self.descriptors:
            if type(descriptor) in _ROLE_OF:
                roles[_ROLE_OF[type(descriptor)]] = descriptor.name
        brought = {each.name for each in self.descriptors}
        enabled = [name for name in roles.values() if name not in brought]
        enabled += [_DIRECT] * direct + [self.plugin]
        if self.program != self.plugin:
            enabled.append(self.program)
        return tomlkit.dumps(  # pyright: ignore[reportUnknownMemberType]  # tomlkit's type is partly unknown
            {
                "plugins": {"enabled": enabled, "program": self.program, **roles},
                "delivery": {"retry_first_seconds": 1, "retry_max_seconds": 1, "hedge_seconds": 0},
                "settings": {"network_null": {"directory": str(self.folder / "net")}},
            }
        )

    @asynccontextmanager
    async def accounts(self, *names: str, direct: bool) -> AsyncGenerator[tuple[App, ...]]:
        """Run accounts, each made first where it is not there yet."""
        apps: list[App] = []
        async with anyio.create_task_group() as tasks:
            for name in names:
                place = ProfileDirectory(name=name.lower(), directory=self.folder / name.lower())
                place.directory.mkdir(mode=0o700, exist_ok=True)
                await anyio.Path(place.directory, "balchat.toml").write_text(self.configuration(direct=direct))
                profile = LocalProfile(place, self.overrides, system_file=self.folder / "none")
                if not await anyio.to_thread.run_sync(profile.exists):
                    await profile.create(name, _SECRET)
                apps.append(await tasks.start(profile.run, _SECRET))
            yield tuple(apps)
            tasks.cancel_scope.cancel()


async def until(done: Callable[[], Awaitable[bool]], *, limit: float) -> bool:
    """Return whether something has become so in time."""
    with anyio.move_on_after(limit):
        while not await done():  # noqa: ASYNC110  # no one event tells of all that is waited for here
            await anyio.sleep(_LOOK)
        return True
    return False


async def run(trial: Trial) -> None:
    """Try it. Raise Wrong."""
    async with trial.accounts("Anna", direct=not trial.transports) as (anna,):
        for descriptor in trial.descriptors:
            await _comes_up(trial, anna, descriptor)
        has_relays = "relays.add" in await _capabilities(anna)
    trial.tell.well("end", "it ended when it was cancelled")
    if not trial.transports:
        await _meet(trial, direct=True, then="")
    elif has_relays:
        trial.tell.well("first contact", "not tried: a person has to add a relay first")
    elif not await _meet(trial, direct=False, then=""):
        await _meet(trial, direct=True, then=f", with {_DIRECT} beside it")
        async with trial.accounts("Clara", "David", direct=False) as (clara, _):
            await _exchange(trial, clara, "David", f"without {_DIRECT}")


async def _comes_up(trial: Trial, app: App, descriptor: Descriptor) -> None:
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

    came_up = await until(settled, limit=_START) and state.phase is not Phase.DEGRADED
    shown = f"{state.phase}: {state.reason}" if state.reason else str(state.phase)
    if not came_up:
        raise Wrong(f"{descriptor.name} did not come up within {_START:g} s; it is {shown}")
    trial.tell.well("run", f"{descriptor.name} came up in an account of its own ({shown})")


def _has_no_service(descriptor: Descriptor) -> bool:
    return isinstance(descriptor, FrontEndDescriptor) and descriptor.factory is None


async def _capabilities(app: App) -> frozenset[str]:
    return await app.capabilities()


async def _meet(trial: Trial, *, direct: bool, then: str) -> bool:
    """Have two new accounts make contact and exchange a message; return whether a request arrived at all."""
    names = ("Clara", "David") if direct and trial.transports else ("Anna", "Ben")
    async with trial.accounts(*names, direct=direct) as (one, other):
        code = (await other.account.code()).code
        await one.contacts.add(code, names[1], introduction="a trial of a plugin")

        async def asked() -> bool:
            return bool(await other.requests.list())

        if not await until(asked, limit=_CONTACT):
            if direct:
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
        tell.wrong("trial", str(error), "mend it; what it logs stands above")
    with suppress(OSError):
        sys.stderr.flush()
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
