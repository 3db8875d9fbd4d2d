"""Where a benchmark works: a private directory, a private Tor network once somebody asks for one, accounts in it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import anyio
from balchat_network_tor.testing import PrivateTorNetwork

from balchat_host.api.events import ContactChanged, MessageChanged, RequestReceived
from balchat_host.api.types import Phase, Secret
from balchat_host.api.views import ContactState, MessageState, ServiceStatus
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.local_profile import LocalProfile

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import TracebackType

    from balchat_host.api.events import Event
    from balchat_host.api.frontend import App

PASSPHRASE = Secret.from_text("four benches beside a river")
PATIENCE = 120.0
_REPOSITORY = Path(__file__).parents[1]
_LOOPBACK = "balchat_loopback-0.dist-info"


class Room:
    """A context manager. Everything in it is gone at its end."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.directory = Path(tempfile.mkdtemp(prefix="balchat-bench-"))
        self._stack.callback(shutil.rmtree, self.directory)
        os.environ["XDG_RUNTIME_DIR"] = str(self.directory)
        self._knows_loopback = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def folder(self, name: str) -> Path:
        """Make a new directory."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))

    @cached_property
    def tor(self) -> PrivateTorNetwork:
        """A private Tor network, up."""
        print("  starting a private Tor network", flush=True)
        return self._stack.enter_context(PrivateTorNetwork(timeout=PATIENCE))

    @property
    def over_tor(self) -> dict[str, str]:
        """The configuration of an account in the private Tor network."""
        return {"settings.network_tor.torrc": json.dumps(self.tor.torrc_lines())}

    @cached_property
    def over_sockets(self) -> dict[str, str]:
        """The configuration of an account that reaches others through sockets of this machine, without Tor."""
        return self.over_sockets_in(self.folder("net"))

    def over_sockets_in(self, directory: Path, transport: str = "transport_tor_direct") -> dict[str, str]:
        """Return the configuration of an account whose sockets lie in a directory; all in it reach each other."""
        if not self._knows_loopback:
            self._announce_loopback()
        enabled = ["storage_sqlcipher", "crypto_mls", "network_loopback", transport, "ui_rpc", "ui_cli"]
        return {
            "plugins.enabled": json.dumps(enabled),
            "plugins.network": "network_loopback",
            "settings.network_loopback.directory": str(directory),
        }

    def _announce_loopback(self) -> None:
        """Have the plugin for sockets found, by processes that are started from here, too."""
        plugins = self.folder("plugins")
        (plugins / _LOOPBACK).mkdir()
        (plugins / _LOOPBACK / "METADATA").write_text("Metadata-Version: 2.1\nName: balchat-loopback\nVersion: 0\n")
        (plugins / _LOOPBACK / "entry_points.txt").write_text(
            "[balchat.plugins.v1]\nnetwork_loopback = tests.support.loopback_plugin\n"
        )
        sys.path.append(str(plugins))
        os.environ["PYTHONPATH"] = os.pathsep.join((str(plugins), str(_REPOSITORY)))
        self._knows_loopback = True


@asynccontextmanager
async def running_profile(profile: LocalProfile) -> AsyncGenerator[App]:
    """Run an account that is there, with all its plugins, in this process."""
    async with anyio.create_task_group() as tasks:
        yield await tasks.start(profile.run, PASSPHRASE)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def running_account(room: Room, name: str, configuration: dict[str, str]) -> AsyncGenerator[App]:
    """Make an account and run it; it can be reached."""
    profile = LocalProfile(ProfileDirectory(name=name, directory=room.folder(name)), configuration)
    await profile.create(name, PASSPHRASE)
    async with running_profile(profile) as app:
        await until_status(app, lambda status: status.identity_onion.phase is Phase.ONLINE)
        yield app


@asynccontextmanager
async def two_contacts(room: Room, configuration: dict[str, str]) -> AsyncGenerator[tuple[App, App]]:
    """Run two accounts that are contacts of each other, called Alice and Bob."""
    with anyio.fail_after(PATIENCE) as scope:
        async with (
            running_account(room, "Alice", configuration) as alice,
            running_account(room, "Bob", configuration) as bob,
        ):
            await introduce(alice, bob)
            scope.deadline = float("inf")
            yield alice, bob


async def introduce(alice: App, bob: App) -> None:
    """Make two accounts contacts of each other, called Alice and Bob."""
    alices, bobs = await alice.events.cursor(), await bob.events.cursor()
    await alice.contacts.add((await bob.account.code()).code, "Bob")
    await until(bob, bobs, lambda event: isinstance(event, RequestReceived))
    await bob.requests.accept((await alice.account.code()).peer_id, "Alice")
    await until(
        alice,
        alices,
        lambda event: isinstance(event, ContactChanged) and event.contact.state is ContactState.ACTIVE,
    )


async def until(app: App, after: int, condition: Callable[[Event], bool]) -> None:
    """Follow an account's events until one meets the condition."""
    async for event in app.events.follow(after=after):
        if condition(event):
            return


async def until_all(app: App, after: int, state: MessageState, count: int) -> None:
    """Follow an account's events until so many messages have reached a state."""
    left = count
    async for event in app.events.follow(after=after):
        if isinstance(event, MessageChanged) and event.message.state is state and "state" in event.changed:
            left -= 1
            if not left:
                return


async def until_status(app: App, condition: Callable[[ServiceStatus], bool]) -> None:
    """Follow an account's status until it meets the condition."""
    async for status in app.status.watch():
        if condition(status):
            return
