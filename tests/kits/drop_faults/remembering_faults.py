"""Faults of the small transport that stores: what it remembers, and what it forgets."""

from __future__ import annotations

import shutil
from contextlib import suppress

import anyio

from balchat_host.api.errors import StorageFull
from tests.kits.drop_faults.faulty_drop import FaultyDrop


class RemembersNothing(FaultyDrop):
    """Makes new boxes at each start."""

    caught_by = "test_it_goes_on_with_what_it_has_remembered"

    async def remember(self, change) -> None:
        pass


class RemembersLater(FaultyDrop):
    """Gives out a box that the vault could not remember."""

    caught_by = "test_a_full_vault_ends_nothing"

    async def remember(self, change) -> None:
        with suppress(StorageFull):
            await super().remember(change)


class ChangesBoxesAndTellsNobody(FaultyDrop):
    """Makes another box each time that it is asked, and tells nobody."""

    caught_by = "test_routes_that_change_are_told"

    async def allocate_routes(self, peer):
        await self.forget(peer)
        return await super().allocate_routes(peer)


class ForgetsNobody(FaultyDrop):
    """Keeps what it knows of somebody who was removed."""

    caught_by = "test_nothing_is_kept_of_somebody_who_is_forgotten"

    async def forget(self, peer) -> None:
        self.boxes.pop(peer, None)


class ForgetsEverybody(FaultyDrop):
    """Forgets everybody when one is removed."""

    caught_by = "test_nothing_is_kept_of_somebody_who_is_forgotten"

    async def forget(self, peer) -> None:
        for each in list(self.boxes):
            await super().forget(each)


class KeepsEverybody(FaultyDrop):
    """Keeps what it knows of who was removed while it was not up."""

    caught_by = "test_only_contacts_are_kept"

    async def keep_only(self, peers) -> None:
        pass


class KeepsNobody(FaultyDrop):
    """Forgets contacts, too, when it is told whom to keep."""

    caught_by = "test_only_contacts_are_kept"

    async def keep_only(self, peers) -> None:
        for each in list(self.boxes):
            await self.forget(each)


class RemembersWhenItStops(FaultyDrop):
    """Writes into the vault when it stops."""

    caught_by = "test_it_goes_on_with_what_it_has_remembered"

    async def run(self, *, task_status) -> None:
        self.changes = []
        try:
            await super().run(task_status=task_status)
        finally:
            with anyio.move_on_after(5, shield=True):
                for change in self.changes:
                    await self.context.change(change)

    async def remember(self, change) -> None:
        self.changes.append(change)


class BringsBackWhomItForgot(FaultyDrop):
    """Writes into the vault, when it stops, what it knew, also of whom it was to forget."""

    caught_by = "test_nothing_is_kept_of_somebody_who_is_forgotten"

    async def run(self, *, task_status) -> None:
        self.known = {}
        try:
            await super().run(task_status=task_status)
        finally:
            with anyio.move_on_after(5, shield=True):
                for peer, box in self.known.items():
                    await self.context.change(lambda area, peer=peer, box=box: area.put(peer.octets, box))

    async def allocate_routes(self, peer):
        (route,) = await super().allocate_routes(peer)
        self.known[peer] = route.address
        return [route]


class KeepsBoxesOfOthers(FaultyDrop):
    """Forgets who is no contact, and leaves what lies there for them."""

    caught_by = "test_only_contacts_are_kept"

    async def keep_only(self, peers) -> None:
        for peer in set(self.boxes) - set(peers):
            del self.boxes[peer]
            await self.remember(lambda area, peer=peer: area.delete(peer.octets))


class DeletesWhatIsNotItsOwn(FaultyDrop):
    """Deletes all boxes that are not its own when it is told whom to keep."""

    caught_by = "test_only_contacts_are_kept"

    async def keep_only(self, peers) -> None:
        await super().keep_only(peers)
        own = {box.hex() for box in self.boxes.values()}
        for path in [path for path in self.folder.iterdir() if path.name not in own]:
            await self.on_disk(shutil.rmtree, path)


class LeavesWhereNobodyLooks(FaultyDrop):
    """Makes the box of somebody who has none any more, and leaves envelopes in it."""

    caught_by = "test_what_leads_to_whoever_was_forgotten_stores_nothing"

    def is_full(self, box, more) -> bool:
        box.mkdir(exist_ok=True)
        return super().is_full(box, more)
