"""The private Tor network says what is wrong when it cannot start, and is gone when it should be."""

import re
import sys
import urllib.request
from pathlib import Path

import anyio
import pytest
from balchat_network_tor.testing import PrivateNetworkFailed, PrivateTorNetwork
from balchat_network_tor.testing.ports import free_ports
from balchat_network_tor.testing.private_network import NODES, ProgressCallback

pytestmark = [pytest.mark.tor, pytest.mark.anyio]


def left_over() -> set[Path]:
    return {path for path in Path("/proc").iterdir() if path.name.isdecimal() and _is_private_tor(path)}


def _is_private_tor(process: Path) -> bool:
    try:
        return b"private-tor-" in (process / "cmdline").read_bytes()
    except OSError:
        return False


async def until_gone(before: set[Path]) -> None:
    """Wait until no node is left but those of before."""
    with anyio.fail_after(30):
        while await anyio.to_thread.run_sync(left_over) - before:
            await anyio.lowlevel.checkpoint()


def test_clients_choose_each_node_as_often_as_any_other(private_tor_network: PrivateTorNetwork) -> None:
    """One that had more bandwidth than the others, which said that they carry nothing, was chosen for every hop."""
    authority = next(line for line in private_tor_network.torrc_lines() if line.startswith("DirAuthority"))
    directory = authority.split()[-2]
    with urllib.request.urlopen(f"http://{directory}/tor/status-vote/current/consensus", timeout=60) as answer:
        weights = re.findall(rb"^w (.*)$", answer.read(), re.MULTILINE)
    assert len(weights) == NODES
    assert set(weights) == {b"Bandwidth=1000 Unmeasured=1"}


def test_free_ports_are_free_and_differ() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50


def test_a_missing_program_is_named() -> None:
    with pytest.raises(PrivateNetworkFailed, match="tor-of-nowhere cannot be started"):
        PrivateTorNetwork(tor="tor-of-nowhere").start()


def test_a_failing_program_is_named() -> None:
    with pytest.raises(PrivateNetworkFailed, match=r"node\d ended before it could start"):
        PrivateTorNetwork(tor="false").start()


def test_too_little_time_is_said_with_a_log() -> None:
    with pytest.raises(PrivateNetworkFailed, match=r"within 0 s; .*try again.* The log of node\d:"):
        PrivateTorNetwork(timeout=0).start()


def test_what_is_not_up_in_its_time_is_begun_once_more_with_slower_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine one node in a run of hundreds voted too late, and every test over Tor failed."""
    begin, tries = PrivateTorNetwork._try, []

    def too_slow_at_first(network: PrivateTorNetwork, report: ProgressCallback, *, interval: int, ahead: int) -> None:
        tries.append(interval)
        if len(tries) == 1:
            network._deadline = 0
        begin(network, report, interval=interval, ahead=ahead)

    monkeypatch.setattr(PrivateTorNetwork, "_try", too_slow_at_first)
    with PrivateTorNetwork() as network:
        assert network.torrc_lines()
    assert tries == [5, 20]


async def test_a_cancelled_start_leaves_nothing() -> None:
    started = anyio.Event()

    def on_progress(percent: int, what: str) -> None:
        if percent > 0:
            started.set()

    before = await anyio.to_thread.run_sync(left_over)
    async with anyio.create_task_group() as tasks:

        async def start() -> None:
            async with PrivateTorNetwork(on_progress=on_progress):
                await anyio.sleep_forever()

        tasks.start_soon(start)
        with anyio.fail_after(60):
            await started.wait()
        tasks.cancel_scope.cancel()
    await until_gone(before)


HOLDER = """
from balchat_network_tor.testing import PrivateTorNetwork
network = PrivateTorNetwork(on_progress=lambda percent, what: print(what, flush=True))
network.start()
"""


async def test_sigkill_of_the_holder_ends_every_node() -> None:
    before = await anyio.to_thread.run_sync(left_over)
    async with await anyio.open_process([sys.executable, "-c", HOLDER]) as holder:
        assert holder.stdout is not None
        with anyio.fail_after(60):
            while b"exchanging" not in await holder.stdout.receive():
                pass
        assert len(await anyio.to_thread.run_sync(left_over) - before) >= 5
        holder.kill()
    await until_gone(before)
