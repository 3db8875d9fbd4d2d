"""A relay for `balchat plugins check`: the scripted one, at an onion of its own. Nothing of it is kept."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from balchat_relay_proto.address import PORT, RelayAddress
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.network import Network
from balchat_host.api.types import OnionKey, Secret, ServiceState
from balchat_transport_relay.testing.scripted_relay import ScriptedRelay


@asynccontextmanager
async def running_relay(network: Network) -> AsyncGenerator[str]:
    """Run a relay on a network that runs; yield its address. Raise NetworkUnavailable."""
    seed = Secret(os.urandom(32))
    key = Ed25519PrivateKey.from_private_bytes(seed.reveal()).public_key().public_bytes_raw()
    relay = ScriptedRelay(OnionKey(key))
    service = await network.publish(seed, PORT, on_state=_ignore)
    async with anyio.create_task_group() as tasks:

        async def accept() -> None:
            while True:
                tasks.start_soon(relay.serve, await service.accept())

        tasks.start_soon(accept)
        yield str(RelayAddress(relay_key=key))
        tasks.cancel_scope.cancel()


def _ignore(state: ServiceState) -> None:
    del state
