"""Accounts that go afterwards, and a relay for them: what a trial of a plugin runs it in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import tomlkit

from balchat_host.api.descriptors import (
    CryptoDescriptor,
    Descriptor,
    NetworkDescriptor,
    StorageDescriptor,
    TransportDescriptor,
    TrialRelay,
)
from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.types import Secret, ServiceState
from balchat_host.authoring.inspection import given_to
from balchat_host.authoring.telling import Teller
from balchat_host.loader.plugins import discover
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.loader.settings import make_settings
from balchat_host.local_profile import LocalProfile

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

    from balchat_host.api.frontend import App

DIRECT: Final = "transport_tor_direct"
_ROLES: Final = {"storage": "storage_sqlcipher", "crypto": "crypto_mls", "network": "network_null"}
_ROLE_OF: Final[dict[type[Descriptor], str]] = {
    StorageDescriptor: "storage",
    CryptoDescriptor: "crypto",
    NetworkDescriptor: "network",
}
_SECRET: Final = Secret.from_text("two accounts that go again")
_START_TIMEOUT: Final = 15
"""Seconds after which a plugin that has not called `started()` is told so: before the trial gives it up."""
_LOOK: Final = 0.05


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

    @property
    def run_relay(self) -> TrialRelay | None:
        """What runs a relay for it, where it uses one."""
        found = (each.trial_relay for each in self.descriptors if isinstance(each, TransportDescriptor))
        return next((each for each in found if each is not None), None)

    @property
    def _network(self) -> Path:
        return self.folder / "net"

    def configuration(self, *, direct: bool) -> str:
        """Return the text of an account's configuration, with the direct transport or without it."""
        roles = dict(_ROLES)
        for descriptor in self.descriptors:
            if type(descriptor) in _ROLE_OF:
                roles[_ROLE_OF[type(descriptor)]] = descriptor.name
        brought = {each.name for each in self.descriptors}
        enabled = [name for name in roles.values() if name not in brought]
        enabled += [DIRECT] * direct + [self.plugin]
        if self.program != self.plugin:
            enabled.append(self.program)
        return tomlkit.dumps(  # pyright: ignore[reportUnknownMemberType]  # tomlkit's type is partly unknown
            {
                "plugins": {
                    "enabled": enabled,
                    "program": self.program,
                    "start_timeout_seconds": _START_TIMEOUT,
                    **roles,
                },
                "delivery": {"retry_first_seconds": 1, "retry_max_seconds": 1, "hedge_seconds": 0},
                "settings": {"network_null": {"directory": str(self._network)}},
            }
        )

    @asynccontextmanager
    async def relay(self, run: TrialRelay) -> AsyncGenerator[str]:
        """Run a relay on a network of its own, which reaches theirs; yield its address."""
        brought = [each for each in self.descriptors if isinstance(each, NetworkDescriptor)]
        descriptor = next(iter(brought), None) or _network_null()
        overrides = {"settings.network_null.directory": str(self._network), **self.overrides}
        settings = make_settings(descriptor.name, descriptor.settings, given_to(descriptor, overrides))
        directory = self.folder / "relay"
        directory.mkdir(mode=0o700)
        network = descriptor.factory(NetworkContext(directory=directory, on_state=_ignore), settings)
        async with anyio.create_task_group() as tasks:
            await tasks.start(_run, network)
            async with run(network) as address:
                yield address
            tasks.cancel_scope.cancel()

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


def _network_null() -> NetworkDescriptor:
    (record,) = [each for each in discover([_ROLES["network"]]) if each.enabled]
    (descriptor,) = record.usable()
    assert isinstance(descriptor, NetworkDescriptor)
    return descriptor


def _ignore(state: ServiceState) -> None:
    del state


async def _run(network: Network, *, task_status: TaskStatus[None]) -> None:
    await network.run(task_status=task_status)


async def until(done: Callable[[], Awaitable[bool]], *, limit: float) -> bool:
    """Return whether something has become so in time."""
    with anyio.move_on_after(limit):
        while not await done():  # noqa: ASYNC110  # no one event tells of all that is waited for here
            await anyio.sleep(_LOOK)
        return True
    return False
