"""Faults of the small transport that stores: bounds, and what the host refuses for now."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import anyio

from balchat_host.api.transport import Outcome, SendReport, Verdict
from tests.kits.drop_faults.faulty_drop import FaultyDrop
from tests.kits.drop_transport import SIGNATURE_SIZE

if TYPE_CHECKING:
    from balchat_host.api.transport import Outgoing

BOUND = "test_what_waits_for_one_peer_is_bounded"
FOR_NOW = "test_what_is_refused_for_now_holds_up_nothing"
AGAIN = "test_what_is_refused_for_now_is_offered_again_after_its_time"
FORGED = "test_what_is_forged_takes_no_room"
AT_ONCE = "test_what_is_handed_over_at_once_is_bounded"


class RefusesForGood(FaultyDrop):
    """Says of a full box that it never takes it."""

    caught_by = BOUND

    def refuse(self, outgoing: Outgoing) -> None:
        self.context.report([SendReport(ticket=outgoing.ticket, outcome=Outcome.REFUSED, reason="box-full")])


class RemovesWhatIsRefusedForNow(FaultyDrop):
    """Removes what the host refuses for now."""

    caught_by = "test_what_is_refused_for_now_stays_stored"

    def is_done(self, path, answer) -> bool:
        return True


class RemovesWhatIsRefusedSecond(FaultyDrop):
    """Removes all that was handed over with what the host has taken."""

    caught_by = "test_what_is_refused_for_now_stays_stored"

    def is_done(self, path, answer) -> bool:
        self.took = getattr(self, "took", False) or answer.verdict is Verdict.COMMITTED
        return self.took


class HoldsUpWhatStandsBehind(FaultyDrop):
    """Waits with everything that stands behind what the host refuses for now."""

    caught_by = FOR_NOW

    def look(self, box, now):
        if any(self.not_before.get(path, now) > now for path in self.waiting(box)):
            return []
        return super().look(box, now)


class AsksAgainAtOnce(FaultyDrop):
    """Offers what the host refuses for now whenever it looks."""

    caught_by = FOR_NOW

    def is_done(self, path, answer) -> bool:
        done = super().is_done(path, answer)
        self.not_before.clear()
        return done


class TakesSecondsForMilliseconds(FaultyDrop):
    """Offers it again after a thousandth of the time."""

    caught_by = AGAIN

    def is_done(self, path, answer) -> bool:
        done = super().is_done(path, answer)
        if not done:
            self.not_before[path] = anyio.current_time() + answer.retry_after / 1000
        return done


class OffersAgainAtTheNextStartOnly(FaultyDrop):
    """Offers what the host refuses for now again when it starts, and not before."""

    caught_by = AGAIN

    def is_done(self, path, answer) -> bool:
        done = super().is_done(path, answer)
        if not done:
            self.not_before[path] = float("inf")
        return done


class TakesWithoutEnd(FaultyDrop):
    """Lets any number of envelopes wait for somebody who does not come."""

    caught_by = BOUND

    def is_full(self, box, more) -> bool:
        return False


class CountsInsteadOfMeasuring(FaultyDrop):
    """Bounds how many envelopes wait, and not how large they are."""

    caught_by = BOUND

    def is_full(self, box, more) -> bool:
        return len(self.waiting(box)) >= 1000


class DropsTheOldest(FaultyDrop):
    """Makes room by deleting the oldest of what it has called stored."""

    caught_by = BOUND

    def is_full(self, box, more) -> bool:
        while super().is_full(box, more):
            self.waiting(box)[0].unlink()
        return False


class SharesOneBound(FaultyDrop):
    """Bounds what waits for one receiver, whoever it is from."""

    caught_by = BOUND

    def is_full(self, box, more) -> bool:
        return sum(path.stat().st_size for path in box.parent.rglob("[0-9]*") if path.is_file()) + more > self.holds


class KeepsWhatIsForged(FaultyDrop):
    """Never hands over what is forged, and leaves it where it is."""

    caught_by = FORGED

    def throw_away(self, forged) -> None:
        self.not_before.update(dict.fromkeys(forged, float("inf")))


class MovesWhatIsForgedAside(FaultyDrop):
    """Keeps what is forged under another name, and counts it."""

    caught_by = FORGED

    def throw_away(self, forged) -> None:
        for path in forged:
            path.rename(path.with_name(f"forged-{path.name}-{os.urandom(4).hex()}"))

    def is_full(self, box, more) -> bool:
        return sum(path.stat().st_size for path in box.iterdir()) + more > self.holds


class NeverHasRoomAgain(FaultyDrop):
    """Counts all that it ever took against its bound."""

    caught_by = BOUND
    taken = 0

    def is_full(self, box, more) -> bool:
        self.taken += more
        return self.taken > self.holds


class ReadsEverythingAtOnce(FaultyDrop):
    """Reads all that waits into memory at once."""

    caught_by = "test_what_is_handed_over_at_once_is_bounded"
    at_once = 2**40


class ForgetsWhatWaits(FaultyDrop):
    """Counts what waits in memory, and never counts down."""

    caught_by = BOUND

    def is_full(self, box, more) -> bool:
        self.counted = getattr(self, "counted", 0) + more
        return self.counted > self.holds


class WritesOverWhatWaits(FaultyDrop):
    """Numbers what it leaves by how many wait, and so writes over what stays while others are taken."""

    caught_by = "test_what_is_refused_for_now_stays_stored"

    def leave(self, box, octets) -> None:
        new = box / "new"
        with new.open("wb") as file:
            file.write(octets)
            self.sync(file)
        new.rename(box / self.name(len(self.waiting(box))))
        self.sync_folder(box)


class LooksAtOneBoxAlone(FaultyDrop):
    """Takes nothing of anybody else while something is refused for now."""

    caught_by = FOR_NOW

    async def collect(self, peer, box) -> None:
        if all(path.is_relative_to(box) for path in self.not_before):
            await super().collect(peer, box)


class TakesFirstWhatFits(FaultyDrop):
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


class OffersTwice(FaultyDrop):
    """Offers once more what the host has taken."""

    caught_by = FOR_NOW

    def is_done(self, path, answer) -> bool:
        self.offered = getattr(self, "offered", set())
        again = path in self.offered
        self.offered.add(path)
        return again and super().is_done(path, answer)


class CountsSinceItsStart(FaultyDrop):
    """Counts what it has left since it started."""

    caught_by = BOUND
    taken = 0

    def is_full(self, box, more) -> bool:
        if not self.waiting(box):
            self.taken = 0
        self.taken += more
        return self.taken > self.holds


class TakesAtOnceForNever(FaultyDrop):
    """Removes what the host refuses and may be offered again at once."""

    caught_by = AGAIN

    def is_done(self, path, answer) -> bool:
        return super().is_done(path, answer) or answer.retry_after == 0


class WaitsByTheClockOfTheDay(FaultyDrop):
    """Offers again, by the clock of the day, what was refused for now: once it was put back, not for a long time."""

    caught_by = AGAIN
    failures = (TimeoutError,)

    def is_done(self, path, answer) -> bool:
        done = super().is_done(path, answer)
        if not done:
            self.not_before[path] = time.time() + answer.retry_after
        return done

    def look(self, box, now):
        return super().look(box, time.time())
