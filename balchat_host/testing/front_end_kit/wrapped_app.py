"""An App that passes everything on: what stands between a front end and its account is made of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from balchat_host.api.events import Event
from balchat_host.api.frontend import (
    Account,
    App,
    Contacts,
    Conversations,
    Events,
    Messages,
    Relays,
    Requests,
    Settings,
    Status,
)
from balchat_host.api.frontend.files import Files


class WrappedApp(App):
    """Passes everything on."""

    def __init__(self, app: App) -> None:
        self._app = app

    @property
    def contacts(self) -> Contacts:
        return self._app.contacts

    @property
    def requests(self) -> Requests:
        return self._app.requests

    @property
    def conversations(self) -> Conversations:
        return self._app.conversations

    @property
    def messages(self) -> Messages:
        return self._app.messages

    @property
    def files(self) -> Files:
        return self._app.files

    @property
    def relays(self) -> Relays:
        return self._app.relays

    @property
    def account(self) -> Account:
        return self._app.account

    @property
    def settings(self) -> Settings:
        return self._app.settings

    @property
    def events(self) -> Events:
        return self._app.events

    @property
    def status(self) -> Status:
        return self._app.status

    def client(self) -> AbstractContextManager[App]:
        return nullcontext(self)

    async def capabilities(self) -> frozenset[str]:
        return await self._app.capabilities()


class WrappedEvents(Events):
    """Passes everything on."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def follow(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        return self._events.follow(after, subscriber)

    async def cursor(self) -> int:
        return await self._events.cursor()

    async def acknowledge(self, subscriber: str, cursor: int) -> None:
        await self._events.acknowledge(subscriber, cursor)

    def ephemeral(self) -> Any:
        return self._events.ephemeral()

    async def attend(self, conversation: str | None) -> None:
        await self._events.attend(conversation)

    async def attended(self) -> Sequence[str]:
        return await self._events.attended()
