"""Faults of the small transport: how it runs, and how it carries envelopes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from balchat_host.api.errors import BadInput
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outcome
from balchat_host.api.types import DeviceIdentity, OnionKey, OwnOnion, PeerId, Phase
from tests.kits.line_faults.faulty_line import ARRIVES, Faulty
from tests.kits.line_transport import ENVELOPE, Frame, Link

if TYPE_CHECKING:
    from balchat_host.api.types import PeerId


class ReadsAnyRoute(Faulty):
    """Takes the octets of any route for an onion's."""

    caught_by = "test_a_route_that_cannot_be_read_leads_to_no_onion"

    def onion_of(self, peer, route):
        return OnionKey(route.address[:32])


class NeverStarted(Faulty):
    """Never calls `task_status.started()`."""

    caught_by = ARRIVES

    async def run(self, *, task_status) -> None:
        await anyio.sleep_forever()


class TellsTwice(Faulty):
    """Reports LOST for what it has already reported as delivered."""

    caught_by = ARRIVES

    class link(Link):  # noqa: N801  # see above
        def answered(self, frame) -> None:
            outgoing = self.waiting.get(frame.number)
            super().answered(frame)
            if outgoing is not None:
                self.report(Outcome.LOST, outgoing.ticket)


class TellsTwiceAndHidesIt(Faulty):
    """Reports what is delivered twice, and swallows what the host raises then."""

    caught_by = ARRIVES

    class link(Link):  # noqa: N801  # see above
        def answered(self, frame) -> None:
            outgoing = self.waiting.get(frame.number)
            super().answered(frame)
            if outgoing is not None:
                with suppress(Exception):
                    self.report(Outcome.DELIVERED, outgoing.ticket)


class ForgetsSent(Faulty):
    """Never reports SENT."""

    caught_by = ARRIVES

    class link(Link):  # noqa: N801  # see above
        def report(self, outcome, *tickets, **more) -> None:
            if outcome is not Outcome.SENT:
                super().report(outcome, *tickets, **more)


class SendsAnySize(Faulty):
    """Sends what is too large instead of raising BadInput."""

    caught_by = "test_an_envelope_of_no_or_too_many_octets_is_our_own_mistake"
    largest = 2**31


class MixesUpTheOrder(Faulty):
    """Sends the small ones first."""

    caught_by = "test_order_is_kept_whatever_the_sizes"

    class link(Link):  # noqa: N801  # see above
        async def submit(self, outgoing) -> None:
            await super().submit(sorted(outgoing, key=lambda each: len(each.envelope)))


class OneCommitEach(Faulty):
    """Has the host commit each envelope by itself."""

    caught_by = "test_envelopes_that_wait_for_one_commit_share_the_next"

    class link(Link):  # noqa: N801  # see above
        batch = 1


class SaysOneSource(Faulty):
    """Says of everything that it is by whoever came first."""

    caught_by = "test_each_envelope_comes_from_whom_it_is"
    first: PeerId | None = None

    class link(Link):  # noqa: N801  # it stands for the attribute
        async def hand_over(self, batch) -> None:
            self.transport.first = self.transport.first or self.peer
            peer, self.peer = self.peer, self.transport.first
            await super().hand_over(batch)
            self.peer = peer


class HandsOverTwice(Faulty):
    """Hands over to the host twice what came once."""

    caught_by = "test_each_envelope_comes_from_whom_it_is"

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            await self.transport.context.receive(self.peer, [frame.payload for frame in batch])
            await super().hand_over(batch)


class CountsToAnOctet(Faulty):
    """Numbers what has no answer yet with one octet."""

    caught_by = "test_more_envelopes_than_an_octet_counts"

    class link(Link):  # noqa: N801  # see above
        def put(self, frame, ticket=None) -> None:
            super().put(Frame(frame.kind, frame.number % 256, frame.payload), ticket)


class TriesOneRoute(Faulty):
    """Tries the first route alone."""

    caught_by = "test_a_route_that_leads_nowhere_is_no_reason_to_give_up"

    async def send(self, peer, routes, outgoing) -> None:
        await super().send(peer, routes[:1], outgoing)


class TellsOfEachStream(Faulty):
    """Says that a peer came within reach, and left it, for each of several streams."""

    caught_by = "test_both_directions_at_once"

    def adopt(self, device, stream) -> Link:
        link = super().adopt(device, stream)
        if len(self.links[device.peer]) > 1:
            self.context.peer_changed(device, reachable=True)
        return link


class EndsLate(Faulty):
    """Goes on for half a minute when it is cancelled."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    async def run(self, *, task_status) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(30)


class TellsAfterItsEnd(Faulty):
    """Says that peers came within reach when it has stopped."""

    caught_by = "test_both_directions_at_once"

    async def run(self, *, task_status) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            with suppress(AssertionError):  # what we raised in its call
                for peer in self.links:
                    self.context.peer_changed(DeviceIdentity(peer=peer, device_id=bytes(16)), reachable=True)


class StaysPublished(Faulty):
    """Leaves a service published when it has ended."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    async def answer(self, port, welcome, on_state) -> None:
        await self.context.publish(OwnOnion.IDENTITY, port + 1, on_state=lambda state: None)
        await super().answer(port, welcome, on_state)


class TakesEqualOnesForOne(Faulty):
    """Takes two envelopes with the same octets for one, and reports of one ticket alone."""

    caught_by = "test_two_envelopes_with_the_same_octets_are_two"

    async def send(self, peer, routes, outgoing) -> None:
        await super().send(peer, routes, list({each.envelope: each for each in outgoing}.values()))


class ChecksTheFirstAndTheLast(Faulty):
    """Looks at the size of the first envelope of a `send` and at that of the last."""

    caught_by = "test_an_envelope_of_no_or_too_many_octets_is_our_own_mistake"
    largest = 2**31

    async def send(self, peer, routes, outgoing) -> None:
        if not all(0 < len(each.envelope) <= MAX_ENVELOPE_SIZE for each in (*outgoing[:1], *outgoing[-1:])):
            raise BadInput(what="An envelope", problem="it is too large")
        await super().send(peer, routes, [each for each in outgoing if each.envelope])


class TellsBeforeItIsSo(Faulty):
    """Tells that a peer came within reach while it still says itself that they are not."""

    caught_by = ARRIVES

    def adopt(self, device, stream) -> Link:
        if not self.links.get(device.peer):
            self.context.peer_changed(device, reachable=True)
        self.links.setdefault(device.peer, []).append(self.make_link(device, stream))
        return self.links[device.peer][-1]


class StartsTooEarly(Faulty):
    """Calls `task_status.started()` before `send` can be called."""

    caught_by = "test_it_sends_as_soon_as_it_has_started"

    async def run(self, *, task_status) -> None:
        task_status.started()
        await anyio.sleep(1)
        await super().run(task_status=anyio.TASK_STATUS_IGNORED)


class FailsBeforeItRuns(Faulty):
    """Raises something of its own when it is asked before it runs."""

    caught_by = "test_what_may_be_asked_before_it_runs_has_an_answer"
    failures = (AttributeError,)

    def __init__(self, context) -> None:
        super().__init__(context)
        del self.links

    async def run(self, *, task_status) -> None:
        self.links = {}
        await super().run(task_status=task_status)


class TakesOctetsForText(Faulty):
    """Takes white space off the end of what comes."""

    caught_by = ARRIVES

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            await super().hand_over([frame._replace(payload=frame.payload.rstrip()) for frame in batch])


class TakesNothingForNothing(Faulty):
    """Passes over what holds nothing but zeros."""

    caught_by = ARRIVES

    class link(Link):  # noqa: N801  # see above
        def put(self, frame, ticket=None) -> None:
            if frame.kind != ENVELOPE or any(frame.payload):
                super().put(frame, ticket)


class ForgetsSentOfSome(Faulty):
    """Reports SENT of the first envelope of a line alone."""

    caught_by = ARRIVES

    class link(Link):  # noqa: N801  # see above
        def report(self, outcome, *tickets, **more) -> None:
            if outcome is not Outcome.SENT or self.number <= 1:
                super().report(outcome, *tickets, **more)


class HandsOverAgainWhenTheyComeBack(Faulty):
    """Hands over what came last from somebody once more when they come again."""

    caught_by = "test_a_disconnected_peer_is_out_of_reach_and_may_come_again"

    def __init__(self, context) -> None:
        super().__init__(context)
        self.last = {}

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            before = self.transport.last.get(self.peer)
            if before and before[0] is not self:
                await self.transport.context.receive(self.peer, [before[1]])
            await super().hand_over(batch)
            self.transport.last[self.peer] = (self, batch[-1].payload)


class WaitsForTheNetwork(Faulty):
    """Calls `task_status.started()` when the network is online, and not before."""

    caught_by = "test_it_is_not_online_before_it_can_be_found"

    async def run(self, *, task_status) -> None:
        self.started = task_status.started
        await super().run(task_status=anyio.TASK_STATUS_IGNORED)

    def service_changed(self, state) -> None:
        super().service_changed(state)
        if state.phase is Phase.ONLINE and self.started:
            self.started()
            self.started = None
