"""The file relay.toml: read, checked, and refused by naming file, key and what is allowed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from balchat_common import settings
from balchat_common.settings import Unfit
from balchat_common.toml_files import Unusable, read_toml
from balchat_relay_proto.replies import Creation
from balchat_relay_proto.sizes import MAX_PERMIT
from msgspec import Meta

from balchat_relay.errors import BadSettings

OWN_STORE: Final = "sqlite"
"""The store that comes with the relay: SQLite, in its folder."""
MIB: Final = 2**20
HOUR: Final = 3600
DAY: Final = 24 * HOUR

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The table `[limits]`. Sizes are in octets, times in seconds, unless the name says otherwise."""

    queues: Annotated[int, Meta(ge=1, le=10**9)] = 1_000_000
    """Queues and inboxes of everybody together."""
    envelopes_mib: Annotated[int, Meta(ge=1, le=10**9)] = 64 * 1024
    """Envelopes and cards of everybody together."""
    min_free_mib: Annotated[int, Meta(ge=0, le=10**9)] = 1024
    """What must stay free on the disk: below it nothing new is taken."""
    database_mib: Annotated[int, Meta(ge=0, le=10**9)] = 0
    """The database file; 0: no limit of its own."""
    queue_envelopes: Annotated[int, Meta(ge=1, le=10**6)] = 4096
    queue_mib: Annotated[int, Meta(ge=1, le=10**6)] = 128
    """One queue."""
    inbox_envelopes: Annotated[int, Meta(ge=1, le=10**4)] = 64
    inbox_mib: Annotated[int, Meta(ge=1, le=10**3)] = 2
    inbox_puts_per_hour: Annotated[int, Meta(ge=1, le=10**6)] = 120
    """One inbox, into which anybody may put."""
    cards: Annotated[int, Meta(ge=1, le=10**4)] = 200
    tokens: Annotated[int, Meta(ge=1, le=10**4)] = 200
    claims_per_hour: Annotated[int, Meta(ge=0, le=10**4)] = 12
    """One pool: its size, its one-time tokens, and ordinary cards for strangers."""
    max_age_days: Annotated[int, Meta(ge=1, le=365)] = 21
    """Older envelopes are deleted."""
    max_idle_days: Annotated[int, Meta(ge=7, le=3650)] = 180
    """Queues that their owner has not looked at for so long are deleted."""
    blobs_mib: Annotated[int, Meta(ge=0, le=10**9)] = 65536
    """Parts of files, of everybody together; 0: none are taken."""
    queue_blobs_mib: Annotated[int, Meta(ge=1, le=10**6)] = 512
    """Parts of files at the expense of one queue."""
    blobs_age_days: Annotated[int, Meta(ge=1, le=365)] = 14
    """Parts of files are deleted so long after the last one was put, or they were renewed."""
    blob_timeout: Annotated[int, Meta(ge=1, le=3600)] = 600
    """A part of a file must be there within it."""
    connections: Annotated[int, Meta(ge=1, le=10**6)] = 4000
    requests_per_second: Annotated[int, Meta(ge=1, le=10**6)] = 50
    request_burst: Annotated[int, Meta(ge=1, le=10**6)] = 200
    """One connection."""
    creations_per_minute: Annotated[int, Meta(ge=1, le=10**6)] = 60
    """Queues that everybody together creates."""
    bodies_mib: Annotated[int, Meta(ge=4, le=10**5)] = 128
    """Bodies of requests and replies in memory at once."""
    body_timeout: Annotated[int, Meta(ge=1, le=3600)] = 120
    """A request's body must be there within it."""
    write_timeout: Annotated[int, Meta(ge=1, le=3600)] = 120
    """A client must take something of what we send within it."""
    idle_timeout: Annotated[int, Meta(ge=5, le=24 * 3600)] = 600
    """A connection on which nothing is asked is closed after it, unless it is a WebSocket with a subscription."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTable:
    """The table `[relay]`."""

    creation: Creation = Creation.OPEN
    """Who may create queues: anybody within `creations_per_minute`, whoever has an invitation, or the password."""
    password: Annotated[str, Meta(max_length=MAX_PERMIT)] = field(default="", repr=False)
    store: Annotated[str, Meta(min_length=1, max_length=64)] = OWN_STORE
    """What keeps everything: the relay's own store, or the name of an installed one."""
    socket: str = ""
    """Serve on this unix socket, and publish no onion: somebody else forwards the relay's onion to it."""
    metrics: Annotated[str, Meta(description="127.0.0.1:PORT, or nothing")] = ""
    """Health and Prometheus metrics at this port of this machine, as `127.0.0.1:9464`; empty: at no port."""

    def __post_init__(self) -> None:
        if (self.creation is Creation.PASSWORD) != bool(self.password):
            raise ValueError('password: it belongs to creation = "password"; one with it, and none without')
        if not self.password.isprintable():
            raise ValueError("password: it has characters that cannot be printed; printable ones")
        if self.metrics and not _is_loopback(self.metrics):
            raise ValueError(f'metrics: it is "{self.metrics}"; 127.0.0.1:PORT, or nothing')

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Where metrics are served on TCP."""
        if not self.metrics:
            return None
        host, _, port = self.metrics.rpartition(":")
        return host, int(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole file. As they stand: `tor`, which balchat_network_tor reads, and `store`, of another store."""

    relay: RelayTable = RelayTable()
    limits: Limits = Limits()
    store: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    tor: Mapping[str, Any] = field(default_factory=dict[str, Any])


def read_settings(path: Path) -> Settings:
    """Read and check the file. Raise BadSettings."""
    try:
        document = read_toml(path)
    except FileNotFoundError:
        raise BadSettings(f"{path} is missing. `balchat-relay init` makes it.") from None
    except Unusable as error:
        raise BadSettings(f"{path}: {error.problem}. Allowed: {error.allowed}.") from error
    for name, value in document.items():
        if name not in {"relay", "limits", "store", "tor"}:
            raise BadSettings(f"{path}: {name}: there is no such table. Allowed: relay, limits, store and tor.")
        if not isinstance(value, dict):
            raise BadSettings(f"{path}: {name}: it is {settings.what_is(value)}. Allowed: a table.")
    relay = read_table(RelayTable, path, "relay", document.get("relay", {}))
    if relay.store == OWN_STORE and document.get("store"):
        raise BadSettings(f"{path}: store: {OWN_STORE} has no settings. Allowed: the table of what relay.store names.")
    return Settings(
        relay=relay,
        limits=read_table(Limits, path, "limits", document.get("limits", {})),
        store=document.get("store", {}),
        tor=document.get("tor", {}),
    )


def read_table(cls: type[T], path: Path, name: str, values: Mapping[str, Any]) -> T:
    """Return the settings of one table of the file. Raise BadSettings."""
    try:
        return settings.read(cls, values, table=name)
    except Unfit as unfit:
        key = f"{name}.{unfit.key}" if unfit.key else name
        raise BadSettings(f"{path}: {key}: {unfit.problem}. Allowed: {unfit.allowed}.") from None


def _is_loopback(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        return ip_address(host).is_loopback and port.isascii() and 0 < int(port) < 1 << 16
    except ValueError:
        return False
