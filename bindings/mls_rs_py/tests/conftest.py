"""People with clients, for all tests."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from mls_rs_py import (
    BasicCredential,
    BasicIdentityProvider,
    Client,
    Group,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    InMemoryPreSharedKeyStorage,
    SignatureKeyPair,
)

NOW = 1_800_000_000


def pytest_configure(config: pytest.Config) -> None:
    """Declare what the tests of an sdist need outside of this repository too."""
    config.addinivalue_line("markers", "fuzz: the fuzzer, which `make fuzz` runs in full")


@dataclass
class Person:
    """A client, with what it was made of."""

    name: str
    suite: int = 1
    groups: object = field(default_factory=InMemoryGroupStateStorage)
    key_packages: InMemoryKeyPackageStorage = field(default_factory=InMemoryKeyPackageStorage)
    psks: InMemoryPreSharedKeyStorage = field(default_factory=InMemoryPreSharedKeyStorage)
    identity_provider: object = field(default_factory=BasicIdentityProvider)
    options: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key_pair = SignatureKeyPair.generate(self.suite)
        self.client = Client(
            BasicCredential(self.name.encode()),
            self.key_pair,
            identity_provider=self.identity_provider,
            group_state_storage=self.groups,
            key_package_storage=self.key_packages,
            psk_storage=self.psks,
            **{"clock": lambda: NOW} | self.options,
        )


@pytest.fixture
def person() -> Callable[..., Person]:
    return Person


def make_group(*people: Person, group_id: bytes = b"group") -> list[Group]:
    """Make a group of the first person and add the others."""
    first, *others = people
    group = first.client.create_group(group_id)
    if others:
        commit = group.commit(add=[other.client.generate_key_package() for other in others])
        group.apply_pending_commit()
        groups = [group, *(other.client.join(commit.welcomes[0]) for other in others)]
    else:
        groups = [group]
    for each in groups:
        each.write_to_storage()
    return groups


@pytest.fixture
def gather() -> Callable[..., list[Group]]:
    return make_group


@pytest.fixture
def pair() -> list[Group]:
    return make_group(Person("alice"), Person("bob"))
