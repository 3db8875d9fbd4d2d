"""A real relay as a process of its own, at a socket in the directory that is the network of these tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from balchat_relay_proto.address import PORT

from balchat_host.api.types import PeerId
from balchat_host.testing.loopback_network import socket_path

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM: Final = (sys.executable, "-m", "balchat_relay")


class RelayProcess:
    """A relay in `network`; `folder` has its data."""

    def __init__(self, network: Path, folder: Path, *options: str, **limits: int) -> None:
        self.network = network
        self.folder = folder
        subprocess.run([*PROGRAM, "init", "-f", str(folder), *options], check=True, capture_output=True)
        settings = folder / "relay.toml"
        lines = "".join(f"{name} = {value}\n" for name, value in {"min_free_mib": 0, **limits}.items())
        settings.write_text(settings.read_text().replace("[limits]\n", f"[limits]\n{lines}"))
        self.address = self.command("address").stdout.split()[0]
        self.peer = PeerId.from_onion(self.address.removeprefix("balchat-relay:").partition("?")[0])
        self.socket = socket_path(network, self.peer, PORT)
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the operator's commands."""
        name, *rest = arguments
        command = [*PROGRAM, name, "-f", str(self.folder), *rest]
        return subprocess.run(command, check=True, capture_output=True, text=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.socket.unlink(missing_ok=True)
        command = [*PROGRAM, "run", "-f", str(self.folder), "--socket", str(self.socket)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        while b"serving" not in (line := self._process.stdout.readline()):
            assert line, "it ended at its start"

    def kill(self) -> None:
        """End it this moment."""
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None


@pytest.fixture(scope="session")
def network() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="balchat-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def relay(network: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    """A relay that stays up for all tests; each has accounts of its own."""
    process = RelayProcess(network, tmp_path_factory.mktemp("relay") / "data", creations_per_minute=100_000)
    process.start()
    yield process
    process.kill()


@pytest.fixture
def own_relay(network: Path, tmp_path: Path) -> Iterator[RelayProcess]:
    """A relay that the test may kill, fill and start again. It runs."""
    process = RelayProcess(network, tmp_path / "data")
    process.start()
    yield process
    process.kill()
