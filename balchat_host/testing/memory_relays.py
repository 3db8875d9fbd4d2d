"""The relays of an account in memory, as a person manages them. Whatever has the form of an address can be used."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from anyio.lowlevel import checkpoint

from balchat_host.api.errors import BadOnionAddress, BadRelayAddress, NoSuchRelay, TooMany
from balchat_host.api.transport import RelayManager
from balchat_host.api.types import ONLINE, PeerId, ServiceState
from balchat_host.api.uris import UnreadableUri, read_uri
from balchat_host.api.views import RelayView

_MOST: Final = 3
_SHORTEST: Final = 6
"""Characters of the shortest beginning that stands for an address."""


class MemoryRelays(RelayManager):
    """Keeps relays, the default one first. `changed` is called with their onion addresses after each change."""

    def __init__(self, changed: Callable[[Sequence[str]], None] = lambda _onions: None) -> None:
        self._views: dict[str, RelayView] = {}
        self._changed = changed

    async def all(self) -> Sequence[RelayView]:
        await checkpoint()
        return list(self._views.values())

    async def add(self, address: str) -> RelayView:
        await checkpoint()
        return self.use(address)

    async def remove(self, relay: str) -> None:
        await checkpoint()
        gone = self._views.pop(self._find(relay).onion)
        if gone.default and self._views:
            self._make_default(next(iter(self._views)))
        self._changed(list(self._views))

    async def check(self, relay: str) -> RelayView:
        await checkpoint()
        return self._find(relay)

    async def set_default(self, relay: str) -> RelayView:
        await checkpoint()
        self._make_default(self._find(relay).onion)
        self._changed(list(self._views))
        return self._find(relay)

    # -- what a test does in place of the relays

    def use(self, address: str) -> RelayView:
        """Use a relay from now on, as `add` does."""
        try:
            onion = PeerId.from_onion(read_uri(address, "balchat-relay", texts=("permit",)).onion).onion
        except BadOnionAddress as error:
            raise BadRelayAddress(problem=error.fields["problem"]) from error
        except UnreadableUri as error:
            raise BadRelayAddress(problem=str(error)) from error
        if onion not in self._views:
            if len(self._views) >= _MOST:
                raise TooMany(what="relays", limit=_MOST)
            self._views[onion] = RelayView(
                onion=onion, default=not self._views, state=ONLINE, queues=0, round_trip=300, answered_at=1
            )
            self._changed(list(self._views))
        return self._views[onion]

    def set_state(self, relay: str, state: ServiceState) -> None:
        """Let a relay be full, slow, lying or gone, or work again."""
        view = self._find(relay)
        self._views[view.onion] = replace(view, state=state)
        self._changed(list(self._views))

    def _find(self, relay: str) -> RelayView:
        wanted = relay.strip().lower().removesuffix(".onion")
        found = [view for view in self._views.values() if view.onion.startswith(wanted)]
        if len(wanted) < _SHORTEST or len(found) != 1:
            raise NoSuchRelay(name=relay)
        return found[0]

    def _make_default(self, onion: str) -> None:
        views = {each: replace(view, default=each == onion) for each, view in self._views.items()}
        self._views = {onion: views.pop(onion), **views}
