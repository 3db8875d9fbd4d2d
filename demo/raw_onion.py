"""An echo behind an onion of its own: the round trip that no message over the same network can be faster than."""

import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import ByteStream
from balchat_network_tor.keys import onion_of
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings

from balchat_host.api.network import NetworkContext, PublishedService
from balchat_host.api.types import Phase, Secret, ServiceState

_PORT: Final = 7


def round_trips(torrc: tuple[str, ...], folder: Path, *, count: int, size: int) -> list[float]:
    """Send `size` octets to an echo and wait until they are back, `count` times; give the seconds that each took.

    The streams are between two tors that are started for it in `folder`.
    """
    folder.mkdir(mode=0o700)

    async def measure() -> list[float]:
        async with _echo_stream(torrc, folder) as stream:
            return [await _round_trip(stream, os.urandom(size)) for _ in range(count)]

    return anyio.run(measure)


async def _round_trip(stream: ByteStream, octets: bytes) -> float:
    began = time.perf_counter()
    await stream.send(octets)
    missing = len(octets)
    while missing:
        missing -= len(await stream.receive(missing))
    return time.perf_counter() - began


@asynccontextmanager
async def _echo_stream(torrc: tuple[str, ...], folder: Path) -> AsyncGenerator[ByteStream]:
    settings = TorSettings(torrc=torrc)
    answering, dialling = (
        TorNetwork(NetworkContext(directory=folder / name, on_state=_nothing), settings) for name in ("a", "b")
    )
    async with anyio.create_task_group() as tasks:
        await tasks.start(_run, answering)
        await tasks.start(_run, dialling)
        key = Secret(os.urandom(32))
        online = anyio.Event()
        service = await answering.publish(key, _PORT, on_state=_when_online(online.set))
        tasks.start_soon(_echo, service)
        await online.wait()
        async with await dialling.dial(onion_of(key), _PORT, isolation="") as stream:
            yield stream
        tasks.cancel_scope.cancel()


async def _run(network: TorNetwork, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    await network.run(task_status=task_status)


async def _echo(service: PublishedService) -> None:
    async with await service.accept() as stream:
        async for octets in stream:
            await stream.send(octets)


def _when_online(then: Callable[[], None]) -> Callable[[ServiceState], None]:
    return lambda state: then() if state.phase is Phase.ONLINE else None


def _nothing(state: ServiceState) -> None:
    """Take no notice."""
