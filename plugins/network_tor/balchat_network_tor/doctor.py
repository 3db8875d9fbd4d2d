"""What `balchat doctor` asks this plugin: is there a tor that can be used? Nothing is started."""

from collections.abc import Sequence

from anyio import to_thread

from balchat_host.api.errors import BalchatError, NetworkUnavailable
from balchat_host.api.types import Check, Problem
from balchat_network_tor.control import Control
from balchat_network_tor.program import find_tor, find_transport_programs, tor_version, version_text
from balchat_network_tor.settings import TorSettings


async def checks(settings: TorSettings) -> Sequence[Check]:
    """Look at the tor that the settings name."""
    return [await (_running_tor(settings) if settings.control else _program(settings))]


async def _program(settings: TorSettings) -> Check:
    try:
        path = await find_tor(settings.tor)
        await find_transport_programs(settings)
        version = version_text(await tor_version(path))
    except NetworkUnavailable as error:
        return _failed(error)
    transports = f", {len(settings.bridges)} bridges" if settings.bridges else ""
    return Check(name="tor", finding=f"{path}, version {version}{transports}")


async def _running_tor(settings: TorSettings) -> Check:
    try:
        finding = await to_thread.run_sync(_ask_running_tor, settings, abandon_on_cancel=True)
    except NetworkUnavailable as error:
        return _failed(error)
    return Check(name="tor", finding=finding)


def _ask_running_tor(settings: TorSettings) -> str:
    address = settings.control_address
    assert address is not None
    control = Control.connect(address, password=settings.control_secret)
    try:
        if settings.socks_address is None and control.socks_address() is None:
            raise NetworkUnavailable(
                problem="the running tor has no SOCKS port on TCP", remedy="Add SocksPort 9050 to its torrc."
            )
        return f"a running one, version {control.information('version')}"
    finally:
        control.close()


def _failed(error: BalchatError) -> Check:
    """The error's text has what is wrong first, and then what to do."""
    what, _, remedy = str(error).partition(". ")
    return Check(name="tor", finding="not usable", problem=Problem(what=what, remedy=remedy))
