"""Faults of bulk streams, planted one at a time, and the test of the kit that catches each."""

from __future__ import annotations

import anyio
from anyio import BrokenResourceError

from balchat_host.api.types import DeviceIdentity
from tests.kits.bulk_faults.faulty_bulk import FaultyBulk
from tests.kits.line_bulk import BULK_PORT, BulkLineTransport, BulkStream

DISCONNECTING = "test_disconnecting_ends_bulk_streams"
WHOLE = "test_octets_pass_on_a_bulk_stream_whole_and_in_order"


# -- who is there


class BelievesWhoOpens(FaultyBulk):
    """Never verifies who opens a bulk stream."""

    caught_by = "test_a_bulk_stream_of_whoever_claims_to_be_somebody_else_is_not_accepted"

    def check(self, peer, message, signature) -> None:
        pass


class MixesUpDevices(FaultyBulk):
    """Says that another device has opened a bulk stream."""

    caught_by = "test_who_accepts_a_bulk_stream_knows_which_device_has_opened_it"

    async def prove(self, stream):
        device = await super().prove(stream)
        return DeviceIdentity(peer=device.peer, device_id=bytes(16))


class AcceptsAnybody(FaultyBulk):
    """Accepts bulk streams of people who are no contacts."""

    caught_by = "test_a_bulk_stream_of_somebody_who_is_no_contact_is_not_accepted"

    async def admits(self, peer) -> bool:
        return True


class AcceptsBeforeTheProof(FaultyBulk):
    """Hands a bulk stream to the host before its other end has proven itself."""

    caught_by = "test_no_bulk_stream_is_accepted_before_its_other_end_is_proven"

    async def serve(self, stream) -> None:
        somebody = DeviceIdentity(peer=self.context.identity, device_id=bytes(16))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.context.accept_bulk, somebody, stream)
            await anyio.sleep_forever()


class DialsAnyRoute(FaultyBulk):
    """Opens bulk streams by routes that nobody has named."""

    caught_by = "test_a_bad_route_opens_no_bulk_stream"

    async def open_bulk(self, peer, routes):
        stream, _ = await self.reach(peer, 7001)
        return self.new_bulk(peer, stream)


# -- what passes


class LosesAnOctet(FaultyBulk):
    """Loses the last octet of what is written at once to a bulk stream."""

    caught_by = WHOLE

    class stream(BulkStream):  # noqa: N801  # see below
        async def send(self, item) -> None:
            await super().send(item[:-1])


class OneAtATime(FaultyBulk):
    """Lets a bulk stream wait until nothing is written to another one of the same peer."""

    caught_by = "test_a_bulk_stream_that_is_stuck_holds_up_no_other_one"

    def __init__(self, context) -> None:
        super().__init__(context)
        self.writing = anyio.Lock()

    def new_bulk(self, peer, stream):
        made = super().new_bulk(peer, stream)
        made.writing = self.writing
        return made

    class stream(BulkStream):  # noqa: N801  # it stands for the attribute
        writing: anyio.Lock

        async def send(self, item) -> None:
            async with self.writing:
                await super().send(item)


class TakesWhatNobodyReads(FaultyBulk):
    """Takes what is written to a bulk stream although the other end does not read."""

    caught_by = "test_where_nobody_reads_a_bulk_stream_no_more_can_be_written"

    class stream(BulkStream):  # noqa: N801  # see above
        async def send(self, item) -> None:
            self.pending = [*getattr(self, "pending", []), item]
            await anyio.lowlevel.checkpoint()


class BreaksWhatIsNotRead(FaultyBulk):
    """Ends a bulk stream to which nothing more can be written when it sends an envelope."""

    caught_by = "test_where_nobody_reads_a_bulk_stream_no_more_can_be_written"

    async def send(self, peer, routes, outgoing) -> None:
        for stream in [each for streams in self.bulk.values() for each in streams if each.scopes]:
            stream.end()
        await super().send(peer, routes, outgoing)


class NeverGoesOn(FaultyBulk):
    """Writes no more to a bulk stream once it has sent an envelope beside it."""

    caught_by = "test_where_nobody_reads_a_bulk_stream_no_more_can_be_written"

    async def send(self, peer, routes, outgoing) -> None:
        for stream in [each for streams in self.bulk.values() for each in streams]:
            stream.held_up = True
        await super().send(peer, routes, outgoing)

    class stream(BulkStream):  # noqa: N801  # see above
        held_up = False

        async def send(self, item) -> None:
            if self.held_up:
                await anyio.sleep_forever()
            await super().send(item)


class HoldsUpEnvelopes(FaultyBulk):
    """Sends no envelope to a peer with whom there is a bulk stream."""

    caught_by = "test_envelopes_pass_while_a_bulk_stream_is_stuck"

    async def send(self, peer, routes, outgoing) -> None:
        for stream in self.bulk.get(peer, []).copy():
            await stream.ended.wait()
        await super().send(peer, routes, outgoing)


# -- how they end


class NeverCloses(FaultyBulk):
    """Keeps a bulk stream open when the host is done with it."""

    caught_by = "test_a_bulk_stream_ends_where_its_other_end_closes_it"

    class stream(BulkStream):  # noqa: N801  # see above
        async def aclose(self) -> None:
            await anyio.sleep_forever()


class FailsWithOne(FaultyBulk):
    """Ends when its host fails with one bulk stream."""

    caught_by = "test_a_host_that_fails_with_a_bulk_stream_ends_that_one_alone"

    async def welcome_bulk(self, stream) -> None:
        try:
            await self.serve(stream)
        except BrokenResourceError:
            pass
        finally:
            await anyio.aclose_forcefully(stream)


class GoesOnWhenDisconnected(FaultyBulk):
    """Ends no bulk stream of a peer that was blocked or removed."""

    caught_by = DISCONNECTING

    async def disconnect(self, peer) -> None:
        await super(BulkLineTransport, self).disconnect(peer)


class DisconnectsEverybody(FaultyBulk):
    """Ends everybody's bulk streams when one peer is disconnected."""

    caught_by = DISCONNECTING

    async def disconnect(self, peer) -> None:
        self.end_bulk(*self.bulk)
        await super().disconnect(peer)


class OutlivesItself(FaultyBulk):
    """Leaves bulk streams open when it has ended."""

    caught_by = "test_no_bulk_stream_outlives_the_transport"

    async def run(self, *, task_status) -> None:
        await super(BulkLineTransport, self).run(task_status=task_status)


class OpensAnyNumber(FaultyBulk):
    """Lets one peer have any number of bulk streams."""

    caught_by = "test_one_more_bulk_stream_than_a_peer_may_have_ends_its_oldest"
    most = 1000


class TurnsNewOnesAway(FaultyBulk):
    """Ends the newest bulk stream of a peer that has too many, and so keeps out who has lost the others."""

    caught_by = "test_one_more_bulk_stream_than_a_peer_may_have_ends_its_oldest"

    def make_room(self, peer) -> None:
        while len(self.bulk[peer]) > self.most:
            self.bulk[peer][-1].end()


class NeverGivesUp(FaultyBulk):
    """Goes on opening a bulk stream that nobody wants any more."""

    caught_by = "test_opening_a_bulk_stream_can_be_given_up"

    async def open_bulk(self, peer, routes):
        opened = []
        done = anyio.Event()

        async def open_it() -> None:
            opened.append(await BulkLineTransport.open_bulk(self, peer, routes))
            done.set()

        self.tasks.start_soon(open_it)
        await done.wait()
        return opened[0]


class GoesWithTheEnvelopes(FaultyBulk):
    """Opens bulk streams by the circuit of the envelopes."""

    caught_by = "test_each_bulk_stream_has_a_way_of_its_own"

    def isolation(self, port) -> str:
        return ""


class HasOneWayForAll(FaultyBulk):
    """Opens all bulk streams by one circuit."""

    caught_by = "test_each_bulk_stream_has_a_way_of_its_own"

    def isolation(self, port) -> str:
        return "bulk" if port == BULK_PORT else ""
