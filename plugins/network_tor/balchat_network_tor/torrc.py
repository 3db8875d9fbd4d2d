"""The configuration that our own tor gets, on its standard input: it never lies on a disk.

It has no secret in it all the same: tor makes the control cookie, and onion keys go over the control port only.
"""

from pathlib import Path

from balchat_network_tor.settings import TorSettings


def torrc(settings: TorSettings, *, data: Path, control: Path, cookie: Path, owner: int) -> str:
    """Write tor's configuration (tor manual). `owner` is the process without which tor must not live on."""
    lines = [
        "ClientOnly 1",
        f"DataDirectory {quoted(data)}",
        f"ControlSocket {quoted(control)}",
        "CookieAuthentication 1",
        f"CookieAuthFile {quoted(cookie)}",
        f"__OwningControllerProcess {owner}",
        # python-socks speaks TCP only, so this is a port. It takes onion addresses only: nothing else can leave.
        "SocksPort 127.0.0.1:auto OnionTrafficOnly IsolateSOCKSAuth",
        "SafeLogging 1",
        "Log warn stdout",
        "AvoidDiskWrites 1",
        # Without this a tor that was long unused would sleep until somebody dials, and publish nothing.
        "DormantCanceledByStartup 1",
        *(f"ClientTransportPlugin {line}" for line in settings.client_transport_plugins),
        *(f"Bridge {line}" for line in settings.bridges),
        *(["UseBridges 1"] if settings.bridges else []),
        *settings.torrc,
    ]
    return "".join(f"{line}\n" for line in lines)


def quoted(path: Path) -> str:
    """Quote a path as tor reads it (a C string), so that blanks and # in it stay what they are."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
