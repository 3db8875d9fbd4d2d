"""The private Tor network as a pytest fixture, one for the whole run.

A `conftest.py` takes it with `from balchat_network_tor.testing.fixtures import private_tor_network`.
"""

from collections.abc import Iterator

import pytest

from balchat_network_tor.testing.private_network import PrivateTorNetwork

__all__ = ["private_tor_network"]


@pytest.fixture(scope="session")
def private_tor_network() -> Iterator[PrivateTorNetwork]:
    """A private Tor network on loopback, up and usable; it is gone after the last test."""
    with PrivateTorNetwork() as network:
        yield network
