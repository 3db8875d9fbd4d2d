"""The host's own configuration keys: their types, defaults and what is allowed. The one place that names plugins.

`docs/configuration.md` is this page for people; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final, TypeAlias

from balchat_common.settings import Doc, Setting, Writable, settings_of
from msgspec import Meta

STANDARD_PLUGINS: Final = (
    "storage_sqlcipher",
    "crypto_mls",
    "network_tor",
    "transport_tor_direct",
    "transport_relay",
    "ui_rpc",
    "ui_cli",
    "ui_tui",
    "ui_web",
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

    enabled: Annotated[_PluginNames, Doc("The plugins that are imported and run.")] = STANDARD_PLUGINS
    storage: Annotated[_PluginName, Doc("The plugin that keeps the vault.")] = "storage_sqlcipher"
    crypto: Annotated[_PluginName, Doc("The plugin that encrypts messages.")] = "crypto_mls"
    network: Annotated[_PluginName, Doc("The plugin that reaches addresses.")] = "network_tor"
    program: Annotated[_PluginName, Doc("The front end that the command balchat is.")] = "ui_cli"
    start_timeout_seconds: Annotated[int, Meta(ge=1, le=3600), Doc("How long a plugin may take to start.")] = 60
    versions: Annotated[
        Mapping[str, Annotated[str, Meta(min_length=1)]],
        Meta(description='a table of versions, by plugin, each a text such as "0.1"'),
        Doc("Which version a plugin must have: 0.1 stands for 0.1, 0.1.1 and so on."),
    ] = field(default_factory=dict[str, str])
    pin: Annotated[bool, Doc("Whether a plugin is refused whose files have changed since it was enabled.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """How the account is guarded while it is up."""

    lock_after_minutes: Annotated[
        int,
        Meta(ge=0, le=7 * 24 * 60),
        Doc("After how many minutes without use the account locks itself; 0 is for never."),
        Writable.AT_ONCE,
    ] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How messages travel. Times in seconds."""

    policy: Annotated[
        DeliveryPolicy,
        Doc("Whether messages go to people directly, by relays, or by both."),
        Writable.AFTER_RESTART,
    ] = DeliveryPolicy.BOTH
    hedge_seconds: Annotated[
        int,
        Meta(ge=0, le=3600),
        Doc("How long to wait for a direct answer before a message also goes to a relay."),
        Writable.AFTER_RESTART,
    ] = 8
    retry_first_seconds: Annotated[
        int, Meta(ge=1, le=3600), Doc("How long to wait before the first new try to deliver.")
    ] = 2
    retry_max_seconds: Annotated[
        int, Meta(ge=1, le=86400), Doc("How long to wait at most between two tries to deliver.")
    ] = 300
    read_receipts: Annotated[bool, Doc("Whether contacts learn what you have read."), Writable.AT_ONCE] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLimits:
    """What others can make grow."""

    max_contacts: Annotated[int, Meta(ge=1, le=100_000), Doc("How many contacts there may be.")] = 1000
    max_requests: Annotated[
        int, Meta(ge=0, le=10_000), Doc("How many contact requests may wait for your approval.")
    ] = 100
    requests_per_hour: Annotated[
        int, Meta(ge=0, le=10_000), Doc("How many contact requests from strangers are looked at in an hour.")
    ] = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """Which files come by themselves, and how."""

    fetch_pictures_kib: Annotated[
        int,
        Meta(ge=0, le=1024 * 1024),
        Doc("Up to how many KiB pictures of contacts are fetched without being asked for; 0 is for none."),
        Writable.AT_ONCE,
    ] = 1024
    streams: Annotated[
        int,
        Meta(ge=1, le=4),
        Doc("Over how many connections at a time large files are fetched from a contact."),
        Writable.AFTER_RESTART,
    ] = 1
    relay_window_mib: Annotated[
        int,
        Meta(ge=8, le=1024 * 1024),
        Doc("How many MiB of files lie at relays for one contact, before they have fetched some."),
        Writable.AFTER_RESTART,
    ] = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSettings:
    """Who may ask to become a contact."""

    accept: Annotated[
        bool,
        Doc("Whether strangers may ask you for contact; without it your chat code leads nowhere."),
        Writable.AT_ONCE,
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """What only the system file can say."""

    keys: Annotated[tuple[str, ...], Meta(description="a list of keys or tables", extra_json_schema=_UNIQUE)] = ()


SECTIONS: Final[dict[str, type[Any]]] = {
    "plugins": PluginChoice,
    "account": AccountSettings,
    "delivery": Delivery,
    "contacts": ContactLimits,
    "files": FileSettings,
    "requests": RequestSettings,
}
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
