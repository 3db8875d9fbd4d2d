"""What runs around an unlocked vault."""

from collections.abc import Callable
from dataclasses import dataclass

from balchat_host.api.transport import RelayManager


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What runs around an unlocked vault, as its App sees it.

    `stop` begins to end it, `relays` returns those that people manage, and `in_flight` how many envelopes are in
    flight.
    """

    stop: Callable[[], None]
    relays: Callable[[], RelayManager | None]
    in_flight: Callable[[], int]
