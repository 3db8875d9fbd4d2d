"""Two processes on real sockets; one of them is killed at random moments and started again."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_transport_tor_direct.settings import DirectSettings
from balchat_transport_tor_direct.transport import DirectTransport

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import Outcome
from balchat_host.api.types import Secret
from balchat_host.testing.fake_transport_context import FakeTransportContext, peer_of
from balchat_host.testing.waiting import running
from tests.support.loopback_network import LoopbackNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER = Secret(bytes([5]) * 32)
ROUNDS = 8
ACCOUNT = """
import sys
from pathlib import Path

import anyio

from balchat_host.api.types import Phase, Secret
from balchat_host.testing.fake_transport_context import FakeTransportContext
from tests.support.loopback_network import LoopbackNetwork
from balchat_host.testing.waiting import running
from balchat_transport_tor_direct.settings import DirectSettings
from balchat_transport_tor_direct.transport import DirectTransport

# What was committed is one line each, on the disk before it is acknowledged.
class DurableHost(FakeTransportContext):
    async def receive(self, source, envelopes, *, relay=None):
        dispositions = await super().receive(source, envelopes, relay=relay)
        with open(sys.argv[2], "ab", buffering=0) as vault:
            vault.write(b"".join(envelope + b"\\n" for envelope in envelopes))
        return dispositions

async def main():
    network = LoopbackNetwork(Path(sys.argv[1]))
    host = DurableHost(network, key=Secret(bytes([5]) * 32))
    async with running(network), running(DirectTransport(host, DirectSettings())):
        await host.states.reach(Phase.ONLINE)
        print("online", flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="balchat-") as directory:
        yield Path(directory)


@pytest.mark.anyio
async def test_what_was_delivered_is_on_the_disk_of_a_process_that_was_killed(shared: Path, tmp_path: Path) -> None:
    vault, chance = tmp_path / "vault", random.Random(4)
    network = LoopbackNetwork(shared)
    host = FakeTransportContext(network)
    transport = DirectTransport(host, DirectSettings())
    peer, delivered, number = peer_of(OTHER), list[bytes](), 0
    routes = transport.first_routes(peer)
    assert routes
    async with running(network), running(transport):
        for _ in range(ROUNDS):
            command = [sys.executable, "-c", ACCOUNT, str(shared), str(vault)]
            async with await anyio.open_process(command) as process:
                assert process.stdout
                await process.stdout.receive()
                outgoing = host.outgoing(*(b"%d" % (number + n) for n in range(500)))
                number += len(outgoing)
                killed_after = chance.randrange(400)
                await transport.send(peer, routes, outgoing[:1])
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(transport.send, peer, routes, outgoing[1:])
                    await host.final(outgoing[killed_after])
                    os.kill(process.pid, signal.SIGKILL)
                    await process.wait()
                outcomes = await host.finals(outgoing)
            await host.sees(peer, reachable=False)
            with pytest.raises(PeerUnreachable):
                await transport.send(peer, routes, host.outgoing(b"nobody there"))
            committed = (await anyio.Path(vault).read_bytes()).splitlines()
            delivered += [
                each.envelope for each, outcome in zip(outgoing, outcomes, strict=True) if outcome is Outcome.DELIVERED
            ]
            assert set(outcomes) <= {Outcome.DELIVERED, Outcome.LOST}
            assert set(delivered) <= set(committed)
            assert committed == sorted(set(committed), key=int)
