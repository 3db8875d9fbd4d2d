"""People with the command `balchat` and real vaults: in one private Tor network, or beside relays on this machine."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from balchat_network_tor.testing import PrivateTorNetwork
from balchat_relay.testing.program import RelayProgram
from balchat_relay_proto.address import PORT

from tests.support.announcing import announce, search_path
from tests.support.fork_server import ForkServer
from tests.support.loopback_network import socket_path
from tests.support.null_town import NullTown
from tests.support.people import Person

MakePerson = Callable[..., Person]


@pytest.fixture
def town() -> Iterator[Path]:
    """A folder for homes with a short path, as sockets need one."""
    folder = Path(tempfile.mkdtemp(prefix="balchat-e2e-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Starts processes in a fraction of the time; a `person` alone starts the command that is installed."""
    with ForkServer() as server:
        yield server


@pytest.fixture
def person(town: Path) -> Iterator[MakePerson]:
    """Makes people without a network, who have an account."""
    with ExitStack() as stack:

        def make(name: str, configuration: str = "", server: ForkServer | None = None) -> Person:
            somebody = stack.enter_context(Person(town, name, configuration=configuration, server=server))
            somebody.init()
            return somebody

        yield make


@pytest.fixture
def onion_person(person: MakePerson, fork_server: ForkServer, private_tor_network: PrivateTorNetwork) -> MakePerson:
    """Makes people who are reachable in the private network. `tests/install` does it with the command as installed."""
    configuration = f"[settings.network_tor]\ntorrc = {json.dumps(private_tor_network.torrc_lines())}\n"

    def make(name: str) -> Person:
        somebody = person(name, configuration, fork_server)
        somebody.up()
        somebody.wait_online()
        return somebody

    return make


# -- without tor


@pytest.fixture
def null_town(town: Path, fork_server: ForkServer) -> Iterator[NullTown]:
    """A town whose people meet over the null network."""
    with NullTown(town, server=fork_server) as made:
        yield made


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
def neighbour(town: Path, fork_server: ForkServer) -> Iterator[MakePerson]:
    """Makes people who meet through sockets in the town: `neighbour(name, policy, transports)`."""
    announce(town / "site", {"network_loopback": "tests.support.loopback_plugin"})
    path = search_path(town / "site")

    with ExitStack() as stack:

        def make(name: str, policy: str = "both", transports: tuple[str, ...] = TRANSPORTS) -> Person:
            enabled = ["storage_sqlcipher", "crypto_mls", "network_loopback", *transports, "ui_rpc", "ui_cli"]
            text = BESIDE_RELAYS.format(enabled=json.dumps(enabled), policy=policy, network=town / "net")
            if "transport_relay" in transports:
                text += SWIFT_RELAYS
            somebody = Person(town, name, configuration=text, environment={"PYTHONPATH": path}, server=fork_server)
            stack.enter_context(somebody).init()
            return somebody

        yield make


@pytest.fixture
def relay(town: Path) -> Iterator[Callable[[], RelayProgram]]:
    """Makes relays that run; their onions lead through the town's network."""
    network = town / "net"
    network.mkdir(mode=0o700)
    with ExitStack() as stack:

        def make() -> RelayProgram:
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=town))
            made = stack.enter_context(RelayProgram(Path(folder, "data")))
            made.make()
            made.socket = socket_path(network, made.peer, PORT)
            made.start()
            return made

        yield make
