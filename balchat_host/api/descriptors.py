"""The frozen descriptors that plugins register, one kind for each contract.

A descriptor says who a plugin is and how to make it; making one checks it, so that a mistake shows at the line that
made it. Everything expensive is imported inside `factory`, never when the plugin's module is imported.

`settings` is a frozen dataclass; a field without a default is one that a person has to give. The host fills it from the
configuration's table `[settings.NAME]`, checks types and unknown keys, and hands an instance to the factory. A settings
class that raises `ValueError("key: what is wrong; what is allowed")` in `__post_init__` gets that shown with file and
key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

# Whatever starts imports this: 50 of the 80 ms that it took were the contracts' modules, of which it needs no more than
# the names.
if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from balchat_host.api.crypto import CryptoEngine  # noqa: TC004  # see above
    from balchat_host.api.frontend import Connector, FrontEnd, FrontEndContext, Program  # noqa: TC004  # see above
    from balchat_host.api.network import Network, NetworkContext  # noqa: TC004  # see above
    from balchat_host.api.storage import Storage  # noqa: TC004  # see above
    from balchat_host.api.transport import (  # noqa: TC004  # see above
        Latency,
        Transport,
        TransportCapability,
        TransportContext,
    )

PLUGIN_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")


@dataclass(frozen=True, slots=True)
class NoSettings:
    """For plugins that have nothing to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What every descriptor has.

    `name` is how configuration and people call the plugin (a to z, 0 to 9 and _; 2 to 40 characters); `summary` is one
    line. `api_version` is the version of the contracts that the plugin was written for.
    """

    kind: ClassVar[str] = ""

    name: str
    summary: str
    api_version: int
    settings: type[Any] = NoSettings

    def __post_init__(self) -> None:
        if not PLUGIN_NAME.fullmatch(self.name):
            raise ValueError(f"a plugin's name has 2 to 40 of a-z, 0-9 and _, and begins with a letter: {self.name!r}")
        if not self.summary or "\n" in self.summary:
            raise ValueError(f"{self.name}: the summary is one line")
        if not (is_dataclass(self.settings) and self.settings.__dataclass_params__.frozen):  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]  # the attribute is dataclasses' own, untyped
            raise ValueError(f"{self.name}: settings is a frozen dataclass")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDescriptor(Descriptor):
    """Registers a way to reach addresses.

    An `exclusive` network may not be enabled beside another one, so that nobody takes it for the other: one for trials,
    for example, that hides nothing.
    """

    kind: ClassVar[str] = "network"

    factory: Callable[[NetworkContext, Any], Network]
    exclusive: bool = False


TrialRelay: TypeAlias = "Callable[[Network], AbstractAsyncContextManager[str]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportDescriptor(Descriptor):
    """Registers a way to carry envelopes. `latency` decides which delivery policies use it.

    `capabilities` is what it can do beyond that. `trial_relay` is for a transport that uses relays: it runs one on a
    network for as long as its context lasts, and gives its address. `balchat plugins check` has accounts meet there.
    """

    kind: ClassVar[str] = "transport"

    latency: Latency
    factory: Callable[[TransportContext, Any], Transport]
    capabilities: frozenset[TransportCapability] = frozenset()
    trial_relay: TrialRelay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageDescriptor(Descriptor):
    """Registers a maker of vaults."""

    kind: ClassVar[str] = "storage"

    factory: Callable[[Any], Storage]


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptoDescriptor(Descriptor):
    """Registers a crypto engine."""

    kind: ClassVar[str] = "crypto"

    factory: Callable[[Any], CryptoEngine]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndDescriptor(Descriptor):
    """Registers a front end. At least one of the three is there.

    `factory` makes one that runs inside `balchat up`, against the `App`. `program` is one that a person starts: it
    gets the command line. `connect` finds a running account's `App` from another process, and gives None where none
    runs.
    """

    kind: ClassVar[str] = "front end"

    factory: Callable[[FrontEndContext, Any], FrontEnd] | None = None
    program: Program | None = None
    connect: Connector | None = None

    def __post_init__(self) -> None:
        Descriptor.__post_init__(self)
        if self.factory is None and self.program is None and self.connect is None:
            raise ValueError(f"{self.name}: a front end has a factory, a program or a connector")
