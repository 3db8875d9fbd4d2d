"""What the null network promises beyond the kit: addresses prove themselves, and it says what it is."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import to_thread
from balchat_network_null.directory import BACKLOG, default_directory, services, socket_path
from balchat_network_null.network import WARNING, WARNING_CODE, NullNetwork
from balchat_network_null.plugin import balchat_networks
from balchat_network_null.proof import DOMAIN, NONCE_SIZE, prove, statement, verify
from balchat_network_null.settings import NullSettings
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.network import NetworkContext
from balchat_host.api.types import Phase, Secret
from balchat_host.testing.network_bench import PORT, published, receive_exactly, seed
from balchat_host.testing.virtual_network import ignore_state, onion_of
from balchat_host.testing.virtual_stream import VirtualStream
from balchat_host.testing.waiting import SeenStates, running

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio

KEY = Secret(bytes(range(32)))


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="balchat-") as folder:
        yield Path(folder)


def network(directory: Path, on_state=ignore_state) -> NullNetwork:
    context = NetworkContext(directory=directory, on_state=on_state)
    return NullNetwork(context, NullSettings(directory=str(directory)))


# -- addresses prove themselves


async def test_the_octets_of_the_proof_are_those_of_the_specification() -> None:
    dialler, acceptor = VirtualStream.pair()
    nonce = bytes(range(100, 132))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(prove, acceptor, Ed25519PrivateKey.from_private_bytes(KEY.reveal()), PORT)
        await dialler.send(nonce)
        signature = await receive_exactly(dialler, 64)
    assert statement(PORT, nonce) == b"balchat-network-null-v1\0" + b"\x12\x67" + nonce
    assert signature.hex() == (
        "1c2999bbdccc67685bf035cd2187e0d2f9ed76e24c23cbb64a205807f7eacdf8"
        "2ded539a175c50c76e2c013bd37751f9ff88121041e0073c22158871e65f0b0e"
    )


@pytest.mark.parametrize(("domain", "port"), [(b"balchat-direct-v1", PORT), (DOMAIN, PORT + 1)])
async def test_a_signature_for_something_else_is_no_proof(domain: bytes, port: int) -> None:
    dialler, acceptor = VirtualStream.pair()

    async def answer() -> None:
        nonce = await receive_exactly(acceptor, NONCE_SIZE)
        key = Ed25519PrivateKey.from_private_bytes(KEY.reveal())
        await acceptor.send(key.sign(domain + b"\0" + port.to_bytes(2) + nonce))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(answer)
        with pytest.raises(PeerUnreachable, match="key"):
            await verify(dialler, onion_of(KEY), PORT)


async def test_whoever_takes_the_place_of_an_address_without_its_key_is_found_out(directory: Path) -> None:
    bob = seed()
    alice, mallory = network(directory), network(directory)
    async with running(alice, mallory):
        await published(mallory, KEY)
        socket_path(directory, onion_of(KEY), PORT).rename(socket_path(directory, onion_of(bob), PORT))
        with pytest.raises(PeerUnreachable, match="key"):
            await alice.dial(onion_of(bob), PORT, isolation="")


async def test_streams_that_never_ask_for_the_proof_are_bounded(directory: Path) -> None:
    alice, bob = network(directory), network(directory)
    async with running(alice, bob):
        service = await published(bob, KEY)
        silent = [await anyio.connect_unix(socket_path(directory, onion_of(KEY), PORT)) for _ in range(BACKLOG)]
        with pytest.raises(PeerUnreachable):
            await alice.dial(onion_of(KEY), PORT, isolation="")
        for stream in silent:
            await stream.aclose()
        await anyio.wait_all_tasks_blocked()
        async with await alice.dial(onion_of(KEY), PORT, isolation=""), await service.accept():
            pass


# -- the directory


PUBLISHER = """
import sys, anyio
from pathlib import Path
from balchat_host.api.network import NetworkContext
from balchat_host.api.types import Secret
from balchat_network_null.network import NullNetwork
from balchat_network_null.settings import NullSettings
from balchat_host.testing.waiting import running

async def main():
    context = NetworkContext(directory=Path(sys.argv[1]), on_state=lambda state: None)
    network = NullNetwork(context, NullSettings(directory=sys.argv[1]))
    async with running(network):
        service = await network.publish(Secret(bytes(range(32))), 4711, on_state=lambda state: None)
        print("published", flush=True)
        while True:
            async with await service.accept() as stream:
                await stream.send(await stream.receive())

anyio.run(main)
"""


async def test_an_address_survives_the_death_of_the_process_that_answered_at_it(directory: Path) -> None:
    alice = network(directory)
    async with running(alice):
        for _ in range(2):
            async with await anyio.open_process([sys.executable, "-c", PUBLISHER, str(directory)]) as process:
                assert process.stdout
                await process.stdout.receive()
                async with await alice.dial(onion_of(KEY), PORT, isolation="") as stream:
                    await stream.send(b"echo")
                    assert await receive_exactly(stream, 4) == b"echo"
                    os.kill(process.pid, signal.SIGKILL)
                    with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                        await stream.receive()
                await process.wait()
            with pytest.raises(PeerUnreachable):
                await alice.dial(onion_of(KEY), PORT, isolation="")


async def test_who_publishes_later_keeps_the_address_when_who_came_first_ends(directory: Path) -> None:
    alice, first, second = network(directory), network(directory), network(directory)
    async with running(alice, first, second):
        service = await published(first, KEY)
        theirs = await published(second, KEY)
        await service.aclose()
        async with await alice.dial(onion_of(KEY), PORT, isolation=""), await theirs.accept():
            pass


async def test_a_directory_that_others_may_enter_is_refused(directory: Path) -> None:
    directory.chmod(0o755)  # noqa: ASYNC240  # one call, in a test
    (check,) = await network(directory).checks()
    assert check.problem is not None
    assert str(directory) in check.problem.what
    with pytest.raises(NetworkUnavailable):
        await network(directory).run(task_status=anyio.TASK_STATUS_IGNORED)


async def test_a_link_to_a_directory_is_refused(directory: Path) -> None:
    link = directory / "link"
    (directory / "real").mkdir(mode=0o700)
    link.symlink_to(directory / "real")
    with pytest.raises(NetworkUnavailable):
        await network(link).run(task_status=anyio.TASK_STATUS_IGNORED)


async def test_a_path_too_long_for_a_socket_is_said_so(directory: Path) -> None:
    long = network(directory / ("x" * 80))
    async with running(long):
        with pytest.raises(NetworkUnavailable, match="too long"):
            await long.publish(KEY, PORT, on_state=ignore_state)


def test_without_a_setting_accounts_meet_in_the_runtime_directory_of_the_user(directory: Path) -> None:
    assert default_directory({"XDG_RUNTIME_DIR": str(directory)}) == directory / "balchat-null"
    too_long = directory / ("x" * 40)
    too_long.mkdir()
    for elsewhere in ("", "run", "/nowhere/at/all", str(too_long)):
        found = default_directory({"XDG_RUNTIME_DIR": elsewhere})
        assert found.is_absolute()
        assert str(os.geteuid()) in str(found)


async def test_what_is_published_can_be_listed(directory: Path) -> None:
    bob = network(directory)
    async with running(bob):
        assert await to_thread.run_sync(services, directory) == []
        await published(bob, KEY)
        assert await to_thread.run_sync(services, directory) == [(onion_of(KEY), PORT)]
    assert await to_thread.run_sync(services, directory) == []


def test_a_relative_directory_is_refused() -> None:
    with pytest.raises(ValueError, match="directory: "):
        NullSettings(directory="relative")


# -- it says what it is


async def test_its_state_and_the_doctor_say_that_there_is_no_tor(directory: Path) -> None:
    states = SeenStates()
    async with running(network(directory, states)):
        online = await states.reach(Phase.ONLINE)
    assert (online.reason, online.code) == (WARNING, WARNING_CODE)
    assert "no Tor and no anonymity" in WARNING
    (check,) = await network(directory).checks()
    assert (check.finding, check.problem) == (WARNING, None)


def test_the_plugin_is_exclusive_and_its_summary_says_what_it_is() -> None:
    (descriptor,) = balchat_networks()
    assert descriptor.exclusive
    assert "No Tor and no anonymity" in descriptor.summary
