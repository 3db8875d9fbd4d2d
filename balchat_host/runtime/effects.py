"""What follows a commit while the account is up. Where only the vault is open, `LiveStatus.carry_out` does what it can.

Each job ends by itself: an exception in one is logged, and ends nothing else.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final
from weakref import WeakValueDictionary

import anyio
from anyio.abc import TaskGroup

from balchat_host.api.errors import StorageFull
from balchat_host.api.failures import contain, log_failure
from balchat_host.api.types import PeerId, Route
from balchat_host.core import contacts, routes
from balchat_host.core.delivery import queue
from balchat_host.core.unit_of_work import (
    Announce,
    Disconnect,
    Effect,
    EncryptWaiting,
    Forget,
    NewRoutes,
    OfferRoutes,
    SendPending,
    Unexpected,
    Withdrawn,
)
from balchat_host.runtime.delivery_scheduler import DeliveryScheduler
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.router import Router
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_log = logging.getLogger(__name__)

_OFFERS_AT_ONCE: Final = 16


class Effects:
    """Carries out what a commit asks for. None of it waits; what takes time becomes a task of `work`."""

    def __init__(
        self,
        runner: UnitOfWorkRunner,
        live_status: LiveStatus,
        scheduler: DeliveryScheduler,
        router: Router,
        work: TaskGroup,
    ) -> None:
        self._runner = runner
        self._live_status = live_status
        self._scheduler = scheduler
        self._router = router
        self._work = work
        self._offering: WeakValueDictionary[PeerId, anyio.Lock] = WeakValueDictionary()
        self._to_offer: dict[PeerId, bytes | None] = {}
        """Whom all routes are to be offered to, and what they were told last."""

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Carry out the effects of one commit."""
        for effect in effects:
            try:
                self._carry_out(effect)
            except Exception as error:  # noqa: BLE001  # it is committed, and the others are still to be done
                log_failure("what follows a commit", error)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case SendPending(peer=peer, device_id=device_id):
                self._scheduler.wake(peer, device_id)
            case Announce():
                self._live_status.changed.ring()
            case NewRoutes(peer=peer):
                self._scheduler.new_routes(peer)
            case Withdrawn(peer=peer):
                self._scheduler.withdrawn(peer)
            case Disconnect(peer=peer):
                self._no_more(peer)
                self._start("disconnecting a contact", self._router.disconnect, peer)
            case Forget(peer=peer):
                self._no_more(peer)
                self._start("forgetting a contact", self._router.forget, peer)
            case EncryptWaiting(conversation=conversation):
                self._start("encrypting what waits", self._encrypt_more, conversation)
            case OfferRoutes(peer=peer):
                self.offer(peer)
            case Unexpected(type=kind):
                _log.error("what came from somebody failed unexpectedly (%s), and was undone", kind)

    def _no_more(self, peer: PeerId) -> None:
        self._scheduler.dismiss(peer)
        self._to_offer.pop(peer, None)

    def offer(self, peer: PeerId | None = None) -> None:
        """Have a contact, or all of them, told how they reach us, unless they know."""
        if peer is None:
            self._start("offering routes", self._offer_all)
        else:
            self._start("offering routes", self._offer, peer)

    def offer_again(self, peer: PeerId) -> None:
        """Have a contact told how they reach us although they were told before."""
        self._start("offering routes again", self._offer_again, peer)

    def resume(self) -> None:
        """Go on with what was under way when the account was up last, or a transport was."""
        self._start("encrypting what waits", self._encrypt_all_waiting)
        self._start("looking for what waits", self._scheduler.resume)

    async def _encrypt_all_waiting(self) -> None:
        with suppress(StorageFull):
            await self._runner.change(queue.encrypt_all_waiting)

    async def _encrypt_more(self, conversation: int) -> None:
        # Where there is no room, the next tidying goes on with it.
        with suppress(StorageFull):
            await self._runner.change(lambda unit: queue.encrypt_more(unit, conversation))

    def _start(self, what: str, job: Callable[..., Awaitable[None]], *arguments: object) -> None:
        self._work.start_soon(self._do, what, job, *arguments)

    @staticmethod
    async def _do(what: str, job: Callable[..., Awaitable[None]], *arguments: object) -> None:
        try:
            await job(*arguments)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it ends this job only
            contain(what, error)

    async def _offer_all(self) -> None:
        told = await self._runner.read(routes.last_offers)
        # Whoever is removed or blocked meanwhile leaves it (`_no_more`).
        self._to_offer |= told
        # A transport may have to ask somebody slow for a route, so we go on to the next contact meanwhile.
        async with anyio.create_task_group() as tasks:
            for _ in range(_OFFERS_AT_ONCE):
                tasks.start_soon(self._offer_each)

    async def _offer_each(self) -> None:
        while self._to_offer:
            peer, told = self._to_offer.popitem()
            await self._do("offering routes", self._offer_unless_told, peer, told)

    async def _offer_unless_told(self, peer: PeerId, told: bytes | None) -> None:
        async with self._offering.setdefault(peer, anyio.Lock()):
            allocated = await self._router.allocate(peer)
            if allocated and routes.body_of(allocated) != told:
                await self._tell_routes(peer, allocated)

    async def _offer(self, peer: PeerId) -> None:
        # One after the other: what was allocated later must not be overtaken by what was allocated before.
        async with self._offering.setdefault(peer, anyio.Lock()):
            # Removed meanwhile, they must not get anything made for them.
            if await self._runner.read(lambda tx: contacts.by_peer(tx, peer)) is None:
                return
            if allocated := await self._router.allocate(peer):
                await self._tell_routes(peer, allocated)

    async def _offer_again(self, peer: PeerId) -> None:
        with suppress(StorageFull):
            await self._runner.change(lambda unit: routes.offer_again(unit, peer))

    async def _tell_routes(self, peer: PeerId, allocated: Sequence[Route]) -> None:
        # What does not work now is offered again when the account next comes up.
        with suppress(StorageFull):
            await self._runner.change(lambda unit: routes.offer(unit, peer, allocated))
