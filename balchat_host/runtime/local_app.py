"""The `App` in the process that holds the vault."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from balchat_host.api.errors import BadInput, NoRelayTransport, NotRunning, WrongSecret
from balchat_host.api.events import Event
from balchat_host.api.frontend import App
from balchat_host.api.storage import SlotKind
from balchat_host.api.transport import Relays
from balchat_host.api.types import Secret
from balchat_host.api.views import (
    CodeView,
    ContactView,
    ConversationView,
    Message,
    RelayView,
    RequestView,
    SafetyNumberView,
    Status,
)
from balchat_host.core import account, contacts, event_log
from balchat_host.core.first_contact import answering, requests
from balchat_host.core.messages import history
from balchat_host.core.messages.compose import compose
from balchat_host.core.views import contact_view, contact_views
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_EVENTS_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What runs around an unlocked vault, as its App sees it.

    `stop` begins to end it, `relays` returns those that people manage, and `in_flight` how many envelopes are in
    flight.
    """

    stop: Callable[[], None]
    relays: Callable[[], Relays | None]
    in_flight: Callable[[], int]


class LocalApp(App):
    """One unlocked account. Without `running` it is open for its vault only, and nothing runs."""

    def __init__(
        self,
        runner: UnitOfWorkRunner,
        live_status: LiveStatus,
        *,
        new_recovery_code: Callable[[], Secret],
        process_id: int,
        running: Running | None = None,
    ) -> None:
        self._runner = runner
        self._live_status = live_status
        self._new_recovery_code = new_recovery_code
        self._process_id = process_id
        self._running = running

    # -- the account

    async def code(self) -> CodeView:
        return await self._runner.read(account.code)

    async def status(self) -> Status:
        status = await self._runner.read(self._live_status.status)
        in_flight = 0 if self._running is None else self._running.in_flight()
        return replace(status, outbox=replace(status.outbox, in_flight=in_flight))

    async def watch_status(self) -> AsyncIterator[Status]:
        while True:
            changed = self._live_status.changed.next_ring()
            yield await self.status()
            await changed.wait()

    async def change_passphrase(self, old: Secret, new: Secret) -> None:
        vault = self._runner.vault
        try:
            await vault.verify_slot(SlotKind.PASSPHRASE, old)
        except WrongSecret:
            try:
                await vault.verify_slot(SlotKind.RECOVERY_CODE, old)
            except (WrongSecret, BadInput):
                # Most likely it was meant for the passphrase, and not for a recovery code with a typing error.
                raise WrongSecret(slot=SlotKind.PASSPHRASE) from None
        await vault.set_slot(SlotKind.PASSPHRASE, new)

    async def renew_recovery_code(self, passphrase: Secret) -> Secret:
        await self._runner.vault.verify_slot(SlotKind.PASSPHRASE, passphrase)
        code = self._new_recovery_code()
        await self._runner.vault.set_slot(SlotKind.RECOVERY_CODE, code)
        return code

    async def backup(self, target: str) -> None:
        path = Path(target)
        if not path.is_absolute():
            raise BadInput(what="The backup's path", problem="it is not absolute")
        await self._runner.back_up(path)

    async def shut_down(self) -> int:
        if self._running is None:
            raise NotRunning
        self._running.stop()
        return self._process_id

    # -- contacts

    async def add_contact(self, code: str, name: str | None = None, introduction: str = "") -> ContactView:
        return await self._runner.change(
            lambda unit: answering.add_contact(unit, code, name=name, introduction=introduction)
        )

    async def contacts(self) -> list[ContactView]:
        return [self._live_status.complete(view) for view in await self._runner.read(contact_views)]

    async def contact(self, contact: str) -> ContactView:
        view = await self._runner.read(lambda tx: contact_view(tx, contacts.find(tx, contact)))
        return self._live_status.complete(view)

    async def rename_contact(self, contact: str, name: str) -> ContactView:
        return self._live_status.complete(await self._runner.change(lambda unit: contacts.rename(unit, contact, name)))

    async def safety_number(self, contact: str) -> SafetyNumberView:
        return await self._runner.read(lambda tx: contacts.number(tx, contact))

    async def verify_contact(self, contact: str, safety_number: str) -> ContactView:
        view = await self._runner.change(lambda unit: contacts.verify(unit, contact, safety_number))
        return self._live_status.complete(view)

    async def block_contact(self, contact: str) -> ContactView:
        return await self._runner.change(lambda unit: contacts.block(unit, contact))

    async def unblock_contact(self, contact: str) -> ContactView:
        return self._live_status.complete(await self._runner.change(lambda unit: answering.unblock(unit, contact)))

    async def remove_contact(self, contact: str) -> None:
        await self._runner.change(lambda unit: contacts.remove(unit, contact))

    async def requests(self) -> list[RequestView]:
        return await self._runner.read(lambda tx: [request.view for request in requests.everything(tx)])

    async def accept_request(self, request: str, name: str | None = None) -> ContactView:
        view = await self._runner.change(lambda unit: answering.accept_request(unit, request, name=name))
        return self._live_status.complete(view)

    async def reject_request(self, request: str) -> RequestView:
        return await self._runner.change(lambda unit: requests.reject(unit, request))

    # -- relays

    async def relays(self) -> list[RelayView]:
        return list(await self._relays.all())

    async def add_relay(self, address: str) -> RelayView:
        return await self._relays.add(address)

    async def remove_relay(self, relay: str) -> None:
        await self._relays.remove(relay)

    async def check_relay(self, relay: str) -> RelayView:
        return await self._relays.check(relay)

    async def set_default_relay(self, relay: str) -> RelayView:
        return await self._relays.set_default(relay)

    # -- messages

    async def conversation(self, which: str) -> ConversationView:
        return await self._runner.read(lambda tx: history.conversation(tx, which))

    async def send(self, contact: str, text: str, reply_to: str | None = None) -> Message:
        return await self._runner.change(lambda unit: compose(unit, contact, text, reply_to=reply_to))

    async def message(self, message_id: str) -> Message:
        return await self._runner.read(lambda tx: history.show(tx, message_id))

    async def history(self, contact: str, limit: int = 50, before: str | None = None) -> list[Message]:
        return await self._runner.read(lambda tx: history.history(tx, contact, limit=limit, before=before))

    async def mark_read(self, contact: str, up_to: str) -> None:
        await self._runner.change(lambda unit: history.mark_read(unit, contact, up_to=up_to))

    # -- events

    async def cursor(self) -> int:
        return await self._runner.read(event_log.newest)

    async def events(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        cursor = await self._runner.read(lambda tx: event_log.start(tx, after=after, subscriber=subscriber))
        while True:
            changed = self._live_status.changed.next_ring()
            while True:
                page, next_cursor = await self._runner.read(
                    lambda tx, cursor=cursor: event_log.read(tx, after=cursor, limit=_EVENTS_AT_ONCE)
                )
                for event in page:
                    yield event
                if next_cursor == cursor:
                    break
                cursor = next_cursor
            await changed.wait()

    async def acknowledge(self, subscriber: str, cursor: int) -> None:
        await self._runner.change(lambda unit: event_log.acknowledge(unit, subscriber, cursor))

    @property
    def _relays(self) -> Relays:
        if self._running is None:
            raise NotRunning
        relays = self._running.relays()
        if relays is None:
            raise NoRelayTransport
        return relays
