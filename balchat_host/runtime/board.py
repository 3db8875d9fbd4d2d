"""What is true only for the moment: how network and transports are, and who is within reach."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import STOPPED, PeerId, ServiceState
from balchat_host.api.views import ContactState, ContactView, Status
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
        self._reasons: dict[PeerId, str] = {}

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

    def set_reason(self, peer: PeerId, reason: str | None) -> None:
        """Note what keeps us from reaching somebody for the first time, or that nothing does."""
        if self._reasons.get(peer) == reason:
            return
        if reason is None:
            del self._reasons[peer]
        else:
            self._reasons[peer] = reason
        self.changed.ring()

    def complete(self, view: ContactView) -> ContactView:
        """Add to a contact what is true only for the moment."""
        peer = PeerId(bytes.fromhex(view.peer_id))
        # What their KeyPackage was like explains more than where one was looked for.
        looking = self._reasons.get(peer) if view.state is ContactState.ADDING else None
        return replace(view, reachable=peer in self._reachable, reason=view.reason or looking)

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
            contacts=[self.complete(contact_view(tx, row)) for row in contacts.everyone(tx)],
            requests=requests.count(tx),
            outbox=replace(outbox.view(tx), in_flight=self.in_flight()),
        )
