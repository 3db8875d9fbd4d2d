"""What the composition root says of the plugins that it enables: how to make each, and where it comes from.

`origin` is the distribution with its version, as errors and the status name it. `make` is called again after a failure,
and gives a new object each time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from balchat_host.api.frontend import FrontEnd
from balchat_host.api.network import Network
from balchat_host.api.transport import Latency, Transport, TransportContext
from balchat_host.api.types import ServiceState


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSetup:
    """The network that the configuration names. `make` gets where to report states."""

    name: str
    origin: str
    make: Callable[[Callable[[ServiceState], None]], Network]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSetup:
    """A transport that the configuration enables."""

    name: str
    origin: str
    latency: Latency
    make: Callable[[TransportContext], Transport]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndSetup:
    """A front end that runs in the account's process."""

    name: str
    origin: str
    make: Callable[[], FrontEnd]
