"""Accounts in real processes, with real vaults and real MLS, that meet through sockets on this machine."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.announcing import announce, search_path
from tests.support.fork_server import ForkServer
from tests.support.people import Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    MakePair = Callable[..., tuple[Person, Person]]
    MakePerson = Callable[[Path, str], Person]

NAMES = ("Alice", "Bob")
CONFIGURATION = """\
[plugins]
enabled = ["storage_mortal", "crypto_mls", "network_null", "transport_tor_direct", "ui_rpc", "ui_cli"]
storage = "storage_mortal"
network = "network_null"

[delivery]
retry_first_seconds = 1
retry_max_seconds = 1

[settings.network_null]
directory = "{network}"
"""
DEATH = """
[settings.storage_mortal]
when = "{when}"
at = {at}
"""


@pytest.fixture(scope="session")
def house() -> Iterator[Path]:
    """A private folder with a path that is short enough for sockets in it."""
    with tempfile.TemporaryDirectory(prefix="balchat-") as folder:
        announce(
            Path(folder, "site"),
            {"storage_mortal": "tests.support.mortal_storage"},
        )
        yield Path(folder)


@pytest.fixture(scope="session")
def make_person(house: Path) -> Iterator[MakePerson]:
    """Makes somebody whose home lies in a given folder."""
    environment = {"PYTHONPATH": search_path(house / "site")}
    # Hundreds of processes are started here.
    with ForkServer() as server:

        def make(base: Path, name: str) -> Person:
            configuration = CONFIGURATION.format(network=base / "net")
            return Person(base, name, configuration=configuration, environment=environment, server=server)

        yield make


@pytest.fixture(scope="session")
def accounts(house: Path, make_person: MakePerson) -> Path:
    """The homes of two accounts that were made and never used."""
    base = house / "new"
    base.mkdir()
    for name in NAMES:
        with make_person(base, name) as somebody:
            somebody.init()
    return base


@pytest.fixture
def make_pair(house: Path, accounts: Path, make_person: MakePerson) -> Iterator[MakePair]:
    """Makes pairs of people with new accounts, or copies of others. What one pair left is gone with the next one."""
    with ExitStack() as stack:

        def make(of: Path = accounts) -> tuple[Person, Person]:
            stack.close()
            base = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=house)))
            for name in NAMES:
                shutil.copytree(of / name.lower(), base / name.lower())
            alice, bob = (stack.enter_context(make_person(base, name)) for name in NAMES)
            return alice, bob

        yield make


@pytest.fixture
def newcomer(house: Path, make_person: MakePerson) -> Iterator[Callable[[], Person]]:
    """Makes people without an account, each with a folder of their own."""
    with ExitStack() as stack:

        def make() -> Person:
            base = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=house)))
            return stack.enter_context(make_person(base, NAMES[0]))

        yield make


@pytest.fixture
def die_at() -> Callable[[Person, str, int], None]:
    """Makes somebody's next process die at a commit; the one after it does not."""

    def die_at(somebody: Person, when: str, at: int) -> None:
        before = (somebody.profile / "balchat.toml").read_text().partition(DEATH[:24])[0]
        somebody.configure(before + DEATH.format(when=when, at=at))

    return die_at
