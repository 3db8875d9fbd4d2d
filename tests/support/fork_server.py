"""A process that has imported balchat, and forks for each command: a start costs a fraction of the time.

A forked one is a process like any other: it has its environment, its standard streams and a session of its own, and
can be killed. What differs is that the modules are imported already, so it is for tests that start hundreds.

    the test → command, environment, descriptors → the server forks → process id → exit code, when there is one
    the test → whom to kill → the server kills it, if it still runs

A message is one packet of JSON, with the descriptors beside it. Processes are known by a number that is theirs alone:
the kernel gives the id of a process that has ended to another one.
"""

import fcntl
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib import import_module
from itertools import count
from types import FrameType, TracebackType
from typing import IO, Any, Final, Self

import typer.main

from balchat_host.testing.programs import PATIENCE
from tests.support.announcing import ROOT
from tests.support.programs import Said

_PACKET: Final = 200_000
"""Octets of a message, at most."""
_DESCRIPTORS: Final = 8
_IMPORTED: Final = (
    "anyio._backends._asyncio",
    "balchat_crypto_mls.engine",
    "balchat_crypto_mls.plugin",
    "balchat_host.__main__",
    "balchat_host.app",
    "balchat_host.background",
    "balchat_host.local_profile",
    "balchat_network_null.service",
    "balchat_network_tor.network",
    "balchat_storage_sqlcipher.storage",
    "balchat_transport_relay.transport",
    "balchat_transport_tor_direct.transport",
    "balchat_ui_rpc.remote",
    "balchat_ui_rpc.server",
    "sqlcipher3",
)


class Forked:
    """A process that the server has forked, its `number`-th."""

    def __init__(self, server: "ForkServer", number: int, pid: int, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        self.pid = pid
        self.stdout, self.stderr = stdout, stderr
        self._server = server
        self._number = number

    def kill(self) -> None:
        """Kill it (SIGKILL), if it still runs."""
        self._server.kill(self._number)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return its exit code, the negative of a signal that ended it. Raise TimeoutError."""
        return self._server.wait(self._number, timeout)


class ForkServer:
    """The server, as a context manager. Whatever it has forked should have ended before.

    `module` is what runs `main` of this one; `environment` is added to its own.
    """

    def __init__(self, module: str = __name__, environment: Mapping[str, str] | None = None) -> None:
        self._module = module
        self._environment = os.environ | (environment or {})

    def __enter__(self) -> Self:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, str(theirs.fileno())],
                cwd=ROOT,
                env=self._environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._numbers = count(1)
        self._pids: dict[int, int] = {}
        self._codes: dict[int, int] = {}
        self._heard = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._process.wait(PATIENCE)
        self._socket.close()

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], *, stdin: str = "", give: Sequence[int] = ()
    ) -> Said:
        """Run a command to its end, as `programs.run` does."""
        with ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            files[0].write(stdin.encode())
            files[0].seek(0)
            number, _ = self._fork(command, environment, [file.fileno() for file in files], give)
            code = self.wait(number, PATIENCE)
            for file in files:
                file.seek(0)
            return Said(code=code, out=files[1].read().decode(), err=files[2].read().decode())

    def start(self, command: Sequence[str], environment: Mapping[str, str], give: Sequence[int]) -> Forked:
        """Start a command that is followed, as `programs.start` does."""
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            number, pid = self._fork(command, environment, [nothing, out_end, err_end], give)
        finally:
            for descriptor in (nothing, out_end, err_end):
                os.close(descriptor)
        return Forked(self, number, pid, os.fdopen(out, "rb"), os.fdopen(err, "rb"))

    def kill(self, number: int) -> None:
        """Kill a process (SIGKILL), if it still runs."""
        self._socket.send(json.dumps({"kill": number}).encode())

    def wait(self, number: int, timeout: float | None) -> int:
        """Wait for the end of a process; return its exit code. Raise TimeoutError."""
        with self._heard:
            if not self._heard.wait_for(lambda: number in self._codes, timeout):
                raise TimeoutError(f"the process {self._pids[number]} goes on")
            return self._codes[number]

    def _fork(
        self, command: Sequence[str], environment: Mapping[str, str], streams: Sequence[int], give: Sequence[int]
    ) -> tuple[int, int]:
        """Have a process forked; return its number and its id. Raise TimeoutError."""
        number = next(self._numbers)
        order = {"number": number, "command": list(command), "environment": dict(environment), "give": list(give)}
        with self._heard:
            socket.send_fds(self._socket, [json.dumps(order).encode()], [*streams, *give])
            if not self._heard.wait_for(lambda: number in self._pids, PATIENCE):
                raise TimeoutError("nothing was forked")
            return number, self._pids[number]

    def _listen(self) -> None:
        while packet := self._socket.recv(_PACKET):
            said: dict[str, Any] = json.loads(packet)
            with self._heard:
                if "code" in said:
                    self._codes[said["number"]] = said["code"]
                else:
                    self._pids[said["number"]] = said["pid"]
                self._heard.notify_all()


def serve(orders: socket.socket) -> dict[str, Any] | None:
    """Fork at each order until there are no more. Return the order in a forked process, None in the server."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, _woken)
    running: dict[int, int] = {}  # the number of each process that was not waited for, by its id
    while True:
        ready, _, _ = select.select([orders, woken], [], [])
        if woken in ready:
            os.read(woken, 1000)
            for pid, code in _ended():
                orders.send(json.dumps({"number": running.pop(pid), "code": code}).encode())
        if orders in ready:
            packet, descriptors, _, _ = socket.recv_fds(orders, _PACKET, _DESCRIPTORS)
            if not packet:
                return None
            order: dict[str, Any] = json.loads(packet)
            if "kill" in order:
                _kill(order["kill"], running)
                continue
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (woken, wake, orders.detach()):
                    os.close(descriptor)
                _take(descriptors, order["give"])
                return order
            running[pid] = order["number"]
            orders.send(json.dumps({"number": order["number"], "pid": pid}).encode())
            for descriptor in descriptors:
                os.close(descriptor)


def _kill(number: int, running: Mapping[int, int]) -> None:
    """Kill a process that was not waited for, so that its id is its own."""
    for pid in [pid for pid, each in running.items() if each == number]:
        os.kill(pid, signal.SIGKILL)


def _woken(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: a signal that has a handler wakes the server."""


def _ended() -> list[tuple[int, int]]:
    """Return which of our processes have ended, with their exit codes."""
    found: list[tuple[int, int]] = []
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            found.append((ended[0], os.waitstatus_to_exitcode(ended[1])))
    return found


def _take(descriptors: Sequence[int], given: Sequence[int]) -> None:
    """Give the descriptors their numbers: the standard streams, and those that the command line names."""
    # First out of the way of any number that is asked for.
    aside = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, max((2, *given)) + 1) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    for descriptor, number in zip(aside, (0, 1, 2, *given), strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)


def main() -> int:
    """Serve; in a forked process, run the command."""
    for name in _IMPORTED:
        import_module(name)
    # What typer needs to read a command line is imported when it reads the first one.
    typer.main.get_command(import_module("balchat_ui_cli.program").application()).make_context("balchat", ["up"])
    gc.freeze()
    order = serve(socket.socket(fileno=int(sys.argv[1])))
    if order is None:
        return 0
    os.setsid()
    sys.argv = order["command"]
    os.environ.clear()
    os.environ.update(order["environment"])
    more = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [folder for folder in more if folder and folder not in sys.path]
    command: Callable[[], int] = import_module("balchat_host.__main__").main
    return command()


if __name__ == "__main__":
    sys.exit(main())
