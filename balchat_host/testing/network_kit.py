"""The conformance kit for networks: subclass `NetworkKit`, give it a bench, and get the suite.

    class TestPigeonNetwork(NetworkKit):
        @pytest.fixture(scope="class")
        @classmethod
        def bench(cls):
            return PigeonBench()

Tests ask the bench what it can do (`NetworkBench.capabilities`), never who it is. Where it matters they look from
outside: at who can be reached by `NetworkBench.look`, and at what lies in the files that the network wrote.

Starting a network, and being found, may take seconds. So one bench serves all tests, and most of them share a pair of
networks that run all the time (`network_pair`). Only what is about starting and ending has networks of its own.
"""

import pytest

from balchat_host.testing.network_bench import NetworkBench, NetworkCapabilities
from balchat_host.testing.network_lives import LivesOfNetworkTests
from balchat_host.testing.network_services import ServicesOfNetworkTests
from balchat_host.testing.network_streams import StreamsOfNetworkTests

__all__ = ["NetworkBench", "NetworkCapabilities", "NetworkKit"]


@pytest.mark.anyio
class NetworkKit(StreamsOfNetworkTests, ServicesOfNetworkTests, LivesOfNetworkTests):
    """What every network does. pytest runs the tests of the last of these bases first."""
