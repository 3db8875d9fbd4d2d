"""Contacts in the vault."""

from collections.abc import Sequence
from dataclasses import replace

from balchat_host.api.frontend import Contacts
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactInfoView, ContactView, SafetyNumberView
from balchat_host.core import contact_info, contacts
from balchat_host.core.first_contact import answering
from balchat_host.core.views import contact_view, contact_views
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.local_app.running import Running
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


class LocalContacts(LocalArea, Contacts):
    """Whom we know."""

    def __init__(self, runner: UnitOfWorkRunner, live_status: LiveStatus, running: Running | None) -> None:
        self._runner = runner
        self._live_status = live_status
        self._running = running

    async def add(self, code: str, name: str | None = None, introduction: str = "") -> ContactView:
        return await self._runner.change(
            lambda unit: answering.add_contact(unit, code, name=name, introduction=introduction)
        )

    async def list(self) -> Sequence[ContactView]:
        return [self._live_status.presence.complete(view) for view in await self._runner.read(contact_views)]

    async def get(self, contact: str) -> ContactView:
        view = await self._runner.read(lambda tx: contact_view(tx, contacts.find(tx, contact)))
        return self._live_status.presence.complete(view)

    async def info(self, contact: str) -> ContactInfoView:
        found = await self._runner.read(lambda tx: contact_info.info(tx, contact))
        peer = PeerId(bytes.fromhex(found.contact.peer_id))
        return replace(
            found,
            contact=self._live_status.presence.complete(found.contact),
            routes=() if self._running is None else tuple(await self._running.routes(peer)),
        )

    async def renew(self, contact: str) -> ContactView:
        view = await self._runner.change(lambda unit: contact_info.renew(unit, contact))
        return self._live_status.presence.complete(view)

    async def rename(self, contact: str, name: str) -> ContactView:
        return self._live_status.presence.complete(
            await self._runner.change(lambda unit: contacts.rename(unit, contact, name))
        )

    async def safety_number(self, contact: str) -> SafetyNumberView:
        return await self._runner.read(lambda tx: contacts.number(tx, contact))

    async def verify(self, contact: str, safety_number: str) -> ContactView:
        view = await self._runner.change(lambda unit: contacts.verify(unit, contact, safety_number))
        return self._live_status.presence.complete(view)

    async def block(self, contact: str) -> ContactView:
        return await self._runner.change(lambda unit: contacts.block(unit, contact))

    async def unblock(self, contact: str) -> ContactView:
        return self._live_status.presence.complete(
            await self._runner.change(lambda unit: answering.unblock(unit, contact))
        )

    async def remove(self, contact: str) -> None:
        await self._runner.change(lambda unit: contacts.remove(unit, contact))
