"""Faults of the small transport that stores: where others write, who it is from, what it shows."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import anyio

from balchat_host.api.types import Route
from tests.kits.drop_faults.faulty_drop import FaultyDrop
from tests.kits.drop_transport import DOMAIN, NAME, SIGNATURE_SIZE

logger = logging.getLogger(__name__)
NONSENSE = "test_what_is_no_file_of_its_own_ends_nothing"


class TakesAnySize(FaultyDrop):
    """Takes what is too large."""

    caught_by = "test_what_is_too_large_is_not_taken_from_others_either"

    def fits(self, size) -> bool:
        return size > 0


class MixesUpTheOrder(FaultyDrop):
    """Sorts what waits as text: 10 before 9."""

    caught_by = "test_order_is_kept_whatever_the_sizes"

    def name(self, number) -> str:
        return str(number)

    def leave(self, box, octets) -> None:
        self.next = getattr(self, "next", 0) + 1
        (box / "new").write_bytes(octets)
        (box / "new").rename(box / self.name(self.next))


class NeverVerifies(FaultyDrop):
    """Never verifies signatures: whoever can write into a box is whom it was made for."""

    caught_by = "test_whoever_claims_to_be_somebody_else_is_found_out"

    def is_by(self, peer, box, octets) -> bool:
        return True


class WorksInTheLoop(FaultyDrop):
    """Works on the disk in the event loop."""

    caught_by = "test_an_envelope_arrives_as_it_was"
    audited = True

    async def on_disk(self, work, *given):
        return work(*given)


class KeepsStateBesideTheVault(FaultyDrop):
    """Keeps what it knows in a file beside the vault."""

    caught_by = "test_an_envelope_arrives_as_it_was"
    audited = True

    async def remember(self, change) -> None:
        await super().remember(change)
        path = Path(tempfile.gettempdir()) / f"balchat-drop-{id(self)}"
        self.ended.append(path)
        await anyio.to_thread.run_sync(path.write_bytes, b"state")


class LogsWhatItReads(FaultyDrop):
    """Logs what it could not use."""

    caught_by = "test_an_envelope_arrives_as_it_was"
    audited = True

    def is_by(self, peer, box, octets) -> bool:
        logger.info("a file of %r", octets[SIGNATURE_SIZE:])
        return super().is_by(peer, box, octets)


class StoresAgainAfterAStart(FaultyDrop):
    """Keeps in the vault what it has stored, and stores it again with the next."""

    caught_by = "test_what_was_sent_before_a_start_is_not_sent_again"

    async def leave_all(self, box, waiting) -> None:
        envelopes = [each.envelope for each in waiting]
        for octets in await self.context.read(lambda area: [value for key, value in area.scan() if key[:1] == b"s"]):
            signature = await self.context.sign(domain=DOMAIN, message=box + octets)
            await self.on_disk(self.leave, self.folder / box.hex(), signature + octets)
        await super().leave_all(box, waiting)
        await self.context.change(lambda area: [area.put(b"s" + each[:20], each) for each in envelopes])


class SignsTheBoxAlone(FaultyDrop):
    """Signs the box, and not the envelope."""

    caught_by = "test_what_was_changed_where_it_is_stored_is_not_taken"

    async def signed(self, box, envelope) -> bytes:
        return await self.context.sign(domain=DOMAIN, message=box)

    def is_by(self, peer, box, octets) -> bool:
        return self.verifies(peer, bytes.fromhex(box.name), octets)


class SignsTheEnvelopeAlone(FaultyDrop):
    """Signs the envelope, and not the box."""

    caught_by = "test_what_was_copied_to_another_place_is_not_taken"

    async def signed(self, box, envelope) -> bytes:
        return await self.context.sign(domain=DOMAIN, message=envelope)

    def is_by(self, peer, box, octets) -> bool:
        return self.verifies(peer, octets[SIGNATURE_SIZE:], octets)


class BelievesWhoeverItKnows(FaultyDrop):
    """Takes the signature of anybody for whom it has a box."""

    caught_by = "test_whoever_claims_to_be_somebody_else_is_found_out"

    def is_by(self, peer, box, octets) -> bool:
        return any(super(BelievesWhoeverItKnows, self).is_by(each, box, octets) for each in self.boxes)


class ReadsWhateverLiesThere(FaultyDrop):
    """Reads links, pipes and folders like files."""

    caught_by = NONSENSE

    def waiting(self, box):
        return sorted(path for path in box.iterdir() if path.name.isdecimal() and not path.is_fifo())


class NamesBoxesForPeers(FaultyDrop):
    """Gives boxes the names of those for whom they are."""

    caught_by = "test_an_envelope_arrives_as_it_was"
    audited = True
    tells = "the name of a file with a peer id in it"

    async def allocate_routes(self, peer):
        if peer not in self.boxes:
            await self.on_disk(self.make_box, self.folder / peer.octets.hex())
            self.boxes[peer] = peer.octets
        return [Route(transport=NAME, address=self.boxes[peer])]


class VerifiesTheFirstOfSeveral(FaultyDrop):
    """Verifies the first of what is handed over together."""

    caught_by = "test_each_envelope_is_proven_for_itself"

    def look(self, box, now):
        found = super().look(box, now)
        self.first = found[0][1] if found else b""
        return found

    def is_by(self, peer, box, octets) -> bool:
        return octets != self.first or super().is_by(peer, box, octets)


class ThrowsAllAwayWithOne(FaultyDrop):
    """Throws all away that is handed over together where one of it is forged."""

    caught_by = "test_each_envelope_is_proven_for_itself"

    async def collect(self, peer, box) -> None:
        found = await self.on_disk(self.look, box, anyio.current_time())
        if not all(self.is_by(peer, box, octets) for _, octets in found):
            await self.on_disk(self.throw_away, [path for path, _ in found])
        await super().collect(peer, box)


class BelievesWhomItKnows(FaultyDrop):
    """Verifies what comes until something was by whom the box is for."""

    caught_by = "test_whoever_claims_to_be_somebody_else_is_found_out"

    def __init__(self, context, folder, *, threads) -> None:
        super().__init__(context, folder, threads=threads)
        self.known = set()

    def is_by(self, peer, box, octets) -> bool:
        if peer not in self.known and super().is_by(peer, box, octets):
            self.known.add(peer)
        return peer in self.known


class ReadsBeforeItMeasures(FaultyDrop):
    """Reads whatever lies in a box, and looks at its size then."""

    caught_by = "test_however_much_lies_there_it_is_not_read_into_memory"

    def look(self, box, now):
        for path in self.waiting(box):
            if not self.fits(len(path.read_bytes()) - SIGNATURE_SIZE):
                path.unlink()
        return super().look(box, now)


class SignsItsEnds(FaultyDrop):
    """Signs how an envelope begins and ends, and how long it is."""

    caught_by = "test_each_envelope_is_proven_for_itself"

    async def signed(self, box, envelope) -> bytes:
        return await super().signed(box, self.ends(envelope))

    def is_by(self, peer, box, octets) -> bool:
        ends = self.ends(octets[SIGNATURE_SIZE:])
        return self.verifies(peer, bytes.fromhex(box.name) + ends, octets)

    def ends(self, envelope: bytes) -> bytes:
        return len(envelope).to_bytes(4) + envelope[:64] + envelope[-64:]
