"""What the composition root says of the plugins that it enables: how to make each, and where it comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from balchat_host.api.frontend import FrontEnd
from balchat_host.api.network import Network
from balchat_host.api.transport import Latency, Transport, TransportCapability, TransportContext
from balchat_host.api.types import ServiceState

MakeT = TypeVar("MakeT")


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSetup(Generic[MakeT]):
    """A plugin to run. `origin` is its distribution with the version, as errors and the status name it.

    `make` is called again after a failure, and makes a new object each time.
    """

    name: str
    origin: str
    make: MakeT


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSetup(PluginSetup[Callable[[Callable[[ServiceState], None]], Network]]):
    """The network that the configuration names. `make` gets where to report states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSetup(PluginSetup[Callable[[TransportContext], Transport]]):
    """A transport that the configuration enables."""

    latency: Latency
    capabilities: frozenset[TransportCapability] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndSetup(PluginSetup[Callable[[Callable[[ServiceState], None]], FrontEnd]]):
    """A front end that runs in the account's process. `make` gets where to report states."""
