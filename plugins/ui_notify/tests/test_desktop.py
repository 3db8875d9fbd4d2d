"""The desktop's notifications over a real bus: a dbus-daemon of the test's own, with a service that keeps all."""

import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeAlias

import pytest
from balchat_ui_notify.desktop import NO_DESKTOP, Desktop
from balchat_ui_notify.plugin import balchat_front_ends
from balchat_ui_notify.wording import Notification
from dbus_fast.aio.message_bus import MessageBus
from dbus_fast.annotations import DBusSignature
from dbus_fast.service import ServiceInterface, method

from balchat_host.api.frontend import FrontEndContext

pytestmark = pytest.mark.anyio
CONFIGURATION = """
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""
Text: TypeAlias = Annotated[str, DBusSignature("s")]
Number: TypeAlias = Annotated[int, DBusSignature("u")]
Signed: TypeAlias = Annotated[int, DBusSignature("i")]
Texts: TypeAlias = Annotated[list[str], DBusSignature("as")]
Hints: TypeAlias = Annotated[dict[str, object], DBusSignature("a{sv}")]
FourTexts: TypeAlias = Annotated[list[str], DBusSignature("ssss")]
HELLO = Notification(title="Bob", body="1 new message")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run a bus, on which there is nothing."""
    path = tmp_path / "bus"
    (tmp_path / "bus.conf").write_text(CONFIGURATION.format(path=path))
    line = ["dbus-daemon", f"--config-file={tmp_path / 'bus.conf'}", "--nofork", "--print-address"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        address = daemon.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address
        daemon.terminate()


class Service(ServiceInterface):
    """What a desktop has (Desktop Notifications Specification 1.2)."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.Notifications")
        self.shown: list[tuple[str, str, str]] = []

    @method("Notify")
    def notify(  # noqa: PLR0917  # the specification's
        self,
        app: Text,
        replaces: Number,
        icon: Text,
        summary: Text,
        body: Text,
        actions: Texts,
        hints: Hints,
        left: Signed,
    ) -> Number:
        self.shown.append((app, summary, body))
        return len(self.shown)

    @method("GetCapabilities")
    def get_capabilities(self) -> Texts:
        return ["body", "body-markup"]

    @method("GetServerInformation")
    def get_server_information(self) -> FourTexts:
        return ["test", "nobody", "1", "1.2"]


async def test_a_notification_reaches_the_desktop(bus: str) -> None:
    service = Service()
    server = await MessageBus(bus_address=bus).connect()
    server.export("/org/freedesktop/Notifications", service)
    await server.request_name("org.freedesktop.Notifications")
    desktop = Desktop()
    assert await desktop.open() is None
    assert await desktop.show(HELLO)
    assert service.shown == [("balchat", "Bob", "1 new message")]
    server.disconnect()
    assert not await desktop.show(HELLO)
    await desktop.close()
    assert not await desktop.show(HELLO)


async def test_a_bus_without_a_desktop_is_none(bus: str, caplog: pytest.LogCaptureFixture) -> None:
    desktop = Desktop()
    assert await desktop.open() == NO_DESKTOP
    assert not await desktop.show(HELLO)
    assert caplog.records == []


@pytest.mark.parametrize("address", [None, "unix:path=/nonexistent", "nonsense"])
async def test_where_there_is_no_bus_there_is_no_desktop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, address: str | None
) -> None:
    for name in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if address is not None:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    assert await Desktop().open() == NO_DESKTOP
    assert caplog.records == []


def test_nothing_of_a_notification_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("desktop_notifier.backends.base").debug("Notification sent: %s", HELLO)
    assert caplog.records == []


def test_the_plugin_makes_a_front_end(tmp_path: Path) -> None:
    (descriptor,) = balchat_front_ends()
    assert descriptor.factory is not None
    context = FrontEndContext(profile=tmp_path, runtime_directory=tmp_path)
    assert descriptor.factory(context, descriptor.settings())
    assert list(tmp_path.iterdir()) == []
