"""The settings of this plugin: the table `[settings.network_tor]`.

Everything is checked here, so that a mistake shows when the configuration is read and not when tor refuses it. A
check raises `ValueError("key: what is wrong; what is allowed")`, which the host shows with the file's name.
"""

from dataclasses import dataclass, field
from typing import Annotated, Final

from balchat_common.settings import Doc
from balchat_common.words import one_line
from msgspec import Meta

from balchat_host.api.types import Secret
from balchat_network_tor.addresses import ControlAddress, TcpAddress, parse_control, parse_tcp
from balchat_network_tor.bridges import check_bridges, transport_of, transports_of

_OURS: Final = (
    "AvoidDiskWrites", "ClientOnionAuthDir", "ControlPort", "ControlSocket", "CookieAuthentication", "CookieAuthFile",
    "DataDirectory", "HashedControlPassword", "HiddenService", "KeyDirectory", "CacheDirectory", "Log", "PidFile",
    "RunAsDaemon", "SafeLogging", "SocksPort", "SocksPolicy", "User", "__",
)  # fmt: skip
"""How options begin that this plugin sets itself, or that would write onions or contacts to a disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TorSettings:
    """What can be set. With `control` a running tor is used; otherwise one is started, and ends with us."""

    tor: Annotated[
        str,
        Meta(min_length=1, description="a program's name, or its path"),
        Doc("The tor program: a name to look for, or a path."),
    ] = "tor"

    control: Annotated[str, Doc("The control port of a running tor, as 127.0.0.1:9051, or unix: and a path.")] = ""

    control_password: Annotated[
        str, Doc("The password of that control port; not needed where its cookie file can be read.")
    ] = field(default="", repr=False)

    socks: Annotated[str, Doc("The SOCKS port of that tor, as 127.0.0.1:9050; tor is asked when it is empty.")] = ""

    bridges: Annotated[tuple[str, ...], Doc("Bridge lines, as bridges.torproject.org gives them.")] = ()

    client_transport_plugins: Annotated[
        tuple[str, ...], Doc("The programs of pluggable transports, each as: obfs4,webtunnel exec /usr/bin/lyrebird.")
    ] = ()

    dial_timeout: Annotated[
        float, Meta(ge=1, le=600), Doc("How long opening a stream may take, waiting for tor included, in seconds.")
    ] = 90.0

    max_incoming: Annotated[
        int, Meta(ge=1, le=10_000), Doc("How many incoming streams may be open for one address.")
    ] = 1024
    """Incoming streams open at the same time for one address.

    A last resort: whose stream makes room for whose, only a transport can tell, so its own limit must come first.
    """

    torrc: Annotated[
        tuple[str, ...], Doc("Further lines for tor's configuration: a private network, a proxy to go through.")
    ] = ()

    def __post_init__(self) -> None:
        self._check_running_tor()
        check_bridges(self.bridges)
        provided = {name for line in self.client_transport_plugins for name in transports_of(line)}
        missing = sorted({name for line in self.bridges if (name := transport_of(line))} - provided)
        if missing:
            raise ValueError(
                f"bridges: nothing says which program speaks {one_line(missing)}; transports named in"
                " client_transport_plugins"
            )
        for line in self.torrc:
            _check_torrc_line(line)

    @property
    def control_address(self) -> ControlAddress | None:
        """Where the running tor's control port is, or None where tor is to be started."""
        return parse_control(self.control) if self.control else None

    @property
    def control_secret(self) -> Secret | None:
        """The control port's password, if there is one."""
        return Secret.from_text(self.control_password) if self.control_password else None

    @property
    def socks_address(self) -> TcpAddress | None:
        """Where the running tor's SOCKS port is, or None where tor is to be asked."""
        return parse_tcp(self.socks) if self.socks else None

    def _check_running_tor(self) -> None:
        if not self.control:
            for key in ("control_password", "socks"):
                if getattr(self, key):
                    raise ValueError(f"{key}: it belongs to a running tor; nothing, unless control is set")
            return
        for key in ("bridges", "client_transport_plugins", "torrc"):
            if getattr(self, key):
                raise ValueError(f"{key}: a running tor has its own; nothing, unless control is empty")
        for key in ("control_address", "socks_address"):
            try:
                getattr(self, key)
            except ValueError as error:
                raise ValueError(f"{key.removesuffix('_address')}: {error}") from None


def _check_torrc_line(line: str) -> None:
    allowed = "OPTION VALUE, of an option that balchat does not set itself"
    words = line.split()
    if len(words) < 2 or not line.isprintable() or not words[0].isalnum():  # noqa: PLR2004  # option and value
        raise ValueError(f"torrc: {line!r} has another shape; {allowed}")
    option = words[0].lower()
    # tor takes any unambiguous beginning of an option's name for the option.
    if any(option.startswith(ours.lower()) or ours.lower().startswith(option) for ours in _OURS):
        raise ValueError(f"torrc: {words[0]} cannot be set here; {allowed}")
