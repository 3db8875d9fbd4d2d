"""Faults of what streams do."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress

import anyio
from anyio import TASK_STATUS_IGNORED, BrokenResourceError, ClosedResourceError, EndOfStream

from tests.kits.network_faults.faulty_network import FaultyNode, FaultyStream

logger = logging.getLogger(__name__)


class LosesAnOctet(FaultyNode):
    """Loses the last octet of a large piece."""

    caught_by = "test_octets_pass_both_ways_whole_and_in_order"

    class Stream(FaultyStream):
        async def send(self, item) -> None:
            await self.stream.send(item[:-1] if len(item) > 100_000 else item)


class HoldsWithoutBound(FaultyNode):
    """Takes what is written to a stream that nobody reads."""

    caught_by = "test_where_nobody_reads_no_more_can_be_written"

    async def dial(self, address, port, *, isolation):
        self._world.capacity = 2**40
        return await super().dial(address, port, isolation=isolation)


class ForgetsLastWords(FaultyNode):
    """Throws away what is on its way when a stream is closed."""

    caught_by = "test_what_was_written_before_the_end_is_read"

    class Stream(FaultyStream):
        async def aclose(self) -> None:
            self.stream.tear()
            await self.stream.aclose()


class TellsNoWriter(FaultyNode):
    """Lets whoever writes go on when nobody is there any more."""

    caught_by = "test_writing_to_whoever_is_gone_is_said_so"

    class Stream(FaultyStream):
        async def send(self, item) -> None:
            await anyio.lowlevel.checkpoint()
            with suppress(BrokenResourceError):
                await self.stream.send(item)


class GivesAllThatIsThere(FaultyNode):
    """Gives all that has come, however little is asked for."""

    caught_by = "test_no_more_octets_come_than_are_asked_for"

    class Stream(FaultyStream):
        async def receive(self, max_bytes=65536):
            return await self.stream.receive(65536)


class LosesAStreamThatNobodyAwaits(FaultyNode):
    """Gives the next stream to whoever has given up waiting for one."""

    caught_by = "test_waiting_for_a_stream_can_be_given_up"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        accept, given_up = service.accept, []

        async def faulty():
            try:
                for _ in given_up:
                    await accept()
                return await accept()
            except anyio.get_cancelled_exc_class():
                given_up.append(None)
                raise

        service.accept = faulty
        return service


class OvertakesLargePieces(FaultyNode):
    """Lets a small piece overtake a large one that was written before."""

    caught_by = "test_octets_pass_both_ways_whole_and_in_order"

    class Stream(FaultyStream):
        late = b""

        async def send(self, item) -> None:
            late, self.late = self.late, b""
            if 50_000 < len(item) < 80_000:
                self.late = item
            else:
                await self.stream.send(item + late)


class DeliversTwice(FaultyNode):
    """Delivers small pieces twice."""

    caught_by = "test_octets_pass_both_ways_whole_and_in_order"

    class Stream(FaultyStream):
        async def send(self, item) -> None:
            await self.stream.send(item * 2 if len(item) < 10 else item)


class EndsWithNothing(FaultyNode):
    """Takes a piece without octets for the end of the stream."""

    caught_by = "test_octets_pass_both_ways_whole_and_in_order"

    class Stream(FaultyStream):
        async def send(self, item) -> None:
            await (self.stream.send(item) if item else self.stream.aclose())


class LosesWhatIsNotYetSent(FaultyNode):
    """Throws away the end of a large piece when the stream is closed after it."""

    caught_by = "test_what_was_written_before_the_end_is_read"

    class Stream(FaultyStream):
        rest = b""

        async def send(self, item) -> None:
            await self.stream.send(self.rest + item[:100_000])
            self.rest = item[100_000:]

        async def receive(self, max_bytes=65536):
            rest, self.rest = self.rest, b""
            await self.stream.send(rest)
            return await self.stream.receive(max_bytes)


class IsSilentAfterAnEnd(FaultyNode):
    """Says once that the other end has closed a stream, and then waits for ever."""

    caught_by = "test_the_other_end_learns_of_an_end"

    class Stream(FaultyStream):
        ended = False

        async def receive(self, max_bytes=65536):
            if self.ended:
                await anyio.sleep_forever()
            try:
                return await self.stream.receive(max_bytes)
            except EndOfStream:
                self.ended = True
                raise


class TakesMoreWhenClosed(FaultyNode):
    """Takes what is written to a stream that was closed here."""

    caught_by = "test_the_other_end_learns_of_an_end"

    class Stream(FaultyStream):
        async def send(self, item) -> None:
            with suppress(ClosedResourceError):
                await self.stream.send(item)


class KeepsTheEndToItself(FaultyNode):
    """Does not tell the other end that nothing more is written."""

    caught_by = "test_the_other_end_learns_that_nothing_more_is_written"

    class Stream(FaultyStream):
        async def send_eof(self) -> None:
            await anyio.lowlevel.checkpoint()


class LosesWhatNobodyAwaits(FaultyNode):
    """Loses the next octets when waiting for octets was given up."""

    caught_by = "test_waiting_for_octets_can_be_given_up"

    class Stream(FaultyStream):
        given_up = False

        async def receive(self, max_bytes=65536):
            try:
                if self.given_up:
                    self.given_up = False
                    await self.stream.receive(max_bytes)
                return await self.stream.receive(max_bytes)
            except anyio.get_cancelled_exc_class():
                self.given_up = True
                raise


class EndsWithNoOctets(FaultyNode):
    """Gives no octets where it should raise that a stream has ended."""

    caught_by = "test_the_other_end_learns_of_an_end"

    class Stream(FaultyStream):
        async def receive(self, max_bytes=65536):
            with suppress(EndOfStream):
                return await self.stream.receive(max_bytes)
            return b""


class LeavesWhoReads(FaultyNode):
    """Leaves whoever reads waiting when the stream is closed here."""

    caught_by = "test_closing_a_stream_ends_whoever_reads_it"

    class Stream(FaultyStream):
        async def receive(self, max_bytes=65536):
            try:
                return await self.stream.receive(max_bytes)
            except ClosedResourceError:
                await anyio.sleep_forever()


class CallsItsOwnEndTheOthers(FaultyNode):
    """Tells whoever reads that the other end has closed a stream that was closed here."""

    caught_by = "test_closing_a_stream_ends_whoever_reads_it"

    class Stream(FaultyStream):
        async def receive(self, max_bytes=65536):
            try:
                return await self.stream.receive(max_bytes)
            except ClosedResourceError:
                raise EndOfStream from None


class ClosesStreamsOnce(FaultyNode):
    """Raises when a stream is closed twice."""

    caught_by = "test_closing_a_stream_ends_whoever_reads_it"

    class Stream(FaultyStream):
        async def aclose(self) -> None:
            if self.stream.closed:
                raise ClosedResourceError
            await self.stream.aclose()


class KeepsATaskOfEachStream(FaultyNode):
    """Leaves a task behind for each stream that has ended."""

    caught_by = "test_a_stream_that_has_ended_leaves_nothing"

    async def dial(self, address, port, *, isolation):
        stream = TellingItsEnd(await super().dial(address, port, isolation=isolation))
        stream.tasks = self._tasks
        return stream


class TellingItsEnd(FaultyStream):
    async def aclose(self) -> None:
        self.tasks.start_soon(anyio.sleep_forever)
        await self.stream.aclose()


class KeepsASocketOfEachStream(FaultyNode):
    """Leaves a file open for each stream that has ended."""

    caught_by = "test_a_stream_that_has_ended_leaves_nothing"

    async def dial(self, address, port, *, isolation):
        self.sockets = [*getattr(self, "sockets", []), socket.socket()]
        return await super().dial(address, port, isolation=isolation)

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            for each in getattr(self, "sockets", []):
                each.close()


class EndsWhatItWasToldWhole(FaultyNode):
    """Ends both directions of a stream when nothing more is written to one, and loses what is on its way."""

    caught_by = "test_the_other_end_learns_that_nothing_more_is_written"

    class Stream(FaultyStream):
        async def send_eof(self) -> None:
            await anyio.lowlevel.checkpoint()
            self.stream.tear()


class LogsWhatPasses(FaultyNode):
    """Logs what streams carry."""

    caught_by = "test_octets_pass_both_ways_whole_and_in_order"
    audited = True

    class Stream(FaultyStream):
        async def send(self, item) -> None:
            logger.debug("%d octets: %s", len(item), item[:32].hex())
            await self.stream.send(item)


class CancelsWithHalfAPiece(FaultyNode):
    """Loses the octets that have come when whoever reads gives up."""

    caught_by = "test_waiting_for_octets_can_be_given_up"

    class Stream(FaultyStream):
        given_up = 0

        async def receive(self, max_bytes=65536):
            try:
                return (await self.stream.receive(max_bytes))[self.given_up :]
            except anyio.get_cancelled_exc_class():
                self.given_up = 1
                raise
