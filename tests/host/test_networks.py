"""The two networks for tests obey the same kit as every network."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from trio.testing import MockClock

from balchat_host.api.errors import BadInput, NetworkUnavailable, PeerUnreachable
from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.types import OnionKey, Phase, Secret, ServiceState
from balchat_host.testing.network_bench import PORT, published, receive_exactly, seed
from balchat_host.testing.network_kit import NetworkBench, NetworkCapabilities, NetworkKit
from balchat_host.testing.virtual_network import VirtualNetwork, VirtualNode, onion_of
from balchat_host.testing.waiting import SeenStates, running
from tests.support import loopback_plugin
from tests.support.loopback_network import LoopbackNetwork, socket_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class VirtualBench(NetworkBench):
    capabilities = NetworkCapabilities(outage=True)

    def __init__(self) -> None:
        self.world = VirtualNetwork()

    def network(self, on_state: Callable[[ServiceState], None]) -> Network:
        return self.world.node(on_state=on_state)

    async def look(self, address: OnionKey, port: int) -> bool:
        return self.world.answers_at(address, port)

    def folders(self) -> Sequence[Path]:
        return []

    async def take_away(self, network: Network) -> None:
        assert isinstance(network, VirtualNode)
        network.go_offline()

    async def give_back(self, network: Network) -> None:
        assert isinstance(network, VirtualNode)
        network.come_online()


class LoopbackBench(NetworkBench):
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def network(self, on_state: Callable[[ServiceState], None]) -> Network:
        return LoopbackNetwork(self.directory, on_state=on_state)

    async def look(self, address: OnionKey, port: int) -> bool:
        try:
            async with await anyio.connect_unix(socket_path(self.directory, address, port)):
                return True
        except OSError:
            return False

    def folders(self) -> Sequence[Path]:
        return [self.directory]


@pytest.fixture
def shared() -> Iterator[Path]:
    with _folder() as folder:
        yield folder


@contextmanager
def _folder() -> Iterator[Path]:
    # pytest's own folders have paths too long for a socket.
    with tempfile.TemporaryDirectory(prefix="balchat-") as folder:
        yield Path(folder)


class TestVirtualNetwork(NetworkKit):
    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls, anyio_backend: object) -> VirtualBench:
        del anyio_backend  # one in each event loop
        return VirtualBench()


class TestVirtualNetworkWithDelays(NetworkKit):
    @pytest.fixture(scope="class")
    @classmethod
    def anyio_backend(cls) -> tuple[str, dict[str, object]]:
        return "trio", {"clock": MockClock(autojump_threshold=0)}

    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls) -> VirtualBench:
        bench = VirtualBench()
        bench.world.delay = lambda: 0.5
        bench.world.largest_piece = 1000
        return bench


class TestLoopbackNetwork(NetworkKit):
    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls) -> Iterator[LoopbackBench]:
        with _folder() as folder:
            yield LoopbackBench(folder)


class TestVirtualFaults:
    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, object]]:
        return "trio", {"clock": MockClock(autojump_threshold=0)}

    @pytest.mark.anyio
    async def test_a_cut_is_silent_and_heals(self) -> None:
        world, key = VirtualNetwork(dial_timeout=30), seed()
        alice, bob = world.node(), world.node()
        async with running(alice, bob):
            service = await published(bob, key)
            ours = await alice.dial(onion_of(key), PORT, isolation="")
            theirs = await service.accept()
            world.cut(alice, bob)
            await ours.send(b"hello")
            with anyio.move_on_after(1000) as silence:
                await theirs.receive()
            assert silence.cancelled_caught
            with pytest.raises(PeerUnreachable):
                await alice.dial(onion_of(key), PORT, isolation="")
            world.heal(alice, bob)
            assert await receive_exactly(theirs, 5) == b"hello"

    @pytest.mark.anyio
    async def test_streams_break_on_both_sides(self) -> None:
        world, key = VirtualNetwork(), seed()
        alice, bob = world.node(), world.node()
        async with running(alice, bob):
            service = await published(bob, key)
            ours = await alice.dial(onion_of(key), PORT, isolation="")
            theirs = await service.accept()
            assert world.streams_between(alice, bob) == 1
            world.break_streams(alice, bob)
            for end in (ours, theirs):
                with pytest.raises(anyio.BrokenResourceError):
                    await end.receive()
                with pytest.raises(anyio.BrokenResourceError):
                    await end.send(b"x")
                await end.aclose()
            assert world.streams_between(alice, bob) == 0

    @pytest.mark.anyio
    async def test_a_writer_waits_for_its_reader(self) -> None:
        world, key = VirtualNetwork(capacity=100), seed()
        alice, bob = world.node(), world.node()
        async with running(alice, bob):
            service = await published(bob, key)
            ours = await alice.dial(onion_of(key), PORT, isolation="")
            theirs = await service.accept()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ours.send, bytes(250))
                await anyio.wait_all_tasks_blocked()
                assert len(await theirs.receive()) == 100
                assert len(await receive_exactly(theirs, 150)) == 150

    @pytest.mark.anyio
    async def test_a_refused_peer_and_an_absent_network_are_different_errors(self) -> None:
        world, key = VirtualNetwork(), seed()
        alice, bob = world.node(online=False), world.node()
        async with running(alice, bob):
            await published(bob, key)
            assert alice.state.phase is Phase.STARTING
            with pytest.raises(NetworkUnavailable):
                await alice.dial(onion_of(key), PORT, isolation="")
            alice.come_online()
            world.refuse(onion_of(key))
            with pytest.raises(PeerUnreachable):
                await alice.dial(onion_of(key), PORT, isolation="")
            world.accept_again(onion_of(key))
            await (await alice.dial(onion_of(key), PORT, isolation="mine")).aclose()
            assert world.dials[-1].isolation == "mine"


PUBLISHER = """
import sys, anyio
from pathlib import Path
from balchat_host.api.types import Secret
from tests.support.loopback_network import LoopbackNetwork
from balchat_host.testing.waiting import running

async def main():
    network = LoopbackNetwork(Path(sys.argv[1]))
    async with running(network):
        service = await network.publish(Secret(bytes(range(32))), 4711, on_state=lambda state: None)
        print("published", flush=True)
        while True:
            async with await service.accept() as stream:
                await stream.send(await stream.receive())

anyio.run(main)
"""


@pytest.mark.anyio
async def test_an_address_survives_the_death_of_the_process_that_answered_at_it(shared: Path) -> None:
    key, network = Secret(bytes(range(32))), LoopbackNetwork(shared)
    async with running(network):
        for _ in range(2):
            async with await anyio.open_process([sys.executable, "-c", PUBLISHER, str(shared)]) as process:
                assert process.stdout
                await process.stdout.receive()
                async with await network.dial(onion_of(key), PORT, isolation="") as stream:
                    await stream.send(b"echo")
                    assert await receive_exactly(stream, 4) == b"echo"
                    os.kill(process.pid, signal.SIGKILL)
                    with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                        await stream.receive()
                await process.wait()
            with pytest.raises(PeerUnreachable):
                await network.dial(onion_of(key), PORT, isolation="")


@pytest.mark.anyio
async def test_a_directory_that_others_may_enter_is_refused(shared: Path) -> None:
    shared.chmod(0o755)  # noqa: ASYNC240  # one call, in a test
    network = LoopbackNetwork(shared)
    assert [check.problem for check in await network.checks()] != [None]
    with pytest.raises(NetworkUnavailable):
        await network.run()


def test_a_path_too_long_for_a_socket_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        socket_path(tmp_path / ("x" * 100), onion_of(seed()), PORT)


@pytest.mark.anyio
async def test_the_loopback_network_is_a_plugin(shared: Path) -> None:
    (descriptor,) = loopback_plugin.balchat_networks()
    states = SeenStates()
    settings = descriptor.settings(directory=str(shared))
    network = descriptor.factory(NetworkContext(directory=shared, on_state=states), settings)
    async with running(network):
        await states.reach(Phase.ONLINE)
    with pytest.raises(ValueError, match="directory: "):
        descriptor.settings(directory="relative")
    # The host wants defaults that make settings; only who uses the network must say where.
    with pytest.raises(BadInput, match="directory"):
        descriptor.factory(NetworkContext(directory=shared, on_state=states), descriptor.settings())
