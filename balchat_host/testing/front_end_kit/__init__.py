"""The conformance kit for front ends that run inside the account's process: subclass `FrontEndKit`, give it a bench.

    class TestPigeonBot(FrontEndKit):
        @pytest.fixture
        def bench(self):
            return PigeonBench()

Each test has an account in memory with people in it whom the test plays. The kit runs a front end as the host does:
where `run` raises or returns, another object is made. So it may end of what nobody foresaw, and must not end again and
again of the same event. What it does about a message is looked at through the bench (`FrontEndBench.reactions`).
"""

from balchat_host.testing.front_end_kit.bench import FrontEndBench, FrontEndCapabilities
from balchat_host.testing.front_end_kit.happening import HappeningTests
from balchat_host.testing.front_end_kit.living import LivingTests
from balchat_host.testing.front_end_kit.reacting import ReactingTests
from balchat_host.testing.front_end_kit.troubles import TroubleTests

__all__ = ["FrontEndBench", "FrontEndCapabilities", "FrontEndKit"]


class FrontEndKit(LivingTests, ReactingTests, HappeningTests, TroubleTests):
    """What every front end does."""
