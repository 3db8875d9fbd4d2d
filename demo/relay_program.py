"""The program `balchat-relay` in the house: made, run, killed and run again."""

import json
import subprocess
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from balchat_host.testing.programs import PATIENCE, children, wait_until_gone
from demo.telling import ActFailed, insist

PROGRAM: Final = str(Path(sysconfig.get_path("scripts")) / "balchat-relay")


class RelayProgram:
    """A relay in `folder`; the lines of `torrc` lead into its network. A context manager: it ends with its block."""

    def __init__(self, folder: Path, torrc: tuple[str, ...]) -> None:
        self.folder = folder
        self._torrc = torrc
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def init(self) -> str:
        """Make it; give its address."""
        self.command("init")
        settings = self.folder / "relay.toml"
        settings.write_text(settings.read_text().replace("[tor]\n", f"[tor]\ntorrc = {json.dumps(self._torrc)}\n"))
        return self.command("address").split()[0]

    def command(self, name: str, *arguments: str) -> str:
        """Run one of its commands to its end; give what it printed. Raises ActFailed where it fails."""
        command = [PROGRAM, name, "-f", str(self.folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
        insist(done.returncode == 0, f"balchat-relay {name} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def start(self) -> None:
        """Run it; return when its onion can be found. Raises ActFailed where it ends instead."""
        command = [PROGRAM, "run", "-f", str(self.folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in _output(self._process):
            if "onion: online" in line:
                return
        raise ActFailed(f"balchat-relay run ended with {self._process.wait()}")

    def kill(self) -> None:
        """End it this moment (SIGKILL), and wait until its tor has noticed."""
        if self._process is None:
            return
        left = children(self._process.pid)
        self._process.kill()
        self._process.wait()
        _output(self._process).close()
        for child in left:
            wait_until_gone(child)
        self._process = None


def _output(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None, "it was asked for"
    return process.stdout
