"""The relay behind its own onion, over real tor processes on loopback."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import anyio
import pytest
from anyio import to_thread
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings
from balchat_network_tor.testing import PrivateTorNetwork
from balchat_relay.testing.client import Client, random_envelope
from balchat_relay.testing.process import RelayProcess
from balchat_relay_proto.address import PORT, RelayAddress
from balchat_relay_proto.frames import Push, Subscribe, Subscribed
from balchat_relay_proto.replies import Done
from balchat_relay_proto.requests import Put

from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.types import OnionKey, ServiceState

pytestmark = [pytest.mark.anyio, pytest.mark.tor, pytest.mark.timeout(300)]


def ignore(state: ServiceState) -> None:
    del state


async def run(network: Network, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    await network.run(task_status=task_status)


@pytest.fixture
async def network(private_tor_network: PrivateTorNetwork, tmp_path: Path) -> AsyncIterator[Network]:
    settings = TorSettings(torrc=private_tor_network.torrc_lines())
    network = TorNetwork(NetworkContext(directory=tmp_path / "client", on_state=ignore), settings)
    async with anyio.create_task_group() as tasks:
        await tasks.start(run, network)
        yield network
        tasks.cancel_scope.cancel()


async def copy(source: anyio.abc.ByteStream, sink: anyio.abc.ByteStream, both: anyio.CancelScope) -> None:
    try:
        async for octets in source:
            await sink.send(octets)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass
    both.cancel()


async def forward(
    network: Network, address: OnionKey, socket: Path, *, task_status: anyio.abc.TaskStatus[None]
) -> None:
    """Listen at a socket, and carry each connection to the onion: aiohttp speaks to sockets only."""
    listener = await anyio.create_unix_listener(str(socket))
    task_status.started()

    async def carry(inside: anyio.abc.ByteStream) -> None:
        outside = await network.dial(address, PORT, isolation=str(id(inside)))
        async with inside, outside, anyio.create_task_group() as tasks:
            tasks.start_soon(copy, inside, outside, tasks.cancel_scope)
            tasks.start_soon(copy, outside, inside, tasks.cancel_scope)

    async with listener:
        await listener.serve(carry)


async def test_a_relay_serves_at_its_onion_and_at_the_same_one_after_a_restart(
    private_tor_network: PrivateTorNetwork, network: Network, short_folder: Path
) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    lines = json.dumps(list(private_tor_network.torrc_lines()))
    text = await to_thread.run_sync(process.folder.settings.read_text)
    await to_thread.run_sync(process.folder.settings.write_text, text + f"torrc = {lines}\n")
    address = RelayAddress.parse((await process.command("address")).stdout)
    socket = short_folder / "way"
    async with anyio.create_task_group() as tasks:
        await tasks.start(forward, network, OnionKey(address.relay_key), socket)
        for _ in range(2):
            async with process.running(onion=True):
                connector = aiohttp.UnixConnector(str(socket), limit=2)
                async with aiohttp.ClientSession(connector=connector) as session:
                    client = Client(session)
                    assert (await client.about()).relay_key == address.relay_key
                    queue = await client.new_queue()
                    async with client.subscriber() as subscriber:
                        await subscriber.send(Subscribe(number=1, queue=queue.id, authority=queue.holder))
                        assert await subscriber.receive() == Subscribed(number=1)
                        envelope = random_envelope(1024 * 1024)
                        await client.ask(Put(queue=queue.id, send=queue.send, envelope=envelope), Done)
                        frame = await subscriber.receive()
                        assert isinstance(frame, Push)
                        assert frame.envelope == envelope
        tasks.cancel_scope.cancel()
