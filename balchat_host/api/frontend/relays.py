"""The area of relays."""

from abc import abstractmethod
from collections.abc import Sequence

from balchat_host.api.frontend.area import Area
from balchat_host.api.views import RelayView


class Relays(Area):
    """The relays that keep envelopes for us while we are away.

    A relay is called by its onion address, or its beginning. Every method raises NotRunning, NoRelayTransport,
    NetworkUnavailable, and PluginError where the transport fails.
    """

    @abstractmethod
    async def list(self) -> Sequence[RelayView]:
        """Return our relays, the default one first."""

    @abstractmethod
    async def add(self, address: str) -> RelayView:
        """Go to a relay, see that it can be used, and use it from now on; the first one becomes the default.

        `address` is `balchat-relay:…`, or a bare onion address. Adding one again takes its new permit.
        Raise BadRelayAddress, RelayUnusable, TooMany.
        """

    @abstractmethod
    async def remove(self, relay: str) -> None:
        """Use a relay no more. Contacts learn of it; what waits there is fetched while it lasts. Raise NoSuchRelay."""

    @abstractmethod
    async def check(self, relay: str) -> RelayView:
        """Go to a relay now, and return how it is. Raise NoSuchRelay."""

    @abstractmethod
    async def set_default(self, relay: str) -> RelayView:
        """Make a relay the one that contacts try first. Raise NoSuchRelay."""
