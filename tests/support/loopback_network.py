"""A real network between processes of one machine: unix-domain sockets in a shared private directory.

Who publishes creates a socket there, named by the peer id and the port; who dials connects to it. So whole accounts
can be started, killed and started again without tor. A socket that a killed process left behind refuses, and the next
publisher takes its place, as a new onion descriptor would.

It is for tests: whoever may write into the directory can take any address.
"""

import os
import socket
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
from anyio import TASK_STATUS_IGNORED
from anyio.abc import ByteStream, TaskGroup, TaskStatus
from balchat_common.unix_sockets import MAX_PATH, UnixStream, accept, connect

from balchat_host.api.errors import BadInput, NetworkUnavailable, PeerUnreachable
from balchat_host.api.network import Network, PublishedService
from balchat_host.api.types import ONLINE, STOPPED, Check, OnionKey, Phase, Problem, Secret, ServiceState
from balchat_host.testing.incoming import DEFAULT_BACKLOG, Incoming
from balchat_host.testing.virtual_network import ignore_state, onion_of

_NAME_OCTETS: Final = 16
_PRIVATE: Final = 0o700
_OTHERS: Final = 0o077
_STARTING: Final = ServiceState(phase=Phase.STARTING, percent=0)


def socket_path(directory: Path, address: OnionKey, port: int) -> Path:
    """Return where `address` answers on `port`. Half the key tells addresses apart and leaves room for the directory.

    Raise BadInput where the path would be too long for a socket.
    """
    path = directory / f"{address.octets[:_NAME_OCTETS].hex()}.{port}"
    if len(os.fsencode(path)) > MAX_PATH:
        raise BadInput(what="the directory of the loopback network", problem="its path is too long; use a shorter one")
    return path


class LoopbackNetwork(Network):
    """Reaches every account whose network has the same `directory`, in this process or another."""

    def __init__(self, directory: Path, *, on_state: Callable[[ServiceState], None] = ignore_state) -> None:
        self._directory = directory
        self._on_state = on_state
        self._state = STOPPED
        self._tasks: TaskGroup | None = None
        self._services: set[LoopbackService] = set()

    @property
    def state(self) -> ServiceState:
        return self._state

    async def run(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        try:
            await anyio.to_thread.run_sync(_make_private, self._directory)
            async with anyio.create_task_group() as self._tasks:
                self._become(ONLINE)
                task_status.started()
                await anyio.sleep_forever()
        finally:
            self._tasks = None
            with anyio.CancelScope(shield=True):
                for service in tuple(self._services):
                    await service.aclose()
            self._become(STOPPED)

    async def publish(self, key: Secret, port: int, *, on_state: Callable[[ServiceState], None]) -> "LoopbackService":
        tasks = self._running()
        path = socket_path(self._directory, onion_of(key), port)
        listening, inode = await anyio.to_thread.run_sync(_listen, path)
        service = LoopbackService(path, inode, listening, on_state=on_state, on_close=self._services.discard)
        self._services.add(service)
        tasks.start_soon(service.listen)
        return service

    async def dial(self, address: OnionKey, port: int, *, isolation: str) -> ByteStream:
        del isolation  # There is no third party here who could link streams.
        self._running()
        try:
            return await connect(socket_path(self._directory, address, port))
        except OSError as error:
            raise PeerUnreachable(problem="nobody answers at its address") from error

    async def checks(self) -> Sequence[Check]:
        try:
            await anyio.to_thread.run_sync(_make_private, self._directory)
        except NetworkUnavailable as error:
            problem = Problem(what=str(error.fields["problem"]), remedy=str(error.fields["remedy"]))
            return [Check(name="loopback network", finding="its directory cannot be used", problem=problem)]
        return [Check(name="loopback network", finding="its directory is private")]

    def _become(self, state: ServiceState) -> None:
        self._state = state
        self._on_state(state)

    def _running(self) -> TaskGroup:
        if self._tasks is None:
            raise NetworkUnavailable(problem="it is not running", remedy="Start it first.")
        return self._tasks


class LoopbackService(PublishedService):
    """A socket that we answer at. Made by `LoopbackNetwork.publish`."""

    def __init__(
        self,
        path: Path,
        inode: int,
        listening: socket.socket,
        *,
        on_state: Callable[[ServiceState], None],
        on_close: Callable[["LoopbackService"], None],
    ) -> None:
        self._path = path
        self._inode = inode
        self._listening = listening
        self._on_state = on_state
        self._on_close = on_close
        self._incoming: Incoming[UnixStream] = Incoming(DEFAULT_BACKLOG)
        self._closed = False
        self._state = STOPPED
        self._become(_STARTING)

    @property
    def state(self) -> ServiceState:
        return self._state

    async def listen(self) -> None:
        """Take what connects, until closed."""
        self._become(ONLINE)
        try:
            while not self._closed:
                stream = UnixStream(await accept(self._listening))
                if self._incoming.full:
                    await stream.aclose()
                else:
                    self._incoming.put(stream)
        except anyio.ClosedResourceError:
            return

    async def accept(self) -> ByteStream:
        return await self._incoming.get()

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        await anyio.to_thread.run_sync(_unlink_if_ours, self._path, self._inode)
        anyio.notify_closing(self._listening)
        self._listening.close()
        for stream in self._incoming.close():
            await stream.aclose()
        self._become(STOPPED)
        self._on_close(self)

    def _become(self, state: ServiceState) -> None:
        self._state = state
        self._on_state(state)


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        status = directory.stat()
    except OSError as error:
        raise NetworkUnavailable(problem="its directory cannot be made", remedy="Choose another.") from error
    if stat.S_IMODE(status.st_mode) & _OTHERS or status.st_uid != os.getuid():
        raise NetworkUnavailable(problem="others may enter its directory", remedy="Let only yourself in (chmod 700).")


def _listen(path: Path) -> tuple[socket.socket, int]:
    # A name of its own first, then renamed: there is no moment at which a dialler finds a half-made socket.
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listening.bind(str(fresh))
        fresh.chmod(_PRIVATE)
        listening.listen(DEFAULT_BACKLOG)
        inode = fresh.stat().st_ino
        fresh.rename(path)
    except BaseException:
        listening.close()
        raise
    return listening, inode


def _unlink_if_ours(path: Path, inode: int) -> None:
    try:
        if path.stat().st_ino == inode:
            path.unlink()
    except FileNotFoundError:
        return
