"""What is true only for the moment: how network and transports are, and who is within reach."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BalchatError
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import ONLINE, STOPPED, OwnOnion, PeerId, Phase, ServiceState
from balchat_host.api.views import ContactView, ConversationView, ServiceStatus
from balchat_host.core.delivery import outgoing
from balchat_host.core.first_contact import requests
from balchat_host.core.unit_of_work import ANNOUNCE, Effect
from balchat_host.core.views import contact_views

SENDING_FAILED: Final = "sending-failed"
"""The reason that is shown for a contact to whom sending has failed in a way that nobody expected."""


class LiveStatus:
    """Collects states as they are reported; rings `changed` at each change.

    `policy` is the delivery policy as it is configured, `works_as` what it comes to with the transports in use.
    """

    def __init__(self, *, profile: str, policy: str, works_as: str) -> None:
        self.changed = Bell()
        self.running = False
        self._profile = profile
        self._policy = policy
        self._works_as = works_as
        self._network: dict[str, ServiceState] = {}
        self._transports: dict[str, ServiceState] = {}
        self._plugins: dict[str, ServiceState] = {}
        self._published = dict.fromkeys(OwnOnion, STOPPED)
        self._storage = ONLINE
        self._ended: BalchatError | None = None
        self._reachable: defaultdict[PeerId, set[str]] = defaultdict(set)
        self._stopped: set[PeerId] = set()

    def end(self, reason: BalchatError) -> None:
        """Note why the account ends by itself: streams that are open raise it."""
        self._ended = reason
        self.changed.ring()

    def raise_if_ended(self) -> None:
        """Raise why the account ends by itself, once it does."""
        if self._ended is not None:
            raise type(self._ended)(**self._ended.fields)

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Carry out all that can be carried out while nothing runs: tell who follows events or the status."""
        if ANNOUNCE in effects:
            self.changed.ring()

    def set_network(self, name: str, state: ServiceState) -> None:
        """Note how a network is."""
        self._network[name] = _checked(state)
        self.changed.ring()

    def set_transport(self, name: str, state: ServiceState) -> None:
        """Note how a transport is."""
        self._transports[name] = _checked(state)
        self.changed.ring()

    def set_plugin(self, name: str, state: ServiceState) -> None:
        """Note how a plugin is that is neither network nor transport."""
        self._plugins[name] = _checked(state)
        self.changed.ring()

    def set_storage(self, state: ServiceState) -> None:
        """Note how the vault's disk is."""
        if state != self._storage:
            self._storage = state
            self.changed.ring()

    def set_published(self, onion: OwnOnion, state: ServiceState) -> None:
        """Note whether an onion of ours can be found."""
        self._published[onion] = _checked(state)
        self.changed.ring()

    def set_reachable(self, transport: str, peer: PeerId, *, reachable: bool) -> None:
        """Note who came within reach of a transport or left it."""
        (self._reachable[peer].add if reachable else self._reachable[peer].discard)(transport)
        if not self._reachable[peer]:
            del self._reachable[peer]
        self.changed.ring()

    def set_stopped(self, peer: PeerId, stopped: bool) -> None:  # noqa: FBT001  # it is the callback's only news
        """Note that sending to a contact has failed unexpectedly and waits for another try, or that it goes on."""
        if (peer in self._stopped) != stopped:
            (self._stopped.add if stopped else self._stopped.discard)(peer)
            self.changed.ring()

    def complete(self, view: ContactView) -> ContactView:
        """Add to a contact what is true only for the moment."""
        peer = PeerId(bytes.fromhex(view.peer_id))
        if peer in self._stopped:
            return replace(view, reachable=peer in self._reachable, reason=SENDING_FAILED)
        return replace(view, reachable=peer in self._reachable)

    def complete_conversation(self, view: ConversationView) -> ConversationView:
        """Add to a conversation what is true of its contact only for the moment."""
        return view if view.contact is None else replace(view, contact=self.complete(view.contact))

    def status(self, tx: ReadTransaction) -> ServiceStatus:
        """Return everything as it is now."""
        return ServiceStatus(
            vault="unlocked",
            profile=self._profile,
            running=self.running,
            network=dict(self._network),
            published=self._published[OwnOnion.IDENTITY],
            transports=dict(self._transports),
            plugins=dict(self._plugins),
            policy=self._policy,
            works_as=self._works_as,
            contacts=[self.complete(view) for view in contact_views(tx)],
            requests=requests.count(tx),
            outbox=outgoing.view(tx),
            storage=self._storage,
        )


def _checked(state: ServiceState) -> ServiceState:
    """Return a plugin's state. Raises TypeError for anything else: it would fail later, for whoever reads it."""
    if not (
        isinstance(state, ServiceState)  # pyright: ignore[reportUnnecessaryIsInstance]  # a plugin may give anything
        and isinstance(state.phase, Phase)  # pyright: ignore[reportUnnecessaryIsInstance]  # as above
        and isinstance(state.percent, int | None)  # pyright: ignore[reportUnnecessaryIsInstance]  # as above
        and isinstance(state.reason, str | None)  # pyright: ignore[reportUnnecessaryIsInstance]  # as above
    ):
        raise TypeError
    return state
