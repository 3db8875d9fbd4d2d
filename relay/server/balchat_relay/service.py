"""The running relay: all parts wired together."""

import asyncio
import fcntl
import os
import resource
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import time
from typing import Final, TypeAlias

import anyio
from aiohttp import web
from anyio import to_thread
from balchat_common.unix_sockets import MAX_PATH

from balchat_relay.errors import AlreadyRunning, FolderProblem
from balchat_relay.metrics import Metrics
from balchat_relay.operating import stores
from balchat_relay.operating.admin import Admin
from balchat_relay.operating.folder import Folder, unusable
from balchat_relay.settings import MIB, Limits, RelayTable, Settings
from balchat_relay.storage.contract import QueueStore
from balchat_relay.web.application import make_application, started
from balchat_relay.web.connection import Connections
from balchat_relay.web.limiting import Bucket, Memory
from balchat_relay.web.operations import Operations

Factory: TypeAlias = Callable[[], asyncio.BaseProtocol]

SWITCH_INTERVAL: Final = 0.0005
"""Seconds after which a thread gives way. The store's threads run for microseconds between two waits; with Python's
5 ms each of their statements would stand in line behind a busy event loop."""

_SWEEP_EVERY: Final = 60.0
_LOOK_EVERY: Final = 1.0
_BACKLOG: Final = 512
_DESCRIPTORS_BESIDE: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The parts of a relay that serves."""

    connections: Connections
    metrics: Metrics
    store: QueueStore


@asynccontextmanager
async def serving(
    store: QueueStore, socket: Path | None, *, relay_key: bytes, table: RelayTable, limits: Limits
) -> AsyncGenerator[Relay]:
    """Serve a store at a unix socket, where one is given; the store stays the caller's."""
    metrics, memory = Metrics(), Memory(limits.bodies_mib * MIB)
    clock = asyncio.get_running_loop().time
    creations = Bucket(limits.creations_per_minute / 60, limits.creations_per_minute, clock)
    operations = Operations(store, relay_key=relay_key, table=table, creations=creations, memory=memory)
    application = make_application(store, operations, limits=limits, metrics=metrics, memory=memory)
    async with (
        started(application) as connections,
        nullcontext() if socket is None else _at_socket(connections, socket),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(connections.watch)
        tasks.start_soon(_sweep, store)
        yield Relay(connections=connections, metrics=metrics, store=store)
        tasks.cancel_scope.cancel()


async def run(folder: Folder, settings: Settings, *, say: Callable[[str], None]) -> None:
    """Run the relay of a folder until SIGTERM or SIGINT. Raise OperatorError."""
    relay_key = await to_thread.run_sync(folder.relay_key)
    limits = settings.limits
    _raise_descriptor_limit(limits.connections)
    sys.setswitchinterval(SWITCH_INTERVAL)
    state = ["starting"]

    def on_state(text: str) -> None:
        if text != state[0]:
            state[0] = text
            say(text)

    # Signals first: whoever sees us serving may tell us to end.
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with _only_one(folder.lock), _opened(folder, settings) as store:
            socket = Path(settings.relay.socket) if settings.relay.socket else None
            async with (
                serving(store, socket, relay_key=relay_key, table=settings.relay, limits=limits) as relay,
                _administered(folder, settings, relay, lambda: state[0]),
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(_tell_of_trouble, store, say)
                if socket is not None:
                    on_state(f"serving at {socket}")
                else:
                    from balchat_relay.publishing import (  # noqa: PLC0415  # stem is for nothing where others forward
                        Onion,
                        tor_settings,
                    )

                    tor = tor_settings(settings.tor, file=folder.settings)
                    seed = await to_thread.run_sync(folder.read_seed)
                    tasks.start_soon(
                        Onion(seed, tor, folder=folder.tor, server=relay.connections, on_state=on_state).run
                    )
                async for _ in signals:
                    break
                tasks.cancel_scope.cancel()


async def begin_empty(folder: Folder, settings: Settings) -> None:
    """Begin with an empty store under the key that is there. Raise RelayExists, OperatorError."""
    async with _only_one(folder.lock):
        await stores.begin_empty(folder, settings)


@asynccontextmanager
async def _opened(folder: Folder, settings: Settings) -> AsyncGenerator[QueueStore]:
    store = await stores.open_existing(folder, settings)
    try:
        yield store
    finally:
        with anyio.CancelScope(shield=True):
            await store.aclose()


@asynccontextmanager
async def _administered(
    folder: Folder, settings: Settings, relay: Relay, state: Callable[[], str]
) -> AsyncGenerator[None]:
    admin = Admin(relay.store, relay.metrics, state)
    async with _listening(admin.application(private=True)) as private, _at_socket(private, folder.control):
        if settings.relay.metrics_address is None:
            yield
            return
        host, port = settings.relay.metrics_address
        async with _listening(admin.application(private=False)) as public:
            listener = await asyncio.get_running_loop().create_server(public, host, port)
            try:
                yield
            finally:
                listener.close()


@asynccontextmanager
async def _listening(application: web.Application) -> AsyncGenerator[Factory]:
    """Yield what makes connections for an aiohttp application."""
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        assert runner.server is not None
        yield runner.server
    finally:
        with anyio.CancelScope(shield=True):
            await runner.cleanup()


@asynccontextmanager
async def _at_socket(factory: Factory, path: Path) -> AsyncGenerator[None]:
    """Serve at a unix socket that only this user may reach."""
    if len(os.fsencode(path)) > MAX_PATH:
        raise FolderProblem(f"The path {path} is too long for a socket. Use a shorter folder.")
    await to_thread.run_sync(partial(path.unlink, missing_ok=True))
    before = os.umask(0o177)
    try:
        listener = await asyncio.get_running_loop().create_unix_server(factory, path, backlog=_BACKLOG)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        listener.close()
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(partial(path.unlink, missing_ok=True))


@asynccontextmanager
async def _only_one(lock: Path) -> AsyncGenerator[None]:
    try:
        descriptor = await to_thread.run_sync(partial(os.open, lock, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise unusable(lock, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning("A relay runs on this folder already.") from None
        yield
    finally:
        os.close(descriptor)


async def _tell_of_trouble(store: QueueStore, say: Callable[[str], None]) -> None:
    """Tell the operator when the store stops taking new things, and when it takes them again, for ever."""
    told: str | None = None
    while True:
        if (trouble := store.trouble) != told:
            told = trouble
            if trouble is None:
                say("storage: ok. New things are taken again.")
            else:
                say(f"storage: {trouble}. Nothing new is taken; what is here can be fetched.")
        await asyncio.sleep(_LOOK_EVERY)


async def _sweep(store: QueueStore) -> None:
    """Delete what is too old, piece by piece, for ever."""
    while True:
        more = False
        with suppress(Exception):  # a full disk or a fault shows in what clients are told; the next round tries again
            more = await store.sweep(now=int(time()))
        if not more:
            await asyncio.sleep(_SWEEP_EVERY)


def _raise_descriptor_limit(connections: int) -> None:
    """Allow a file descriptor for each end of each bridged connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * connections + _DESCRIPTORS_BESIDE
    if soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
