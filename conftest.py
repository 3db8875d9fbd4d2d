"""What holds for every test of every distribution: no blocking call in an event loop, no timed property tests.

With `pytest -n 3` the files run side by side, each in one process. What runs over real Tor is in one process, since the
private network is one for a process, and waits more than it computes; the others run meanwhile.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

if find_spec("balchat_network_tor"):
    # Here, since a fixture of the same name in two folders would be two networks.
    from balchat_network_tor.testing.fixtures import private_tor_network

    __all__ = ["private_tor_network"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

OURS = (
    "balchat_host",
    "balchat_common",
    "balchat_crypto_mls",
    "balchat_network_null",
    "balchat_network_tor",
    "balchat_relay",
    "balchat_relay_proto",
    "balchat_storage_sqlcipher",
    "balchat_texts",
    "balchat_transport_relay",
    "balchat_transport_tor_direct",
    "balchat_ui_cli",
    "balchat_ui_notify",
    "balchat_ui_rpc",
    "balchat_ui_tui",
    "balchat_ui_web",
)

# A deadline, or a limit to how long making examples takes, would turn a busy machine into a failed test.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("balchat", _PATIENT)
settings.register_profile("fuzz", _PATIENT, max_examples=20_000, print_blob=True)
settings.load_profile("balchat")


@pytest.fixture(autouse=True, scope="session")
def no_blocking_calls() -> Iterator[None]:
    """Raise wherever our own code blocks a running event loop: a file, a lock, a socket, a sleep."""
    with blockbuster_ctx([name for name in OURS if find_spec(name)]) as blockbuster:
        for function in blockbuster.functions.values():
            # Accounts in memory load their engine when the first one is made, and profiles in memory keep a small file.
            function.can_block_in("testing/memory_world.py", {"installed_engine"})
            function.can_block_in("testing/memory_profiles.py", {"account", "exists", "make", "restore"})
            # What is printed goes to pytest, by way of the kits' audit.
            function.can_block_in("audit/logs.py", {"write"})
            # It waits for what reads the terminal before it gives it back.
            function.can_block_in("balchat_ui_tui/driver.py", {"stop_application_mode"})
            # The terminal screen is made before its loop runs, but in tests; its pages are imported when they open.
            function.can_block_in("balchat_ui_tui/app.py", {"__init__"})
            function.can_block_in("balchat_ui_tui/screens.py", {"make_screen"})
        if find_spec("balchat_host"):
            from balchat_host.testing.audit.blocking import pass_over_memory  # noqa: PLC0415  # not everywhere

            pass_over_memory(blockbuster.functions)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests over real Tor first, then the files with slow tests, so that the last ones to run are short."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.get_closest_marker("tor") is None, item.path not in slow))


@pytest.hookimpl(optionalhook=True)  # distributions are also tested where pytest-xdist is not installed
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Give each process whole files, and one of them all those with tests over real Tor."""
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415  # see above

    @cache
    def over_tor(file: str) -> bool:
        return "pytest.mark.tor" in (config.rootpath / file).read_text()

    class WholeFiles(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "tor" if over_tor(file) else file

    return WholeFiles(config, log)
