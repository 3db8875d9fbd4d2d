"""What every act has: a private Tor network, a folder for all homes, and the people who live there.

However the house is left, by its end, by a failure, by Ctrl-C or SIGTERM, nothing of it stays: no process, no file.
"""

import json
import signal
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from balchat_network_tor.testing import PrivateTorNetwork

from demo.stage import Stage
from tests.support.people import Person

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """`base` is a private folder. What is entered on `stack` is left with the house."""

    network: PrivateTorNetwork
    base: Path
    stack: ExitStack

    @property
    def torrc(self) -> tuple[str, ...]:
        """The lines that make a tor a client of the private network."""
        return self.network.torrc_lines()

    def person(self, name: str, *, room: str = "") -> Person:
        """Give somebody a home, configured for the private network; acts have rooms of their own."""
        configuration = f"[settings.network_tor]\ntorrc = {json.dumps(self.torrc)}\n"
        base = self.base / room
        base.mkdir(mode=0o700, exist_ok=True)
        return self.stack.enter_context(Person(base, name, configuration=configuration))


@contextmanager
def open_house(stage: Stage) -> Generator[House]:
    """Start the network, showing how far it is. Raise PrivateNetworkFailed, KeyboardInterrupt at any ending signal."""
    for number in _ENDING:
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        try:
            base = stack.enter_context(tempfile.TemporaryDirectory(prefix="balchat-demo-"))
            stage.step("A private Tor network starts on loopback; nothing leaves this machine")
            network = stack.enter_context(PrivateTorNetwork(on_progress=stage.progress))
            yield House(network=network, base=Path(base), stack=stack)
        finally:
            # Whoever is impatient must not stop us from putting everything away.
            for number in _ENDING:
                signal.signal(number, signal.SIG_IGN)
