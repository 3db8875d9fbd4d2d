"""The App of an unlocked vault, put together from its areas."""

from collections.abc import Generator
from contextlib import contextmanager
from copy import copy
from typing import Final

from balchat_host.api.frontend import App, Events, Settings
from balchat_host.api.frontend.area import areas_of, method_names
from balchat_host.runtime.files.service import FileService
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app.account import LocalAccount
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.local_app.contacts import LocalContacts
from balchat_host.runtime.local_app.conversations import LocalConversations
from balchat_host.runtime.local_app.events import ClientEvents, LocalEvents
from balchat_host.runtime.local_app.files import LocalFiles
from balchat_host.runtime.local_app.messages import LocalMessages
from balchat_host.runtime.local_app.relays import LocalRelays
from balchat_host.runtime.local_app.requests import LocalRequests
from balchat_host.runtime.local_app.running import Running
from balchat_host.runtime.local_app.status import LocalStatus
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

DELIVERY: Final = "delivery"
"""The feature of an App around which something runs that sends and receives."""


class LocalApp(App):
    """One unlocked account. Without `running` it is open for its vault only, and nothing runs."""

    def __init__(
        self,
        runner: UnitOfWorkRunner,
        live_status: LiveStatus,
        account: LocalAccount,
        settings: Settings,
        *,
        files: FileService,
        running: Running | None = None,
    ) -> None:
        self._running = running
        self._contacts = LocalContacts(runner, live_status, running)
        self._requests = LocalRequests(runner, live_status)
        self._conversations = LocalConversations(runner, live_status)
        self._messages = LocalMessages(runner)
        self._files = LocalFiles(runner, files, live_status.presence)
        self._relays = LocalRelays(running)
        self._account = account
        self._settings = settings
        self._events = LocalEvents(runner, live_status)
        self._client_events: ClientEvents | None = None
        self._status = LocalStatus(runner, live_status, running)

    @property
    def contacts(self) -> LocalContacts:
        return self._contacts

    @property
    def requests(self) -> LocalRequests:
        return self._requests

    @property
    def conversations(self) -> LocalConversations:
        return self._conversations

    @property
    def messages(self) -> LocalMessages:
        return self._messages

    @property
    def files(self) -> LocalFiles:
        return self._files

    @property
    def relays(self) -> LocalRelays:
        return self._relays

    @property
    def account(self) -> LocalAccount:
        return self._account

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def events(self) -> Events:
        return self._client_events or self._events

    @property
    def status(self) -> LocalStatus:
        return self._status

    async def close(self) -> None:
        """End what nothing runs for: files that are being written, and deleting others."""
        await self._files.close()

    @contextmanager
    def client(self) -> Generator[App]:
        client = copy(self)
        client._client_events = events = ClientEvents(self._events)  # noqa: SLF001  # it is of this class
        try:
            yield client
        finally:
            events.close()

    async def capabilities(self) -> frozenset[str]:
        features: set[str] = set() if self._running is None else {DELIVERY}
        return frozenset(features.union(*(self._offered(name) for name in areas_of(App))))

    def _offered(self, name: str) -> set[str]:
        """Return the wire names that the area `name` offers now."""
        area = getattr(self, name)
        missing = area.missing() if isinstance(area, LocalArea) else ()
        return {f"{name}.{method}" for method in method_names(areas_of(App)[name]) if method not in missing}
