"""Where a tor comes from: a process of our own, or one that runs anyway.

A source is prepared once, which finds what no waiting can mend, and opened again each time the tor behind it ended.
"""

import os
import socket
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Final

import anyio
from anyio import to_thread
from anyio.abc import Process, SocketAttribute, SocketListener, TaskGroup

from balchat_host.api.errors import NetworkUnavailable, TorControlRefused
from balchat_network_tor.connecting import connected
from balchat_network_tor.control import Control
from balchat_network_tor.folders import Folders
from balchat_network_tor.program import find_tor, find_transport_programs
from balchat_network_tor.settings import TorSettings
from balchat_network_tor.torrc import torrc

_CONTROL_WITHIN: Final = 30.0
"""Seconds that our tor has to open its control socket. It takes a quarter of one."""

_LOOK_EVERY: Final = 0.02
_STOP_WITHIN: Final = 5.0
_BACKLOG: Final = 128
_LINES_KEPT: Final = 20
_CONFIGURATION_REFUSED: Final = "Reading config failed"
_FOLDER_IN_USE: Final = "another Tor process is running with the same data directory"


class TorEnded(Exception):
    """tor is not there, or no longer; another try may help. The text is a reason that a person can read."""


class TorSource(ABC):
    """A way to a tor."""

    @abstractmethod
    async def prepare(self) -> None:
        """Look for what no waiting can mend. Raise NetworkUnavailable and its kin."""

    @abstractmethod
    def open(self, tasks: TaskGroup) -> AbstractAsyncContextManager[Control]:
        """Return a control connection to a tor. Raise TorEnded, or NetworkUnavailable as `prepare` does."""

    @abstractmethod
    async def listen(self) -> tuple[SocketListener, str]:
        """Listen where tor can bring an onion's streams; return the listener and what to call it in ADD_ONION."""

    @abstractmethod
    async def close(self) -> None:
        """Leave nothing behind."""


class OwnTor(TorSource):
    """A tor process of our own, which ends with us in any case.

    It watches our process (`__OwningControllerProcess`, every 15 s) and, from the first moment on that we control it,
    our control connection (`TAKEOWNERSHIP`, at once).
    """

    def __init__(self, settings: TorSettings, directory: Path) -> None:
        self._settings = settings
        self._directory = directory
        self._program = settings.tor
        self._folders: Folders | None = None
        self._sockets = count()

    async def prepare(self) -> None:
        self._program = await find_tor(self._settings.tor)
        await find_transport_programs(self._settings)
        self._folders = await to_thread.run_sync(Folders.make, self._directory)

    @asynccontextmanager
    async def open(self, tasks: TaskGroup) -> AsyncGenerator[Control, None]:
        assert self._folders is not None, "prepare comes first"
        settings = torrc(
            self._settings,
            data=self._folders.data,
            control=self._folders.control,
            cookie=self._folders.cookie,
            owner=os.getpid(),
        )
        process = await anyio.open_process(
            [self._program, "-f", "-", "--defaults-torrc", os.devnull, "--hush"],
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,  # Ctrl-C at a terminal is for us, and we end tor
        )
        control: Control | None = None
        try:
            output = _Output(process)
            tasks.start_soon(output.drain)
            assert process.stdin is not None
            try:
                await process.stdin.send(settings.encode())
                await process.stdin.aclose()
            except anyio.BrokenResourceError:
                pass  # it ended before it had read all, and says why on its output
            control = await self._connect(process, output, self._folders.control)
            yield control
        finally:
            with anyio.CancelScope(shield=True):
                # The process first: whoever still waits for an answer on the control connection is then set free.
                await _end(process)
                if control is not None:
                    await to_thread.run_sync(control.close)

    async def listen(self) -> tuple[SocketListener, str]:
        assert self._folders is not None, "prepare comes first"
        path = self._folders.run / f"onion-{next(self._sockets)}"
        listening = await to_thread.run_sync(_bind, path)
        return await SocketListener.from_socket(listening), f"unix:{path}"

    async def close(self) -> None:
        if self._folders is not None:
            await to_thread.run_sync(self._folders.remove_run)

    @staticmethod
    async def _connect(process: Process, output: "_Output", address: Path) -> Control:
        with anyio.move_on_after(_CONTROL_WITHIN):
            while process.returncode is None:
                try:
                    return await connected(partial(_connect_and_own, address))
                except TorControlRefused:
                    await anyio.sleep(_LOOK_EVERY)
            await output.ended.wait()
            raise output.explanation()
        raise TorEnded(f"tor did not open its control socket within {_CONTROL_WITHIN:g} s")


class RunningTor(TorSource):
    """A tor that somebody else runs; we only use its control and SOCKS ports."""

    def __init__(self, settings: TorSettings) -> None:
        address = settings.control_address
        assert address is not None
        self._address = address
        self._password = settings.control_secret
        self._worked_before = False

    async def prepare(self) -> None:
        pass

    @asynccontextmanager
    async def open(self, tasks: TaskGroup) -> AsyncGenerator[Control, None]:
        del tasks
        try:
            control = await connected(self._connect)
        except TorControlRefused as error:
            if self._worked_before:
                raise TorEnded("the running tor does not answer any more") from error
            raise
        self._worked_before = True
        try:
            yield control
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(control.close)

    async def listen(self) -> tuple[SocketListener, str]:
        # That tor may run as another user, who cannot reach a socket in our folder.
        (listener,) = (await anyio.create_tcp_listener(local_host="127.0.0.1")).listeners
        assert isinstance(listener, SocketListener)
        return listener, f"127.0.0.1:{listener.extra(SocketAttribute.local_port)}"

    async def close(self) -> None:
        pass

    def _connect(self) -> Control:
        return Control.connect(self._address, password=self._password)


class _Output:
    """The last lines that our tor wrote. They stay in memory, and are looked at only when it did not start."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self.ended = anyio.Event()

    async def drain(self) -> None:
        """Read until tor ends, so that it never waits for us."""
        assert self._process.stdout is not None
        rest = b""
        try:
            async for chunk in self._process.stdout:
                *lines, rest = (rest + chunk).split(b"\n")
                self._lines.extend(line.decode(errors="replace") for line in lines)
                rest = rest[-4096:]
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        finally:
            self.ended.set()

    def explanation(self) -> Exception:
        """Why tor ended before it could be used."""
        if any(_FOLDER_IN_USE in line for line in self._lines):
            return TorEnded("another tor still uses this profile's folder")
        warnings = [line.split("[warn] ", 1)[1] for line in self._lines if "[warn] " in line]
        if any(_CONFIGURATION_REFUSED in line for line in self._lines):
            return NetworkUnavailable(
                problem=f"tor refuses its configuration ({warnings[-1] if warnings else 'it does not say why'})",
                remedy="Correct settings.network_tor.",
            )
        return TorEnded("tor ended while it was starting")


def _connect_and_own(address: Path) -> Control:
    """Connect to our tor, which then ends with the connection. Raise TorControlRefused, ControlFailure."""
    control = Control.connect(address)
    try:
        control.take_ownership()
    except BaseException:
        control.close()
        raise
    return control


def _bind(path: Path) -> socket.socket:
    """Listen at a unix socket. anyio's own way looks at the file system from the event loop."""
    listening = socket.socket(socket.AF_UNIX)
    listening.setblocking(False)  # noqa: FBT003  # it takes no keyword
    listening.bind(str(path))
    path.chmod(0o600)
    listening.listen(_BACKLOG)
    return listening


async def _end(process: Process) -> None:
    """End a process of ours, at the worst by SIGKILL."""
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(_STOP_WITHIN):
            await process.wait()
    if process.returncode is None:
        process.kill()
    await process.wait()
    await process.aclose()
