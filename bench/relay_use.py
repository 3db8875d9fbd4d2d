"""A relay that is a process of its own, for accounts that are processes of their own and use nothing else."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from balchat_relay.testing.process import RelayProcess, write_settings
from balchat_relay_proto.address import PORT, RelayAddress

from balchat_host.api.types import OnionKey, Phase
from bench.apart import Account
from bench.room import PATIENCE, introduce, until_status
from tests.support.loopback_network import socket_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from bench.room import Room

TRANSPORT = "transport_relay"


async def relay_over_sockets(room: Room, directory: Path) -> RelayProcess:
    """Make a relay that answers in a folder of sockets."""
    relay = await _make(room)
    relay.socket = socket_path(directory, OnionKey(relay.folder.relay_key()), PORT)
    return relay


async def relay_over_tor(room: Room) -> RelayProcess:
    """Make a relay that publishes its onion in the private Tor network."""
    relay = await _make(room)
    await to_thread.run_sync(partial(write_settings, relay.folder, "tor", torrc=list(room.tor.torrc_lines())))
    return relay


async def _make(room: Room) -> RelayProcess:
    relay = RelayProcess(room.folder("relay"))
    await relay.make()
    return relay


@asynccontextmanager
async def two_at_a_relay(
    room: Room, relay: RelayProcess, alices: dict[str, str], bobs: dict[str, str] | None = None
) -> AsyncGenerator[tuple[Account, Account]]:
    """Run two accounts that are contacts of each other, called Alice and Bob, and use nothing but a relay that runs."""
    address = str(RelayAddress(relay_key=relay.folder.relay_key()))
    with anyio.fail_after(PATIENCE) as scope:
        async with AsyncExitStack() as stack:
            accounts: list[Account] = []
            for name, configuration in (("Alice", alices), ("Bob", bobs or alices)):
                made = await Account.make(room, name, configuration | {"delivery.policy": "relay-only"})
                account = await stack.enter_async_context(made.running())
                await until_status(
                    account.app, lambda status: all(state.phase is Phase.ONLINE for state in status.network.values())
                )
                await account.app.relays.add(address)
                await until_status(account.app, lambda status: status.transports[TRANSPORT].phase is Phase.ONLINE)
                accounts.append(account)
            alice, bob = accounts
            await introduce(alice.app, bob.app)
            scope.deadline = float("inf")
            yield alice, bob
