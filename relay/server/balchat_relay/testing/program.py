"""The program on a folder, for whoever waits by blocking: tests of whole programs, and demonstrations.

`process` is the same for event loops.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from balchat_host.api.types import OnionKey
from balchat_host.testing.programs import PATIENCE, children, wait_until_gone
from balchat_relay.operating.folder import Folder
from balchat_relay.testing.process import PROGRAM, write_settings

_READY: Final = ("serving at", "onion: online")


class ProgramFailed(Exception):
    """The program ended, or did not do what it was asked for; the text is what it said."""


class RelayProgram:
    """A relay in `path`. A context manager: it ends with its block.

    With a `socket` it serves there and publishes nothing; give it before `start`. Once it is made, `address` is what it
    hands out, and `peer` its onion.
    """

    address: str
    peer: OnionKey

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket: Path | None = None
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def make(self, *options: str, torrc: Sequence[str] = (), **limits: int) -> None:
        """Run `init`; then let its disk be as full as it is. The lines of `torrc` are tor's. Raise ProgramFailed."""
        self.command("init", *options)
        folder = Folder(self.path)
        write_settings(folder, "limits", **{"min_free_mib": 0, **limits})
        write_settings(folder, "tor", torrc=list(torrc))
        self.address = self.command("address").split()[0]
        self.peer = OnionKey(folder.relay_key())

    def command(self, name: str, *arguments: str) -> str:
        """Run one of the operator's commands to its end; return what it printed. Raise ProgramFailed."""
        command = [*PROGRAM, name, "-f", str(self.path), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
        if done.returncode:
            raise ProgramFailed(f"balchat-relay {name} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def start(self) -> None:
        """Run it; return when it serves at its socket, or its onion can be found. Raise ProgramFailed."""
        command = [*PROGRAM, "run", "-f", str(self.path)]
        if self.socket is not None:
            self.socket.unlink(missing_ok=True)
            command += ["--socket", str(self.socket)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if _READY[self.socket is None] in line:
                return
        raise ProgramFailed(f"balchat-relay run ended with {self._process.wait()}")

    def kill_at_once(self) -> None:
        """End it (SIGKILL) and wait for nothing; `kill` does the rest."""
        if self._process is not None:
            self._process.kill()

    def kill(self) -> None:
        """End it this moment (SIGKILL), and wait until its tor, where it has one, has noticed."""
        if self._process is None:
            return
        left = children(self._process.pid)
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        for child in left:
            wait_until_gone(child)
        self._process = None
