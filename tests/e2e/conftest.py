"""People who live in one private Tor network: the command `balchat`, real vaults, real tor."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from balchat_network_tor.testing import PrivateTorNetwork
from balchat_network_tor.testing.fixtures import private_tor_network

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
