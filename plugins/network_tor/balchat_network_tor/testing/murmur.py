"""The murmur of a network in use.

In an idle network the news that a circuit ended gets stuck. When many circuits end at once, tor writes the first
DESTROY cell for a neighbour and leaves the others in its queue until there is something else to send there, which the
public network has all the time and this one may not have for a minute. So one more tor builds short circuits through
all pairs of nodes, again and again.
"""

import itertools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from balchat_host.api.errors import NetworkUnavailable
from balchat_network_tor.testing.process import TorProcess

_EVERY: Final = 1.0
"""Seconds."""


class Murmur(TorProcess):
    """A client in `folder` that keeps every pair of nodes talking."""

    def __init__(self, *, folder: Path) -> None:
        super().__init__(folder=folder, name="murmur")
        self._silence = threading.Event()
        self._thread = threading.Thread(target=self._murmur, name=self.name, daemon=True)

    def join_network(self, tor: str, authorities: Sequence[str]) -> None:
        """Start the process as a client of these authorities."""
        self.make_folder()
        self.start(tor, ["__DisablePredictedCircuits 1", *authorities])

    def informed(self) -> bool:
        """Whether it knows enough of the network to build circuits."""
        return self.information("status/enough-dir-info") == "1"

    def begin(self, fingerprints: Sequence[str]) -> None:
        """Murmur among these nodes until stopped."""
        self._pairs = list(itertools.combinations(fingerprints, 2))
        self._thread.start()

    def stop(self) -> None:
        self._silence.set()
        super().stop()
        if self._thread.is_alive():
            self._thread.join()

    def _murmur(self) -> None:
        circuits: list[str] = []
        try:
            while not self._silence.wait(_EVERY):
                for circuit in circuits:
                    self.control.close_circuit(circuit)
                circuits = [self.control.build_circuit(pair) for pair in self._pairs]
        except NetworkUnavailable:
            return  # it was stopped


def fingerprints_of(authorities: Sequence[str]) -> list[str]:
    """Read the nodes' fingerprints from their DirAuthority lines."""
    return [line.rsplit(" ", 1)[1] for line in authorities]
