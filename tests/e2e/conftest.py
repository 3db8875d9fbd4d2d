"""People with the command `balchat` and real vaults: in one private Tor network, or beside relays on this machine."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from balchat_network_tor.testing import PrivateTorNetwork
from balchat_network_tor.testing.fixtures import private_tor_network
from balchat_relay_proto.address import PORT

from balchat_host.api.types import PeerId
from balchat_host.testing.announcing import announce
from balchat_host.testing.loopback_network import socket_path
from balchat_host.testing.people import Person

__all__ = ["private_tor_network"]

MakePerson = Callable[..., Person]


@pytest.fixture
def town() -> Iterator[Path]:
    """A folder for homes with a short path, as sockets need one."""
    folder = Path(tempfile.mkdtemp(prefix="balchat-e2e-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def person(town: Path) -> Iterator[MakePerson]:
    """Makes people without a network, who have an account."""
    with ExitStack() as stack:

        def make(name: str, configuration: str = "") -> Person:
            somebody = stack.enter_context(Person(town, name, configuration=configuration))
            somebody.init()
            return somebody

        yield make


@pytest.fixture
def onion_person(person: MakePerson, private_tor_network: PrivateTorNetwork) -> MakePerson:
    """Makes people who are reachable in the private network."""

    def make(name: str) -> Person:
        somebody = person(name, f"[settings.network_tor]\ntorrc = {json.dumps(private_tor_network.torrc_lines())}\n")
        somebody.up()
        somebody.wait_online()
        return somebody

    return make


# -- without tor


BESIDE_RELAYS = """\
[plugins]
enabled = {enabled}
network = "network_loopback"

[delivery]
policy = "{policy}"
hedge_seconds = 0
retry_first_seconds = 1
retry_max_seconds = 1

[settings.network_loopback]
directory = "{network}"
"""
SWIFT_RELAYS = """
[settings.transport_relay]
care_seconds = 1
poll_seconds = 10
"""
TRANSPORTS = ("transport_tor_direct", "transport_relay")


@pytest.fixture
def neighbour(town: Path) -> Iterator[MakePerson]:
    """Makes people who meet through sockets in the town: `neighbour(name, policy, transports)`."""
    announce(town / "site", {"network_loopback": "balchat_host.testing.loopback_plugin"})
    path = os.pathsep.join([str(town / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])

    with ExitStack() as stack:

        def make(name: str, policy: str = "both", transports: tuple[str, ...] = TRANSPORTS) -> Person:
            enabled = ["storage_sqlcipher", "crypto_mls", "network_loopback", *transports, "ui_rpc", "ui_cli"]
            text = BESIDE_RELAYS.format(enabled=json.dumps(enabled), policy=policy, network=town / "net")
            if "transport_relay" in transports:
                text += SWIFT_RELAYS
            somebody = Person(town, name, configuration=text, environment={"PYTHONPATH": path})
            stack.enter_context(somebody).init()
            return somebody

        yield make


class RelayProcess:
    """The program `balchat-relay`, whose onion leads through `network`; `folder` has its data."""

    def __init__(self, network: Path, folder: Path) -> None:
        self.folder = folder
        self.command("init")
        settings = folder / "relay.toml"
        settings.write_text(settings.read_text().replace("[limits]\n", "[limits]\nmin_free_mib = 0\n"))
        self.address = self.command("address").split()[0]
        self.onion = self.address.removeprefix("balchat-relay:") + ".onion"
        self._socket = socket_path(network, PeerId.from_onion(self.onion), PORT)
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, name: str, *arguments: str) -> str:
        """Run one of the operator's commands; give what it printed."""
        command = [sys.executable, "-m", "balchat_relay", name, "-f", str(self.folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def start(self) -> None:
        """Run it; return when it answers."""
        self._socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "balchat_relay", "run", "-f", str(self.folder), "--socket", str(self._socket)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        while b"serving" not in (line := self._process.stdout.readline()):
            assert line, "it ended at its start"

    def kill(self) -> None:
        """End it this moment (SIGKILL)."""
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None


@pytest.fixture
def relay(town: Path) -> Iterator[Callable[[], RelayProcess]]:
    """Makes relays that run."""
    network = town / "net"
    network.mkdir(mode=0o700)
    with ExitStack() as stack:

        def make() -> RelayProcess:
            made = RelayProcess(network, Path(stack.enter_context(tempfile.TemporaryDirectory(dir=town)), "data"))
            stack.callback(made.kill)
            made.start()
            return made

        yield make
