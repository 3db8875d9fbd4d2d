"""The host's own configuration keys: their types, defaults and what is allowed. The one place that names plugins.

`docs/configuration.md` is this page for people; a test holds the two together.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, TypeAlias

from balchat_common.settings import Setting, settings_of
from msgspec import Meta

STANDARD_PLUGINS: Final = (
    "storage_sqlcipher",
    "crypto_mls",
    "network_tor",
    "transport_tor_direct",
    "transport_relay",
    "ui_rpc",
    "ui_cli",
)
"""The project's own plugins: what runs where nobody says otherwise."""


class DeliveryPolicy(StrEnum):
    """By which transports messages may travel."""

    DIRECT_ONLY = "direct-only"
    RELAY_ONLY = "relay-only"
    BOTH = "both"


_UNIQUE: Final = {"uniqueItems": True}
_PluginName: TypeAlias = Annotated[str, Meta(min_length=1, description="the name of an enabled plugin")]
_PluginNames: TypeAlias = Annotated[
    tuple[str, ...],
    Meta(description="a list of names of installed plugins, each once", extra_json_schema=_UNIQUE),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginChoice:
    """Which plugins run, which of them play the roles that only one can play, and how long they may take to start."""

    enabled: _PluginNames = STANDARD_PLUGINS
    storage: _PluginName = "storage_sqlcipher"
    crypto: _PluginName = "crypto_mls"
    network: _PluginName = "network_tor"
    program: _PluginName = "ui_cli"
    start_timeout_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How messages travel. Times in seconds."""

    policy: DeliveryPolicy = DeliveryPolicy.BOTH
    hedge_seconds: Annotated[int, Meta(ge=0, le=3600)] = 8
    retry_first_seconds: Annotated[int, Meta(ge=1, le=3600)] = 2
    retry_max_seconds: Annotated[int, Meta(ge=1, le=86400)] = 300
    read_receipts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLimits:
    """What others can make grow."""

    max_contacts: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    max_requests: Annotated[int, Meta(ge=0, le=10_000)] = 100
    requests_per_hour: Annotated[int, Meta(ge=0, le=10_000)] = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """What only the system file can say."""

    keys: Annotated[tuple[str, ...], Meta(description="a list of keys or tables", extra_json_schema=_UNIQUE)] = ()


SECTIONS: Final[dict[str, type[Any]]] = {"plugins": PluginChoice, "delivery": Delivery, "contacts": ContactLimits}
"""The tables of host keys, by name."""

SETTINGS: Final = "settings"
"""The table that holds one table for each plugin."""

LOCKS: Final = "locks.keys"
"""The key that only the system file may say."""

KEYS: Final[dict[str, Setting]] = {
    f"{section}.{name}": setting for section, cls in SECTIONS.items() for name, setting in settings_of(cls).items()
}
"""Every host key, by dotted name."""

LOCK_KEYS: Final = settings_of(Locks)["keys"]

ROLES: Final = ("storage", "crypto", "network", "program")
"""The keys of `PluginChoice` that name one enabled plugin."""


def belongs(name: str, plugin: str) -> bool:
    """Return whether the entry point `plugin` may have a descriptor `name`: it is that name, or begins with it."""
    return name == plugin or name.startswith(f"{plugin}_")
