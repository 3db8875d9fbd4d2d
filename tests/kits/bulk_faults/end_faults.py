"""Faults of bulk streams: how they end, how many there may be, and what the audit finds."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.types import DEVICE_ID_SIZE, DeviceIdentity, OnionKey
from tests.kits.bulk_faults.faulty_bulk import FaultyBulk
from tests.kits.line_bulk import BULK_PORT, BulkLineTransport, BulkStream
from tests.kits.line_transport import BROKEN, DOMAIN, read

if TYPE_CHECKING:
    from balchat_host.api.types import PeerId

DISCONNECTING = "test_disconnecting_ends_bulk_streams"
BEFORE_THE_END = "test_what_is_written_before_the_end_arrives"
TOO_MANY = "test_one_more_bulk_stream_than_a_peer_may_have_ends_its_oldest"
GIVEN_UP = "test_opening_a_bulk_stream_can_be_given_up"
WHOLE = "test_octets_pass_on_a_bulk_stream_whole_and_in_order"

logger = logging.getLogger(__name__)


# -- the end of what is written


class IgnoresItsEnd(FaultyBulk):
    """Never tells the other end that no more octets follow."""

    caught_by = BEFORE_THE_END

    class stream(BulkStream):  # noqa: N801  # it stands for the attribute
        async def send_eof(self) -> None:
            await anyio.lowlevel.checkpoint()


class HoldsTheLastPieceBack(FaultyBulk):
    """Holds a piece back until the next one comes, and forgets it when the stream ends."""

    caught_by = BEFORE_THE_END

    class stream(BulkStream):  # noqa: N801  # see above
        held = b""

        async def send(self, item) -> None:
            piece, self.held = self.held, item
            await super().send(piece)


class LosesWhatIsNotYetRead(FaultyBulk):
    """Breaks a stream that is closed while the other end still reads."""

    caught_by = BEFORE_THE_END

    class stream(BulkStream):  # noqa: N801  # see above
        async def aclose(self) -> None:
            self.stream.tear()
            await super().aclose()


class EndsOnce(FaultyBulk):
    """Waits for ever where somebody reads a stream again that has ended."""

    caught_by = BEFORE_THE_END

    class stream(BulkStream):  # noqa: N801  # see above
        at_end = False

        async def receive(self, max_bytes=65_536) -> bytes:
            if self.at_end:
                await anyio.sleep_forever()
            try:
                return await super().receive(max_bytes)
            except EndOfStream:
                self.at_end = True
                raise


class TakesWhatIsWrittenToAClosedOne(FaultyBulk):
    """Takes what is written to a stream that was closed."""

    caught_by = "test_a_bulk_stream_that_was_closed_cannot_be_used"

    class stream(BulkStream):  # noqa: N801  # see above
        async def send(self, item) -> None:
            with suppress(ClosedResourceError):
                await super().send(item)


class ClosesOnce(FaultyBulk):
    """Raises where a stream is closed again."""

    caught_by = "test_a_bulk_stream_that_was_closed_cannot_be_used"

    class stream(BulkStream):  # noqa: N801  # see above
        closed = False

        async def aclose(self) -> None:
            if self.closed:
                raise ClosedResourceError
            self.closed = True
            await super().aclose()


# -- disconnecting


class CallsWhatItHasEndedClosed(FaultyBulk):
    """Says of a stream that it has ended itself that its user has closed it."""

    caught_by = "test_a_bulk_stream_that_we_have_disconnected_is_broken"

    class stream(BulkStream):  # noqa: N801  # see above
        async def until_ended(self, call, *arguments):
            try:
                return await super().until_ended(call, *arguments)
            except BrokenResourceError:
                raise ClosedResourceError from None


class EndsForReadersAlone(FaultyBulk):
    """Lets somebody write on to a stream that it has ended."""

    caught_by = "test_a_bulk_stream_that_we_have_disconnected_is_broken"

    class stream(BulkStream):  # noqa: N801  # see above
        async def send(self, item) -> None:
            if not self.ended.is_set():
                await super().send(item)


class LeavesWhoReads(FaultyBulk):
    """Leaves somebody waiting who reads a stream when it is ended."""

    caught_by = DISCONNECTING

    class stream(BulkStream):  # noqa: N801  # see above
        async def until_ended(self, call, *arguments):
            if self.ended.is_set():
                return await super().until_ended(call, *arguments)
            return await call(*arguments)


class EndsOwnAlone(FaultyBulk):
    """Ends the streams that it has opened itself when somebody is disconnected, and none that they have opened."""

    caught_by = DISCONNECTING

    def new_bulk(self, peer, stream):
        made = super().new_bulk(peer, stream)
        made.theirs = True
        return made

    async def open_bulk(self, peer, routes):
        made = await super().open_bulk(peer, routes)
        made.theirs = False
        return made

    async def disconnect(self, peer) -> None:
        for each in [each for each in self.bulk.get(peer, []) if not each.theirs]:
            each.end()
        await super(BulkLineTransport, self).disconnect(peer)


class OpensWhatWasDisconnected(FaultyBulk):
    """Opens a stream to somebody who was disconnected meanwhile."""

    caught_by = "test_disconnecting_ends_what_is_being_opened"

    async def disconnect(self, peer) -> None:
        self.end_bulk(peer)
        await super(BulkLineTransport, self).disconnect(peer)


# -- how many


class CountsWhatWasClosed(FaultyBulk):
    """Counts streams that were closed, and so ends those that are open."""

    caught_by = "test_bulk_streams_that_were_closed_count_no_more"

    class stream(BulkStream):  # noqa: N801  # see above
        async def aclose(self) -> None:
            await self.stream.aclose()


class BoundsAllTogether(FaultyBulk):
    """Ends the oldest stream of anybody when one peer has too many."""

    caught_by = TOO_MANY

    def make_room(self, peer) -> None:
        while sum(map(len, self.bulk.values())) > self.most:
            next(streams[0] for streams in self.bulk.values() if streams).end()


class EndsAllOfThem(FaultyBulk):
    """Ends all streams of a peer who has too many."""

    caught_by = TOO_MANY

    def make_room(self, peer) -> None:
        if len(self.bulk[peer]) > self.most:
            self.end_bulk(peer)


# -- what is given up


class LeavesWhatIsGivenUp(FaultyBulk):
    """Leaves the stream open that somebody has given up opening."""

    caught_by = GIVEN_UP

    async def reach(self, peer, port):
        if port != BULK_PORT:
            return await super().reach(peer, port)
        stream = await self.context.dial(OnionKey(peer.octets), port)
        with suppress(*BROKEN):
            message = await read(stream, 32) + peer.octets
            signature = await self.context.sign(domain=DOMAIN, message=message)
            await stream.send(self.context.identity.octets + self.context.device_id + signature)
            device_id = await read(stream, DEVICE_ID_SIZE)
            return stream, DeviceIdentity(peer=peer, device_id=device_id)
        await anyio.aclose_forcefully(stream)
        raise PeerUnreachable(problem="it hung up")


class TakesGivingUpForAFailure(FaultyBulk):
    """Says that a peer is not there where the caller has given up."""

    caught_by = GIVEN_UP

    async def open_bulk(self, peer, routes):
        try:
            return await super().open_bulk(peer, routes)
        except anyio.get_cancelled_exc_class():
            raise PeerUnreachable(problem="it does not answer") from None


# -- what the audit finds


class LogsWhatPasses(FaultyBulk):
    """Logs what passes on a bulk stream."""

    caught_by = WHOLE
    audited = True

    class stream(BulkStream):  # noqa: N801  # see above
        async def receive(self, max_bytes=65_536) -> bytes:
            octets = await super().receive(max_bytes)
            logger.debug("received %r", octets[:100])
            return octets


class LeavesATaskForEachStream(FaultyBulk):
    """Leaves a task behind for each bulk stream."""

    caught_by = WHOLE
    audited = True

    def new_bulk(self, peer: PeerId, stream):
        self.ended.append(asyncio.get_running_loop().create_task(anyio.sleep_forever()))
        return super().new_bulk(peer, stream)


class EndsEnvelopesToo(FaultyBulk):
    """Ends what carries envelopes where a bulk stream breaks."""

    caught_by = "test_a_host_that_fails_with_a_bulk_stream_ends_that_one_alone"
    peer = None

    async def admits(self, peer) -> bool:
        self.peer = peer
        return await super().admits(peer)

    async def serve(self, stream) -> None:
        try:
            await super().serve(stream)
        except BrokenResourceError:
            for link in self.links.get(self.peer, []).copy():
                link.end()
            raise


class CallsABreakTheEnd(FaultyBulk):
    """Says of a stream that broke that it has ended, as if all of it had come."""

    caught_by = "test_a_bulk_stream_that_breaks_does_not_look_whole"

    class stream(BulkStream):  # noqa: N801  # it stands for the attribute
        async def receive(self, max_bytes: int = 65_536) -> bytes:
            try:
                return await super().receive(max_bytes)
            except BrokenResourceError:
                if self.ended.is_set():
                    raise
                raise EndOfStream from None
