"""What runs around an unlocked vault."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from balchat_host.api.transport import RelayManager
from balchat_host.api.types import PeerId
from balchat_host.api.views import RouteView


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What runs around an unlocked vault, as its App sees it.

    `stop` begins to end it, `relays` returns those that people manage, `routes` the ways to a contact, and `in_flight`
    how many envelopes are in flight.
    """

    stop: Callable[[], None]
    relays: Callable[[], RelayManager | None]
    routes: Callable[[PeerId], Awaitable[Sequence[RouteView]]]
    in_flight: Callable[[], int]
