"""One private Tor network for the whole run, and one event loop library: tor takes the time, not the loop."""

import pytest
from balchat_network_tor.testing.fixtures import private_tor_network

__all__ = ["private_tor_network"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
