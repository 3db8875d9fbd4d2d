"""Faults of the small transport when streams break, fall silent, or are played again."""

from __future__ import annotations

from contextlib import suppress

import anyio
from anyio import BrokenResourceError, EndOfStream

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outcome
from balchat_host.api.types import Phase
from tests.kits.line_faults.faulty_line import Faulty
from tests.kits.line_transport import ENVELOPE, HEADER, PING, Frame, Link

BY_ITSELF = "test_who_was_disconnected_hears_nothing_of_us_by_itself"
OUTAGE = "test_a_network_that_is_away_for_a_while_ends_nothing"


class GreetsAlike(Faulty):
    """Asks everybody for the same proof, which whoever recorded it can show, too."""

    caught_by = "test_a_connection_that_is_played_again_is_nobodys"

    def nonce(self) -> bytes:
        return bytes(32)


class NeverAsksWhoIsThere(Faulty):
    """Never notices that a peer has fallen silent."""

    caught_by = "test_a_peer_of_whom_nothing_comes_any_more_is_gone"

    class link(Link):  # noqa: N801  # it stands for the attribute
        async def watch(self) -> None:
            pass


class CallsSilenceTheEnd(Faulty):
    """Takes a peer who has nothing to say for one who is gone."""

    caught_by = "test_a_peer_who_has_nothing_to_say_stays_within_reach"

    class link(Link):  # noqa: N801  # see above
        async def watch(self) -> None:
            await anyio.sleep(90)
            self.end()


class MissesTheBreak(Faulty):
    """Goes on saying that a peer is within reach when the stream has broken."""

    caught_by = "test_a_stream_that_breaks_is_noticed_on_both_sides"

    class link(Link):  # noqa: N801  # see above
        async def until_broken(self, part) -> None:
            try:
                await part()
            except BrokenResourceError:
                await anyio.sleep_forever()
            except (EndOfStream, OSError):
                self.scope.cancel()


class SendsAgainLater(Faulty):
    """Sends what it called LOST again after a while."""

    caught_by = BY_ITSELF

    class link(Link):  # noqa: N801  # see above
        def end(self) -> None:
            lost = [] if self.over else [*self.waiting.values()]
            super().end()
            if lost and self.transport.tasks is not None:
                self.transport.tasks.start_soon(self.send_later, lost)

        async def send_later(self, lost) -> None:
            await anyio.sleep(600)
            with suppress(PeerUnreachable):
                link = await self.transport.link_to(self.peer, self.transport.tasks)
                for each in lost:
                    link.put(Frame(ENVELOPE, 0, each.envelope))


class CallsSentWhatWaits(Faulty):
    """Reports SENT before the octets have left."""

    caught_by = "test_nothing_is_called_sent_before_its_octets_have_left"

    class link(Link):  # noqa: N801  # see above
        def put(self, frame, ticket=None) -> None:
            super().put(frame)
            if ticket is not None:
                self.report(Outcome.SENT, ticket)


class ReadsFramesWhole(Faulty):
    """Takes what one read of the stream gives for a whole header."""

    caught_by = "test_octets_that_arrive_a_few_at_a_time_are_no_less"
    failures = (BaseException,)

    class link(Link):  # noqa: N801  # see above
        async def read(self) -> None:
            self.stream = WholeHeaders(self.stream)
            await super().read()


class WholeHeaders:
    """A stream of which somebody thinks that it has a whole header whenever it has an octet."""

    def __init__(self, stream) -> None:
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    async def receive(self, size):
        octets = await self.stream.receive(size)
        return octets.ljust(size, b"\0") if size == HEADER.size else octets


class ConnectsAgainByItself(Faulty):
    """Connects again with whoever was disconnected."""

    caught_by = BY_ITSELF

    def gone(self, link) -> None:
        super().gone(link)
        if self.tasks is not None:
            self.tasks.start_soon(self.connect_later, link.peer)

    async def connect_later(self, peer) -> None:
        await anyio.sleep(600)
        with suppress(PeerUnreachable):
            await self.link_to(peer, self.tasks)


class EndsWithTheNetwork(Faulty):
    """Ends when the network is away for a while."""

    caught_by = OUTAGE

    def service_changed(self, state) -> None:
        super().service_changed(state)
        if self.tasks is not None and state.phase is Phase.DEGRADED:
            self.tasks.cancel_scope.cancel()


class SaysOnlineWhateverHappens(Faulty):
    """Goes on saying that it is online while the network is away."""

    caught_by = OUTAGE

    def service_changed(self, state) -> None:
        if state.phase is Phase.ONLINE:
            super().service_changed(state)


class LooksAtTheSizeTooLate(Faulty):
    """Looks at the size of what comes when it has read all of it."""

    caught_by = "test_what_is_too_large_is_not_read_to_its_end"

    class link(Link):  # noqa: N801  # see above
        def fits(self, size) -> bool:
            return True

        async def hand_over(self, batch) -> None:
            if any(len(frame.payload) > MAX_ENVELOPE_SIZE for frame in batch):
                raise BrokenResourceError
            await super().hand_over(batch)


class WaitsForGoodbye(Faulty):
    """Waits until a peer has heard that they are disconnected."""

    caught_by = "test_it_ends_and_disconnects_in_time_where_nothing_passes"

    async def disconnect(self, peer) -> None:
        for link in self.links.get(peer, []).copy():
            for _ in range(2):
                link.put(Frame(PING, 0, bytes(200_000)))
            while link.outbox and not link.over:
                await link.changed.wait()
        await super().disconnect(peer)


class CountsFromItsStart(Faulty):
    """Asks for a proof by a number that it counts from its start, so that old ones are good again after the next."""

    caught_by = "test_a_connection_that_is_played_again_is_nobodys"
    asked = 0

    def nonce(self) -> bytes:
        self.asked += 1
        return self.asked.to_bytes(32)


class WritesAllBeforeItDisconnects(Faulty):
    """Waits, before it disconnects somebody, until all is written that waits for them."""

    caught_by = "test_it_ends_and_disconnects_in_time_where_nothing_passes"

    async def disconnect(self, peer) -> None:
        for link in self.links.get(peer, []).copy():
            while link.outbox and not link.over:
                await link.changed.wait()
        await super().disconnect(peer)
