"""The file relay.toml: read, checked, and refused by naming file, key and what is allowed."""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from balchat_relay_proto.replies import Creation
from balchat_relay_proto.sizes import MAX_PERMIT

from balchat_host.api.text_files import NotText, decoded
from balchat_relay.errors import BadSettings

ROOT: Final = 0
MIB: Final = 2**20
HOUR: Final = 3600
DAY: Final = 24 * HOUR

T = TypeVar("T")


def _number(default: int, least: int, most: int) -> Any:
    return field(default=default, metadata={"range": (least, most)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The table `[limits]`. Sizes are in octets, times in seconds, unless the name says otherwise."""

    queues: int = _number(1_000_000, 1, 10**9)
    """Queues and inboxes of everybody together."""
    envelopes_mib: int = _number(64 * 1024, 1, 10**9)
    """Envelopes and cards of everybody together."""
    min_free_mib: int = _number(1024, 0, 10**9)
    """What must stay free on the disk: below it nothing new is taken."""
    database_mib: int = _number(0, 0, 10**9)
    """The database file; 0: no limit of its own."""
    queue_envelopes: int = _number(4096, 1, 10**6)
    queue_mib: int = _number(128, 1, 10**6)
    """One queue."""
    inbox_envelopes: int = _number(64, 1, 10**4)
    inbox_mib: int = _number(2, 1, 10**3)
    inbox_puts_per_hour: int = _number(120, 1, 10**6)
    """One inbox, into which anybody may put."""
    cards: int = _number(200, 1, 10**4)
    tokens: int = _number(200, 1, 10**4)
    claims_per_hour: int = _number(12, 0, 10**4)
    """One pool: its size, its one-time tokens, and ordinary cards for strangers."""
    max_age_days: int = _number(21, 1, 365)
    """Older envelopes are deleted."""
    max_idle_days: int = _number(180, 7, 3650)
    """Queues that their owner has not looked at for so long are deleted."""
    connections: int = _number(4000, 1, 10**6)
    requests_per_second: int = _number(50, 1, 10**6)
    request_burst: int = _number(200, 1, 10**6)
    """One connection."""
    creations_per_minute: int = _number(60, 1, 10**6)
    """Queues that everybody together creates."""
    bodies_mib: int = _number(128, 4, 10**5)
    """Bodies of requests and replies in memory at once."""
    body_timeout: int = _number(120, 1, 3600)
    """A request's body must be there within it."""
    write_timeout: int = _number(120, 1, 3600)
    """A client must take something of what we send within it."""
    idle_timeout: int = _number(600, 5, 24 * 3600)
    """A connection on which nothing is asked, or a WebSocket without subscriptions, is closed after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTable:
    """The table `[relay]`."""

    creation: Creation = Creation.OPEN
    """Who may create queues: anybody within `creations_per_minute`, whoever has an invitation, or the password."""
    password: str = field(default="", repr=False)
    socket: str = ""
    """Serve on this unix socket, and publish no onion: somebody else forwards the relay's onion to it."""
    metrics: str = ""
    """Health and Prometheus metrics at this port of this machine, as `127.0.0.1:9464`; empty: at no port."""

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Where metrics are served on TCP."""
        if not self.metrics:
            return None
        host, _, port = self.metrics.rpartition(":")
        return host, int(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole file. `tor` is the table that balchat_network_tor reads, as it stands."""

    relay: RelayTable = RelayTable()
    limits: Limits = Limits()
    tor: Mapping[str, Any] = field(default_factory=dict[str, Any])


def read_settings(path: Path) -> Settings:
    """Read and check the file. Raises BadSettings, also where somebody else may have written it.

    It says which program runs as tor, and where.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadSettings(f"{path} is no ordinary file. `balchat-relay init` makes one.")
        if status.st_uid not in {ROOT, os.geteuid()}:
            raise BadSettings(f"{path} belongs to somebody else. Make it your own, or root's.")
        if status.st_mode & stat.S_IWOTH:
            raise BadSettings(f"Everybody can write to {path}. `chmod o-w` it, and look what stands in it.")
        document = tomllib.loads(decoded(path.read_bytes()))
    except RecursionError:
        raise BadSettings(f"{path} cannot be read: it nests too deeply.") from None
    except FileNotFoundError:
        raise BadSettings(f"{path} is missing. `balchat-relay init` makes it.") from None
    except NotText as error:
        raise BadSettings(f"{path} cannot be read: it {error}.") from error
    except (OSError, ValueError) as error:
        raise BadSettings(f"{path} cannot be read: {error}.") from error
    _known(path, "", document, ("relay", "limits", "tor"))
    tables = {name: _table(path, name, document.get(name, {})) for name in ("relay", "limits", "tor")}
    return Settings(
        relay=_relay(path, tables["relay"]), limits=_limits(path, tables["limits"]), tor=_lists_to_tuples(tables["tor"])
    )


def _table(path: Path, name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadSettings(f"{path}: {name} must be a table, [{name}].")
    return cast("dict[str, Any]", value)


def _known(path: Path, table: str, found: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for key in found:
        if key not in allowed:
            raise BadSettings(f"{path}: {table}{key} is not known; allowed are {', '.join(sorted(allowed))}.")


def _limits(path: Path, table: Mapping[str, Any]) -> Limits:
    ranges = {each.name: each.metadata["range"] for each in fields(Limits)}
    _known(path, "limits.", table, tuple(ranges))
    for key, value in table.items():
        least, most = ranges[key]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise BadSettings(f"{path}: limits.{key} = {value!r} is wrong; a number from {least} to {most} is allowed.")
    return Limits(**table)


def _relay(path: Path, table: Mapping[str, Any]) -> RelayTable:
    _known(path, "relay.", table, tuple(each.name for each in fields(RelayTable)))
    for key, value in table.items():
        if not isinstance(value, str):
            raise BadSettings(f'{path}: relay.{key} = {value!r} is wrong; text in "quotes" is allowed.')
    values = dict(table)
    try:
        values["creation"] = Creation(values.get("creation", Creation.OPEN))
    except ValueError:
        allowed = ", ".join(f'"{each}"' for each in Creation)
        raise BadSettings(f"{path}: relay.creation = {table['creation']!r} is wrong; allowed are {allowed}.") from None
    read = RelayTable(**values)
    if (read.creation is Creation.PASSWORD) != bool(read.password):
        raise BadSettings(f'{path}: relay.password belongs to relay.creation = "password", and to nothing else.')
    if len(read.password) > MAX_PERMIT or not read.password.isprintable():
        raise BadSettings(f"{path}: relay.password is wrong; at most {MAX_PERMIT} printable characters are allowed.")
    if read.metrics and not _is_loopback(read.metrics):
        raise BadSettings(f"{path}: relay.metrics = {read.metrics!r} is wrong; 127.0.0.1:PORT is allowed.")
    return read


def _is_loopback(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        return ip_address(host).is_loopback and port.isascii() and 0 < int(port) < 1 << 16
    except ValueError:
        return False


def _lists_to_tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(cast("list[Any]", value)) if isinstance(value, list) else value for key, value in table.items()}
