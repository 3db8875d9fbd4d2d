"""The host's own configuration keys: their types, defaults and what is allowed. The one place that names plugins.

`docs/configuration.md` is this page for people; a test holds the two together.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, TypeVar

from balchat_host.loader.values import Flag, Kind, Name, OneOf, Whole, Words

T = TypeVar("T")

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


def _key(default: T, kind: Kind[T]) -> T:
    return field(default=default, metadata={"kind": kind})


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginChoice:
    """Which plugins run, which of them play the roles that only one can play, and how long they may take to start."""

    enabled: tuple[str, ...] = _key(STANDARD_PLUGINS, Words("a list of names of installed plugins, each once"))
    storage: str = _key("storage_sqlcipher", Name())
    crypto: str = _key("crypto_mls", Name())
    network: str = _key("network_tor", Name())
    program: str = _key("ui_cli", Name())
    start_timeout_seconds: int = _key(60, Whole(1, 3600))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How messages travel. Times in seconds."""

    policy: DeliveryPolicy = _key(DeliveryPolicy.BOTH, OneOf(DeliveryPolicy))  # noqa: RUF009  # frozen
    hedge_seconds: int = _key(8, Whole(0, 3600))
    retry_first_seconds: int = _key(2, Whole(1, 3600))
    retry_max_seconds: int = _key(300, Whole(1, 86400))
    read_receipts: bool = _key(True, Flag())  # noqa: FBT003  # the default of a flag


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLimits:
    """What others can make grow."""

    max_contacts: int = _key(1000, Whole(1, 100_000))
    max_requests: int = _key(100, Whole(0, 10_000))
    requests_per_hour: int = _key(60, Whole(0, 10_000))


SECTIONS: Final[dict[str, type[Any]]] = {"plugins": PluginChoice, "delivery": Delivery, "contacts": ContactLimits}
"""The tables of host keys, by name."""

SETTINGS: Final = "settings"
"""The table that holds one table for each plugin."""

LOCKS: Final = "locks.keys"
"""The key that only the system file may say."""

LOCK_KIND: Final = Words("a list of keys or tables")

KINDS: Final[dict[str, Kind[Any]]] = {
    f"{section}.{item.name}": item.metadata["kind"] for section, cls in SECTIONS.items() for item in fields(cls)
}
"""The kind of every host key, by dotted name."""

ROLES: Final = ("storage", "crypto", "network", "program")
"""The keys of `PluginChoice` that name one enabled plugin."""


def belongs(name: str, plugin: str) -> bool:
    """Say whether a descriptor called `name` may come from the entry point `plugin`: it has its name, or adds to it."""
    return name == plugin or name.startswith(f"{plugin}_")
