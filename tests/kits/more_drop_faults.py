"""More faults of the small transport that stores: where others write, too, and what a start loses."""

from __future__ import annotations

import time

import anyio

from balchat_host.api.types import Route
from tests.kits.drop_faults import FOR_NOW, POWER, UNCOMMITTED, FaultyDrop
from tests.kits.drop_transport import DOMAIN, NAME, SIGNATURE_SIZE

AT_ONCE = "test_what_is_handed_over_at_once_is_bounded"
NONSENSE = "test_what_is_no_file_of_its_own_ends_nothing"


class FaultyDropOtherwise(FaultyDrop):
    """No fault."""


# -- order, and what is sent again


class TakesFirstWhatFits(FaultyDropOtherwise):
    """Hands over small ones before large ones that stand in front of them."""

    caught_by = AT_ONCE

    def look(self, box, now):
        found, octets = [], 0
        for path in self.waiting(box):
            size = path.stat().st_size - SIGNATURE_SIZE
            if not found or octets + size <= self.at_once:
                found.append((path, path.read_bytes()))
                octets += size
        return found


class StoresAgainAfterAStart(FaultyDropOtherwise):
    """Keeps in the vault what it has stored, and stores it again with the next."""

    caught_by = "test_what_was_sent_before_a_start_is_not_sent_again"

    async def leave_all(self, box, waiting) -> None:
        envelopes = [each.envelope for each in waiting]
        for octets in await self.context.read(lambda area: [value for key, value in area.scan() if key[:1] == b"s"]):
            signature = await self.context.sign(domain=DOMAIN, message=box + octets)
            await self.on_disk(self.leave, self.folder / box.hex(), signature + octets)
        await super().leave_all(box, waiting)
        await self.context.change(lambda area: [area.put(b"s" + each[:20], each) for each in envelopes])


class OffersTwice(FaultyDropOtherwise):
    """Offers once more what the host has taken."""

    caught_by = FOR_NOW

    def is_done(self, path, answer) -> bool:
        self.offered = getattr(self, "offered", set())
        again = path in self.offered
        self.offered.add(path)
        return again and super().is_done(path, answer)


class SyncsTooEarly(FaultyDropOtherwise):
    """Syncs the folder before the file has its name."""

    caught_by = POWER

    def leave(self, box, octets) -> None:
        already = self.waiting(box)
        with (box / "new").open("wb") as file:
            file.write(octets)
            self.sync(file)
        self.sync_folder(box)
        (box / "new").rename(box / self.name(int(already[-1].name) + 1 if already else 0))


class SyncsNoNewBox(FaultyDropOtherwise):
    """Makes a box, and does not sync the folder that has its name."""

    caught_by = POWER

    def make_box(self, box) -> None:
        box.mkdir(exist_ok=True)


class SaysTooEarlyThatItHasReadAll(FaultyDropOtherwise):
    """Says that all was handed over before the host has it."""

    caught_by = UNCOMMITTED

    async def offer(self, peer, found):
        await self.context.read_to_end(int(time.time() * 1000) + 1000)
        return await super().offer(peer, found)


# -- who it is from


class SignsTheBoxAlone(FaultyDropOtherwise):
    """Signs the box, and not the envelope."""

    caught_by = "test_what_was_changed_where_it_is_stored_is_not_taken"

    async def signed(self, box, envelope) -> bytes:
        return await self.context.sign(domain=DOMAIN, message=box)

    def is_by(self, peer, box, octets) -> bool:
        return self.verifies(peer, bytes.fromhex(box.name), octets)


class SignsTheEnvelopeAlone(FaultyDropOtherwise):
    """Signs the envelope, and not the box."""

    caught_by = "test_what_was_copied_to_another_place_is_not_taken"

    async def signed(self, box, envelope) -> bytes:
        return await self.context.sign(domain=DOMAIN, message=envelope)

    def is_by(self, peer, box, octets) -> bool:
        return self.verifies(peer, octets[SIGNATURE_SIZE:], octets)


class BelievesWhoeverItKnows(FaultyDropOtherwise):
    """Takes the signature of anybody for whom it has a box."""

    caught_by = "test_whoever_claims_to_be_somebody_else_is_found_out"

    def is_by(self, peer, box, octets) -> bool:
        return any(super(BelievesWhoeverItKnows, self).is_by(each, box, octets) for each in self.boxes)


class ReadsWhateverLiesThere(FaultyDropOtherwise):
    """Reads links, pipes and folders like files."""

    caught_by = NONSENSE

    def waiting(self, box):
        return sorted(path for path in box.iterdir() if path.name.isdecimal() and not path.is_fifo())


# -- what it remembers


class RemembersWhenItStops(FaultyDropOtherwise):
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


class BringsBackWhomItForgot(FaultyDropOtherwise):
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


class KeepsBoxesOfOthers(FaultyDropOtherwise):
    """Forgets who is no contact, and leaves what lies there for them."""

    caught_by = "test_only_contacts_are_kept"

    async def keep_only(self, peers) -> None:
        for peer in set(self.boxes) - set(peers):
            del self.boxes[peer]
            await self.remember(lambda area, peer=peer: area.delete(peer.octets))


class NamesBoxesForPeers(FaultyDropOtherwise):
    """Gives boxes the names of those for whom they are."""

    caught_by = "test_an_envelope_arrives_as_it_was"
    audited = True
    tells = "the name of a file with a peer id in it"

    async def allocate_routes(self, peer):
        if peer not in self.boxes:
            await self.on_disk(self.make_box, self.folder / peer.octets.hex())
            self.boxes[peer] = peer.octets
        return [Route(transport=NAME, address=self.boxes[peer])]


FAULTS = list(FaultyDropOtherwise.__subclasses__())
