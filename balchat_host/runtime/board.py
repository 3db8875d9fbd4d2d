"""What is true only for the moment: how network and transports are, and who is within reach."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import STOPPED, PeerId, ServiceState
from balchat_host.api.views import Status
from balchat_host.core import contacts, outbox, requests
from balchat_host.core.unit import ANNOUNCE, Effect
from balchat_host.core.views import contact_view
from balchat_host.runtime.signal import Signal


class Board:
    """Collects states as they are reported; rings `changed` at each change."""

    def __init__(self, *, profile: str, policy: str) -> None:
        self.changed = Signal()
        self.running = False
        self.in_flight: Callable[[], int] = lambda: 0
        self._profile = profile
        self._policy = policy
        self._network: dict[str, ServiceState] = {}
        self._transports: dict[str, ServiceState] = {}
        self._published = STOPPED
        self._reachable: set[PeerId] = set()

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Carry out all that can be carried out while nothing runs: tell who follows events or the status."""
        if ANNOUNCE in effects:
            self.changed.ring()

    def set_network(self, name: str, state: ServiceState) -> None:
        """Note how a network is."""
        self._network[name] = state
        self.changed.ring()

    def set_transport(self, name: str, state: ServiceState) -> None:
        """Note how a transport is."""
        self._transports[name] = state
        self.changed.ring()

    def set_published(self, state: ServiceState) -> None:
        """Note whether our own address can be found."""
        self._published = state
        self.changed.ring()

    def set_reachable(self, peer: PeerId, *, reachable: bool) -> None:
        """Note who came within reach or left it."""
        (self._reachable.add if reachable else self._reachable.discard)(peer)
        self.changed.ring()

    def is_reachable(self, peer: PeerId) -> bool:
        """Say whether a peer is within reach this moment."""
        return peer in self._reachable

    def status(self, tx: ReadTransaction) -> Status:
        """Give everything as it is now."""
        return Status(
            vault="unlocked",
            profile=self._profile,
            running=self.running,
            network=dict(self._network),
            published=self._published,
            transports=dict(self._transports),
            policy=self._policy,
            contacts=[
                replace(contact_view(tx, row), reachable=row.peer in self._reachable) for row in contacts.everyone(tx)
            ],
            requests=requests.count(tx),
            outbox=replace(outbox.view(tx), in_flight=self.in_flight()),
        )
