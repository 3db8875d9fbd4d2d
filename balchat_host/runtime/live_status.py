"""What is true only for the moment: how network, transports and plugins are. Who is within reach is in `presence`."""

from collections.abc import Iterable
from typing import Final

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BalchatError
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import ONLINE, STOPPED, OwnOnion, Phase, ServiceState
from balchat_host.api.views import ServiceStatus
from balchat_host.core.delivery import outgoing
from balchat_host.core.first_contact import requests
from balchat_host.core.unit_of_work import ANNOUNCE, Effect
from balchat_host.runtime.presence import Presence

_NOT_ACCEPTED: Final = ServiceState(phase=Phase.STOPPED, reason="requests are off", code="requests-off")


class LiveStatus:
    """Collects states as they are reported; rings `changed` at each change of them, and of the vault.

    `policy` is the delivery policy as it is configured, `works_as` what it comes to with the transports in use.
    """

    def __init__(self, *, profile: str, policy: str, works_as: str) -> None:
        self.changed = Bell()
        self.presence = Presence()
        self.running = False
        self._profile = profile
        self._policy = policy
        self._works_as = works_as
        self._network: dict[str, ServiceState] = {}
        self._transports: dict[str, ServiceState] = {}
        self._plugins: dict[str, ServiceState] = {}
        self._published = dict.fromkeys(OwnOnion, STOPPED)
        self._accepts_requests = True
        self._storage = ONLINE
        self._ended: BalchatError | None = None

    def end(self, reason: BalchatError) -> None:
        """Note why the account ends by itself: streams that are open raise it."""
        self._ended = reason
        self.changed.ring()
        self.presence.wake()

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

    def set_accepts_requests(self, *, accepted: bool) -> None:
        """Note whether strangers may ask for contact."""
        self._accepts_requests = accepted
        self.changed.ring()

    def set_published(self, onion: OwnOnion, state: ServiceState) -> None:
        """Note whether an onion of ours can be found."""
        self._published[onion] = _checked(state)
        self.changed.ring()

    def status(self, tx: ReadTransaction) -> ServiceStatus:
        """Return everything as it is now."""
        return ServiceStatus(
            vault="unlocked",
            profile=self._profile,
            running=self.running,
            network=dict(self._network),
            identity_onion=self._published[OwnOnion.IDENTITY] if self._accepts_requests else _NOT_ACCEPTED,
            device_onion=self._published[OwnOnion.DEVICE],
            accepts_requests=self._accepts_requests,
            transports=dict(self._transports),
            plugins=dict(self._plugins),
            policy=self._policy,
            works_as=self._works_as,
            requests=requests.count(tx),
            outbox=outgoing.view(tx),
            storage=self._storage,
        )


def _checked(state: ServiceState) -> ServiceState:
    """Return a plugin's state. Raise TypeError for anything else: it would fail later, for whoever reads it."""
    if not (
        isinstance(state, ServiceState)  # pyright: ignore[reportUnnecessaryIsInstance]  # a plugin may give anything
        and isinstance(state.phase, Phase)  # pyright: ignore[reportUnnecessaryIsInstance]  # as above
        and isinstance(state.percent, int | None)  # pyright: ignore[reportUnnecessaryIsInstance]  # as above
        and isinstance(state.reason, str | None)  # pyright: ignore[reportUnnecessaryIsInstance]  # as above
    ):
        raise TypeError
    return state
