"""Faults of the small transport: what it says about envelopes, and about who is within reach."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from balchat_host.api.transport import Verdict
from balchat_host.api.types import DEVICE_ID_SIZE, DeviceIdentity
from tests.kits.line_faults.faulty_line import Faulty
from tests.kits.line_transport import ACK, ENVELOPE, WINDOW, Frame, Link

if TYPE_CHECKING:
    from balchat_host.api.transport import Disposition

REFUSAL = "test_a_refusal_comes_with_its_reason_and_its_time"
APART = "test_who_is_disconnected_takes_nobody_along"


class EndLosesTickets(Faulty):
    """Says nothing of what has no answer when the way breaks."""

    caught_by = "test_what_has_no_answer_when_it_stops_is_lost"

    class link(Link):  # noqa: N801  # see above
        def lose(self, tickets) -> None:
            pass


class ReadsAheadWithoutEnd(Faulty):
    """Takes in as much as comes while nothing is committed."""

    caught_by = "test_it_takes_no_more_than_it_can_hold"

    class link(Link):  # noqa: N801  # see above
        queue = 2**40

        async def submit(self, outgoing) -> None:
            for each in outgoing:
                self.number += 1
                self.waiting[self.number] = each
                self.put(Frame(ENVELOPE, self.number, each.envelope), each.ticket)


class AnswersWhatIsIgnored(Faulty):
    """Acknowledges what the host ignores, and so tells that it is there."""

    caught_by = "test_nothing_is_said_about_what_was_ignored"

    class link(Link):  # noqa: N801  # see above
        def answer(self, frame: Frame, answer: Disposition) -> None:
            if answer.verdict is Verdict.IGNORED:
                self.put(Frame(ACK, frame.number, b""))
            else:
                super().answer(frame, answer)


class PassesReasonsOn(Faulty):
    """Tells others a reason that is no code."""

    caught_by = "test_a_reason_that_is_no_code_stays_at_home"

    class link(Link):  # noqa: N801  # see above
        def code(self, reason) -> str:
            return reason or ""


class DisconnectsEverybody(Faulty):
    """Disconnects everybody when one is to be disconnected."""

    caught_by = "test_who_is_disconnected_takes_nobody_along"

    async def disconnect(self, peer) -> None:
        for each in list(self.links):
            await super().disconnect(each)


class KnowsNobodyElse(Faulty):
    """Raises something of its own when somebody is to be disconnected who was never there."""

    caught_by = "test_who_is_disconnected_takes_nobody_along"
    failures = (KeyError,)

    async def disconnect(self, peer) -> None:
        assert self.links[peer] is not None
        await super().disconnect(peer)


class DialsOneAfterAnother(Faulty):
    """Sends nothing to anybody while it dials somebody."""

    caught_by = "test_whoever_cannot_be_reached_yet_holds_up_nobody_else"

    def __init__(self, context) -> None:
        super().__init__(context)
        self.one = anyio.Lock()

    async def send(self, peer, routes, outgoing) -> None:
        async with self.one:
            await super().send(peer, routes, outgoing)


class RepliesToSomebodyElse(Faulty):
    """Sends replies to whoever came first."""

    caught_by = "test_replies_are_received_before_the_sender_learns_of_delivery"

    class link(Link):  # noqa: N801  # see above
        def answer(self, frame, answer) -> None:
            first = next(link for links in self.transport.links.values() for link in links)
            for reply in answer.replies:
                first.put(Frame(ENVELOPE, 0, reply))


class ReachesAnybody(Faulty):
    """Says that everybody is within reach when somebody is."""

    caught_by = APART

    def reachable(self, peer, device_id=None) -> bool:
        return any(self.links.values())


class TellsThatAllAreGone(Faulty):
    """Says of everybody that they are out of reach when one is."""

    caught_by = APART

    def gone(self, link) -> None:
        super().gone(link)
        for links in self.links.values():
            for each in links:
                with suppress(AssertionError):
                    self.context.peer_changed(each.device, reachable=False)


class FlickersWithEachEnvelope(Faulty):
    """Tells with each envelope that its sender went away and came back."""

    caught_by = "test_both_sides_learn_that_they_are_within_reach_and_no_more"

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            links = self.transport.links[self.peer].copy()
            self.transport.links[self.peer].clear()
            self.transport.context.peer_changed(self.device, reachable=False)
            self.transport.links[self.peer] += links
            self.transport.context.peer_changed(self.device, reachable=True)
            await super().hand_over(batch)


class ReachesAnyDevice(Faulty):
    """Says of any device of a peer that it is within reach when one is."""

    caught_by = "test_devices_of_a_peer_are_told_apart"

    def reachable(self, peer, device_id=None) -> bool:
        return super().reachable(peer)


class TakesDevicesForOne(Faulty):
    """Tells the host of a peer within reach, and not which device of theirs it is."""

    caught_by = "test_devices_of_a_peer_are_told_apart"

    def adopt(self, device, stream) -> Link:
        return super().adopt(replace(device, device_id=bytes(DEVICE_ID_SIZE)), stream)


class SendsToAnyDevice(Faulty):
    """Sends to another device than the route names."""

    caught_by = "test_a_route_of_something_else_is_refused"

    def check_device(self, link, route) -> None:
        pass


class ReachesWhoWasDisconnected(Faulty):
    """Goes on dialling whoever was disconnected meanwhile, and sends to them."""

    caught_by = "test_disconnecting_ends_what_is_being_dialled"

    def end_dial(self, peer) -> None:
        pass


class SharesOneTurn(Faulty):
    """Sends nothing to anybody while somebody takes nothing."""

    caught_by = "test_a_peer_who_takes_nothing_holds_up_nobody_else"

    def __init__(self, context) -> None:
        super().__init__(context)
        self.turn = anyio.Lock()

    class link(Link):  # noqa: N801  # see above
        async def submit(self, outgoing) -> None:
            async with self.transport.turn:
                await super().submit(outgoing)


class SharesOneWindow(Faulty):
    """Counts what has no answer for all peers together."""

    caught_by = "test_a_peer_who_takes_nothing_holds_up_nobody_else"

    class link(Link):  # noqa: N801  # see above
        async def submit(self, outgoing) -> None:
            for each in outgoing:
                while not self.over and self.on_the_way() > WINDOW:
                    await self.changed.wait()
                await super().submit([each])

        def on_the_way(self) -> int:
            links = [link for links in self.transport.links.values() for link in links]
            return sum(len(each.envelope) for link in links for each in link.waiting.values())


class RepliesOnce(Faulty):
    """Sends the first of several replies."""

    caught_by = "test_replies_are_received_before_the_sender_learns_of_delivery"

    class link(Link):  # noqa: N801  # see above
        def answer(self, frame, answer) -> None:
            super().answer(frame, replace(answer, replies=answer.replies[:1]))


class LosesAllButTheLast(Faulty):
    """Reports the last of what has no answer when it stops, and forgets the others."""

    caught_by = "test_what_has_no_answer_when_it_stops_is_lost"

    class link(Link):  # noqa: N801  # see above
        def lose(self, tickets) -> None:
            super().lose(tickets[-1:])


class RoundsDown(Faulty):
    """Tells how long to wait in whole seconds, rounded down."""

    caught_by = REFUSAL

    class link(Link):  # noqa: N801  # see above
        def answer(self, frame: Frame, answer: Disposition) -> None:
            after = answer.retry_after
            super().answer(frame, replace(answer, retry_after=None if after is None else float(int(after))))


class HasTwoOctetsForSeconds(Faulty):
    """Tells of a shorter wait where the seconds do not fit into two octets."""

    caught_by = REFUSAL

    class link(Link):  # noqa: N801  # see above
        def answer(self, frame: Frame, answer: Disposition) -> None:
            after = answer.retry_after
            super().answer(frame, replace(answer, retry_after=None if after is None else min(after, 65_535.0)))


class CutsReasons(Faulty):
    """Cuts a reason that is too long for a code, and tells the rest."""

    caught_by = "test_a_reason_that_is_no_code_stays_at_home"

    class link(Link):  # noqa: N801  # see above
        def code(self, reason: str | None) -> str:
            return super().code((reason or "")[:64])


class KnowsShortReasonsAlone(Faulty):
    """Takes a reason of 64 characters for too long."""

    caught_by = "test_a_reason_is_any_code"

    class link(Link):  # noqa: N801  # see above
        def code(self, reason: str | None) -> str:
            return super().code(reason) if len(reason or "") < 64 else ""  # the longest


class ChecksTheDeviceOnce(Faulty):
    """Compares the device that a route names when it connects, and never again."""

    caught_by = "test_a_route_of_something_else_is_refused"

    def check_device(self, link, route) -> None:
        if link not in self.checked:
            super().check_device(link, route)
            self.checked.append(link)

    def __init__(self, context) -> None:
        super().__init__(context)
        self.checked: list[Link] = []


class SaysThatAnotherDeviceLeft(Faulty):
    """Names our own device where one of a peer leaves."""

    caught_by = "test_both_sides_learn_that_they_are_within_reach_and_no_more"

    def gone(self, link) -> None:
        self.links[link.peer].remove(link)
        if not self.links[link.peer]:
            ours = DeviceIdentity(peer=link.peer, device_id=self.context.device_id)
            self.context.peer_changed(ours, reachable=False)
