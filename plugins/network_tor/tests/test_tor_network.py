"""The Tor network beyond the kit: isolation, deaths, a running tor, errors, and what lies on the disk."""

import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE

import anyio
import pytest
from anyio import to_thread
from anyio.abc import ByteStream
from balchat_network_tor.control import Control
from balchat_network_tor.keys import expanded_key, onion_of
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings
from balchat_network_tor.testing import PrivateTorNetwork
from balchat_network_tor.testing.ports import free_ports
from balchat_network_tor.testing.process import TorProcess

from balchat_host.api.errors import BadInput, NetworkUnavailable, PeerUnreachable, TorCannotBootstrap, TorControlRefused
from balchat_host.api.network import NetworkContext
from balchat_host.api.types import Phase, ServiceState
from balchat_host.testing.network_bench import OTHER_PORT, PORT, connected, published, receive_exactly, seed
from balchat_host.testing.virtual_network import ignore_state
from balchat_host.testing.waiting import SeenStates, running

pytestmark = [pytest.mark.tor, pytest.mark.anyio]


def make(directory: Path, settings: TorSettings, on_state: Callable[[ServiceState], None] = ignore_state) -> TorNetwork:
    return TorNetwork(NetworkContext(directory=directory, on_state=on_state), settings)


def joining(tornet: PrivateTorNetwork) -> TorSettings:
    return TorSettings(torrc=tornet.torrc_lines())


def ask(directory: Path, *keywords: str) -> list[str]:
    """Ask the tor of a network, as somebody else who may."""
    control = Control.connect(directory / "run" / "control")
    try:
        return [control.information(keyword) for keyword in keywords]
    finally:
        control.close()


async def gone(pids: Sequence[int]) -> None:
    """Wait until all these processes have ended."""

    def wait(pid: int) -> None:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            ended, _, _ = select.select([handle], [], [], 40)
            assert ended, "the process is still there"
        finally:
            os.close(handle)

    async with anyio.create_task_group() as tasks:
        for pid in pids:
            tasks.start_soon(to_thread.run_sync, wait, pid)


@pytest.fixture(scope="module")
def alice_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alice")


@pytest.fixture(scope="module")
async def alice(private_tor_network: PrivateTorNetwork, alice_directory: Path) -> AsyncIterator[TorNetwork]:
    network = make(alice_directory, joining(private_tor_network))
    async with running(network):
        yield network


async def test_different_isolation_means_different_circuits(
    private_tor_network: PrivateTorNetwork, alice: TorNetwork, alice_directory: Path, tmp_path: Path
) -> None:
    bob, key = make(tmp_path, joining(private_tor_network)), seed()
    async with running(bob):
        service = await published(bob, key)
        pairs = [await connected(alice, service, key, isolation=isolation) for isolation in ("one", "one", "another")]
        streams, circuits = await to_thread.run_sync(ask, alice_directory, "stream-status", "circuit-status")
        target = f"{onion_of(key).onion}:{PORT}"
        used = [line.split()[2] for line in streams.splitlines() if line.endswith(target)]
        assert len(used) == 3
        assert len(set(used)) == 2
        assert "one" not in circuits
        assert "another" not in circuits
        for pair in pairs:
            for end in pair:
                await end.aclose()


async def test_the_death_of_tor_is_mended(
    private_tor_network: PrivateTorNetwork, alice: TorNetwork, tmp_path: Path
) -> None:
    states, service_states, key = SeenStates(), SeenStates(), seed()
    bob = make(tmp_path, joining(private_tor_network), states)
    async with running(bob):
        service = await bob.publish(key, PORT, on_state=service_states)
        await service_states.reach(Phase.ONLINE)
        before = len(states.all)
        (pid,) = await to_thread.run_sync(ask, tmp_path, "process/pid")
        os.kill(int(pid), signal.SIGKILL)
        assert (await states.reach(Phase.DEGRADED)).reason == "tor ended; trying again in 0.5 s"
        assert service.state.phase is Phase.DEGRADED
        await states.reach(Phase.ONLINE)
        await service_states.reach(Phase.ONLINE)
        (new_pid,) = await to_thread.run_sync(ask, tmp_path, "process/pid")
        assert new_pid != pid
        percents = [state.percent for state in states.all[before:] if state.percent is not None]
        assert percents == sorted(percents)
        ours, theirs = await connected(alice, service, key)
        async with ours, theirs:
            await ours.send(b"mended")
            assert await receive_exactly(theirs, 6) == b"mended"


HOLDER = """
import sys
from pathlib import Path
import anyio
from balchat_host.api.network import NetworkContext
from balchat_network_tor.control import Control
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings

async def main():
    directory = Path(sys.argv[1])
    settings = TorSettings(torrc=tuple(sys.stdin.read().splitlines()))
    network = TorNetwork(NetworkContext(directory=directory, on_state=lambda state: None), settings)
    async with anyio.create_task_group() as tasks:
        await tasks.start(network.run)
        while network.state.percent is None or network.state.percent < 5:
            await anyio.sleep(0.01)
        print(Control.connect(directory / "run" / "control").information("process/pid"), flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


async def test_sigkill_of_the_holder_leaves_no_tor(private_tor_network: PrivateTorNetwork, tmp_path: Path) -> None:
    async with await anyio.open_process([sys.executable, "-c", HOLDER, str(tmp_path)], stdin=PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        await holder.stdin.send("\n".join(private_tor_network.torrc_lines()).encode())
        await holder.stdin.aclose()
        with anyio.fail_after(40):
            pid = int(await holder.stdout.receive())
        holder.kill()
        await gone([pid])


async def test_a_stopped_network_leaves_no_process_and_no_socket(
    private_tor_network: PrivateTorNetwork, tmp_path: Path
) -> None:
    network, states = make(tmp_path, joining(private_tor_network)), SeenStates()
    async with running(network):
        await network.publish(seed(), PORT, on_state=states)
        await states.until(lambda _: network.state.percent != 0)
        (pid,) = await to_thread.run_sync(ask, tmp_path, "process/pid")
    await gone([int(pid)])
    assert not (tmp_path / "run").exists()
    assert states.all[-1].phase is Phase.STOPPED


async def test_nothing_on_the_disk_or_in_a_log_tells_of_onions_or_keys(
    private_tor_network: PrivateTorNetwork, alice: TorNetwork, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.NOTSET)
    bob, key, other = make(tmp_path, joining(private_tor_network)), seed(), seed()
    blob = expanded_key(key).reveal()
    forms = [key.reveal(), key.reveal().hex().encode(), blob[:40]]
    for secret in (key, other):
        onion = onion_of(secret).onion.removesuffix(".onion")
        forms += [onion.encode(), onion.upper().encode(), onion_of(secret).octets]

    def readable() -> list[Path]:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert files
        return [path for path in files if any(form in path.read_bytes() for form in forms)]

    def open_to_others() -> list[Path]:
        return [path for path in tmp_path.rglob("*") if path.is_dir() and path.stat().st_mode & 0o077]

    async with running(bob):
        service = await published(bob, key)
        ours, theirs = await connected(alice, service, key)
        with pytest.raises(PeerUnreachable):
            await bob.dial(onion_of(other), PORT, isolation=onion_of(other).onion)
        assert await to_thread.run_sync(readable) == []
        assert await to_thread.run_sync(open_to_others) == []
        (pid,) = await to_thread.run_sync(ask, tmp_path, "process/pid")
        os.kill(int(pid), signal.SIGKILL)
        await gone([int(pid)])
        assert await to_thread.run_sync(readable) == []
        await ours.aclose()
        await theirs.aclose()
    assert await to_thread.run_sync(readable) == []
    logged = caplog.text.encode()
    assert not any(form in logged for form in forms)


async def test_more_streams_than_allowed_are_turned_away(
    private_tor_network: PrivateTorNetwork, alice: TorNetwork, tmp_path: Path
) -> None:
    bob, key = make(tmp_path, TorSettings(torrc=private_tor_network.torrc_lines(), max_incoming=2)), seed()
    async with running(bob):
        service = await published(bob, key)
        first, second = [await connected(alice, service, key) for _ in range(2)]
        with anyio.fail_after(30), pytest.raises((PeerUnreachable, anyio.EndOfStream, anyio.BrokenResourceError)):
            async with await alice.dial(onion_of(key), PORT, isolation="") as turned_away:
                await turned_away.receive()
        for end in first:
            await end.aclose()
        third = await connected(alice, service, key)
        for end in (*second, *third):
            await end.aclose()


async def test_an_address_answers_on_a_port_only_once(alice: TorNetwork) -> None:
    key = seed()
    service = await alice.publish(key, PORT, on_state=ignore_state)
    with pytest.raises(BadInput, match="already answers there"):
        await alice.publish(key, PORT, on_state=ignore_state)
    await service.aclose()


async def test_a_running_tor_is_used_and_left_running(alice: TorNetwork, alice_directory: Path, tmp_path: Path) -> None:
    (pid,) = await to_thread.run_sync(ask, alice_directory, "process/pid")
    settings = TorSettings(control=f"unix:{alice_directory}/run/control")
    carol, key = make(tmp_path, settings), seed()
    (check,) = await carol.checks()
    assert check.problem is None
    async with running(carol):
        service = await published(carol, key)
        ours, theirs = await connected(carol, service, key)
        async with ours, theirs:
            await theirs.send(b"hello")
            assert await receive_exactly(ours, 5) == b"hello"
    assert await to_thread.run_sync(ask, alice_directory, "process/pid") == [pid]


@pytest.fixture
def locked_tor(private_tor_network: PrivateTorNetwork, tmp_path: Path) -> Iterator[int]:
    """A tor that stays offline, whose control port wants the password `sesame`; returns its port."""
    (port,) = free_ports(1)
    process = TorProcess(folder=tmp_path / "locked", name="locked")
    process.make_folder()
    # tor --hash-password sesame
    hashed = "16:FF337077F93EEF0E6062AC96704A527EDF31ED62819D1AA723BF465470"
    _, *authorities = private_tor_network.torrc_lines()
    control = [f"ControlPort 127.0.0.1:{port}", f"HashedControlPassword {hashed}"]
    process.start("tor", ["DisableNetwork 1", *control, *authorities])
    deadline = time.monotonic() + 30
    with socket.socket() as knocking:
        while knocking.connect_ex(("127.0.0.1", port)) and process.running and time.monotonic() < deadline:
            pass
    yield port
    process.stop()


async def refusal(settings: TorSettings, directory: Path) -> str:
    with pytest.raises(TorControlRefused) as caught:
        async with running(make(directory, settings)):
            await anyio.sleep_forever()
    return str(caught.value)


async def test_nothing_at_the_control_port_is_said(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    assert "nothing answers there" in await refusal(TorSettings(control=f"127.0.0.1:{port}"), tmp_path)


async def test_what_is_no_control_port_is_said(tmp_path: Path) -> None:
    async def answer(stream: ByteStream) -> None:
        async with stream:
            with suppress(anyio.EndOfStream):
                await stream.receive()
                await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    (listener,) = (await anyio.create_tcp_listener(local_host="127.0.0.1")).listeners
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        assert "not a tor control port" in await refusal(TorSettings(control=f"127.0.0.1:{port}"), tmp_path)
        tasks.cancel_scope.cancel()


async def test_a_refused_configuration_is_explained_in_tors_words(tmp_path: Path) -> None:
    settings = TorSettings(torrc=("NoSuchOption 1",))
    match = "Unknown option 'NoSuchOption'.*Correct settings.network_tor"
    with pytest.raises(NetworkUnavailable, match=match):
        async with running(make(tmp_path, settings)):
            await anyio.sleep_forever()


async def test_a_tor_that_cannot_bootstrap_says_so(private_tor_network: PrivateTorNetwork, tmp_path: Path) -> None:
    (closed,) = free_ports(1)
    torrc = (*private_tor_network.torrc_lines(), f"HTTPSProxy 127.0.0.1:{closed}")
    states = SeenStates()
    network = make(tmp_path, TorSettings(torrc=torrc, dial_timeout=3), states)
    async with running(network):
        with pytest.raises(TorCannotBootstrap, match=r"settings\.network_tor\.bridges"):
            await network.dial(onion_of(seed()), PORT, isolation="")
        assert network.state.phase is Phase.STARTING
        service = await network.publish(seed(), OTHER_PORT, on_state=ignore_state)
        assert str(service.state) == "starting: waiting for tor"
        await states.until(lambda all_of_them: "refused" in str(all_of_them[-1]).lower())


async def test_a_password_is_asked_for_and_checked(locked_tor: int, tmp_path: Path) -> None:
    address = f"127.0.0.1:{locked_tor}"
    for password, expected in (("", "wants a password"), ("swordfish", "does not accept the password")):
        assert expected in await refusal(TorSettings(control=address, control_password=password), tmp_path)
    (check,) = await make(tmp_path, TorSettings(control=address, control_password="sesame")).checks()
    assert check.problem is not None
    assert "no SOCKS port" in check.problem.what
