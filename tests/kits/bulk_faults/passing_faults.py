"""Faults of bulk streams: what passes on them, who may open them, and to whom they lead."""

from __future__ import annotations

from contextlib import suppress

import anyio
from anyio import BrokenResourceError

from balchat_host.api.errors import BadCredential, NetworkUnavailable, PeerUnreachable
from balchat_host.api.types import DEVICE_ID_SIZE, DeviceIdentity, OnionKey
from tests.kits.bulk_faults.faulty_bulk import FaultyBulk
from tests.kits.line_bulk import BULK_PORT, BulkStream
from tests.kits.line_transport import BROKEN, DOMAIN, read

WHOLE = "test_octets_pass_on_a_bulk_stream_whole_and_in_order"
OWN = "test_each_bulk_stream_carries_its_own"
STUCK = "test_where_nobody_reads_a_bulk_stream_no_more_can_be_written"
REACHABLE = "test_a_bulk_stream_makes_nobody_reachable"
CONTACTS = "test_a_bulk_stream_of_somebody_who_is_no_contact_is_not_accepted"
STRANGERS = "test_strangers_who_say_nothing_useful_end_nothing"


# -- what passes


class SendsSmallPiecesFirst(FaultyBulk):
    """Sends a large piece after the small one that follows it."""

    caught_by = WHOLE

    class stream(BulkStream):  # noqa: N801  # it stands for the attribute
        held = b""

        async def send(self, item) -> None:
            held, self.held = self.held, b""
            if not held and 1 < len(item) < 2000:
                self.held = item
            else:
                await super().send(item + held)


class GivesMoreThanIsAskedFor(FaultyBulk):
    """Gives all that has come, whatever was asked for."""

    caught_by = WHOLE

    class stream(BulkStream):  # noqa: N801  # see above
        async def receive(self, max_bytes=65_536) -> bytes:
            octets = await super().receive(max_bytes)
            with anyio.move_on_after(0.01), suppress(*BROKEN):
                octets += await super().receive()
            return octets


class HandsOverTwice(FaultyBulk):
    """Hands a bulk stream to the host once more when it is done with it."""

    caught_by = WHOLE

    async def welcome_bulk(self, stream) -> None:
        await super().welcome_bulk(stream)
        with suppress(*BROKEN):
            await self.context.accept_bulk(DeviceIdentity(peer=self.context.identity, device_id=bytes(16)), stream)


class ReadsFromTheNewest(FaultyBulk):
    """Reads from the newest stream of a peer, whichever is read."""

    caught_by = OWN
    failures = (anyio.BusyResourceError,)

    class stream(BulkStream):  # noqa: N801  # see above
        async def receive(self, max_bytes=65_536) -> bytes:
            newest = (self.siblings or [self])[-1]
            with suppress(anyio.BusyResourceError):
                return await BulkStream.receive(newest, max_bytes)
            return await super().receive(max_bytes)


class LosesWhatItWasReading(FaultyBulk):
    """Loses what it has read when whoever asked for it gives up."""

    caught_by = "test_a_receive_that_is_given_up_loses_no_octets"

    class stream(BulkStream):  # noqa: N801  # see above
        async def receive(self, max_bytes=65_536) -> bytes:
            octets = await super().receive(max_bytes)
            await anyio.lowlevel.checkpoint()
            return octets


class HoldsAMebibyte(FaultyBulk):
    """Takes a mebibyte of what nobody reads."""

    caught_by = STUCK
    most_held = 2**20

    def new_bulk(self, peer, stream):
        made = super().new_bulk(peer, stream)
        made.most_held = self.most_held if self.holds(peer) else 0
        self.tasks.start_soon(made.write)
        return made

    def holds(self, peer) -> bool:
        return True

    class stream(BulkStream):  # noqa: N801  # see above
        most_held = 0

        def __init__(self, siblings, stream) -> None:
            super().__init__(siblings, stream)
            self.pieces: list[bytes] = []
            self.changed = anyio.Event()

        def change(self) -> None:
            self.changed.set()
            self.changed = anyio.Event()

        async def write(self) -> None:
            with suppress(*BROKEN):
                while True:
                    while not self.pieces:
                        await self.changed.wait()
                    await super().send(self.pieces[0])
                    del self.pieces[0]
                    self.change()

        async def send(self, item) -> None:
            self.pieces.append(item)
            self.change()
            await anyio.lowlevel.checkpoint()
            while sum(map(len, self.pieces)) > self.most_held:
                await self.changed.wait()


class HoldsWhatTheOpenerDoesNotRead(HoldsAMebibyte, FaultyBulk):
    """Takes what its host writes to a stream that somebody else has opened, whether they read or not."""

    most_held = 2**30

    def holds(self, peer) -> bool:
        return peer not in self.opening


# -- who is within reach


class MakesThemReachable(FaultyBulk):
    """Says that somebody with a bulk stream is within reach."""

    caught_by = REACHABLE

    def reachable(self, peer, device_id=None) -> bool:
        return super().reachable(peer, device_id) or bool(self.bulk.get(peer))


class TellsOfThem(FaultyBulk):
    """Tells the host that somebody who has opened a bulk stream came within reach."""

    caught_by = REACHABLE

    async def serve(self, stream) -> None:
        with anyio.fail_after(30):
            device = await self.prove(stream)
            link = self.adopt(device, stream)
            await stream.send(self.context.device_id)
        try:
            await self.context.accept_bulk(device, self.new_bulk(device.peer, stream))
        finally:
            self.gone(link)


class EndsWhatConnects(FaultyBulk):
    """Ends what connects with a peer with their last bulk stream."""

    caught_by = REACHABLE

    async def welcome_bulk(self, stream) -> None:
        await super().welcome_bulk(stream)
        for link in [link for links in self.links.values() for link in links]:
            link.end()


# -- who may open them, and to whom they lead


class AsksOnceWhoIsAContact(FaultyBulk):
    """Asks once whether somebody is a contact."""

    caught_by = CONTACTS

    def __init__(self, context) -> None:
        super().__init__(context)
        self.known = {}

    async def admits(self, peer) -> bool:
        if peer not in self.known:
            self.known[peer] = await super().admits(peer)
        return self.known[peer]


class HandsOverBeforeItAsks(FaultyBulk):
    """Hands a bulk stream to the host, and asks meanwhile whether it is a contact's."""

    caught_by = CONTACTS

    async def admits(self, peer) -> bool:
        return True

    def new_bulk(self, peer, stream):
        made = super().new_bulk(peer, stream)
        if peer not in self.opening:
            self.tasks.start_soon(self.look, peer, made)
        return made

    async def look(self, peer, made) -> None:
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        if not await self.context.is_contact(peer) and made in made.siblings:
            made.end()


class OpensToAnyDevice(FaultyBulk):
    """Opens a bulk stream to another device than the route names."""

    caught_by = "test_a_bad_route_opens_no_bulk_stream"

    async def reach_device(self, peer, route):
        stream, _ = await self.reach(peer, BULK_PORT)
        return stream


class NamesWhoIsNotThere(FaultyBulk):
    """Shows a route in an error of a bulk stream."""

    caught_by = "test_a_bad_route_opens_no_bulk_stream"
    audited = True
    tells = "the text of an error with a peer id in it"

    def route_of(self, peer, routes):
        try:
            return super().route_of(peer, routes)
        except PeerUnreachable:
            raise PeerUnreachable(problem=f"no route leads to {peer.onion}") from None


class OpensBeforeItRuns(FaultyBulk):
    """Fails with something of its own where a bulk stream is opened before it runs."""

    caught_by = "test_no_bulk_stream_is_opened_before_it_runs"

    async def open_bulk(self, peer, routes):
        try:
            return await super().open_bulk(peer, routes)
        except NetworkUnavailable:
            raise PeerUnreachable(problem="nobody is there") from None


class WaitsForAnAnswer(FaultyBulk):
    """Waits for ever for the answer of whoever it opens a bulk stream to."""

    caught_by = "test_opening_a_bulk_stream_is_bounded_in_time"

    async def reach_device(self, peer, route):
        stream, device = await self.reach(peer, BULK_PORT)
        if route.device_id not in (None, device.device_id):
            raise PeerUnreachable(problem="another device answers there")
        return stream


class RaisesTimeoutError(FaultyBulk):
    """Raises something of Python's where nobody answers in time."""

    caught_by = "test_opening_a_bulk_stream_is_bounded_in_time"

    async def reach_device(self, peer, route):
        with anyio.fail_after(30):
            stream, _ = await self.reach(peer, BULK_PORT)
        return stream


class ProvesItselfToAll(FaultyBulk):
    """Gives whoever it opens a bulk stream to a proof that they can show to somebody else."""

    caught_by = "test_what_proves_us_on_a_bulk_stream_proves_us_to_nobody_else"

    async def reach(self, peer, port):
        stream = await self.context.dial(OnionKey(peer.octets), port)
        try:
            signature = await self.context.sign(domain=DOMAIN, message=await read(stream, 32))
            await stream.send(self.context.identity.octets + self.context.device_id + signature)
            device_id = await read(stream, DEVICE_ID_SIZE)
        except BaseException as error:
            await anyio.aclose_forcefully(stream)
            if isinstance(error, BROKEN):
                raise PeerUnreachable(problem="it hung up") from error
            raise
        return stream, DeviceIdentity(peer=peer, device_id=device_id)

    def check(self, peer, message, signature) -> None:
        super().check(peer, message[:32], signature)


# -- strangers


class GreetsAlikeThere(FaultyBulk):
    """Asks everybody who opens a bulk stream for the same proof."""

    caught_by = "test_a_connection_that_is_played_again_is_nobodys"

    def nonce(self) -> bytes:
        return bytes(32) if self.at_bulk else super().nonce()

    at_bulk = False

    async def serve(self, stream) -> None:
        self.at_bulk = True
        await super().serve(stream)

    async def welcome(self, stream) -> None:
        self.at_bulk = False
        await super().welcome(stream)


class WaitsForStrangers(FaultyBulk):
    """Waits for ever for a stranger who says nothing where bulk streams are opened."""

    caught_by = "test_a_stranger_who_says_nothing_is_sent_away"

    async def serve(self, stream) -> None:
        device = await self.prove(stream)
        bulk = self.new_bulk(device.peer, stream)
        await stream.send(self.context.device_id)
        await self.context.accept_bulk(device, bulk)
        await bulk.aclose()


class EndsOfNonsense(FaultyBulk):
    """Ends when a stranger proves nothing where bulk streams are opened."""

    caught_by = STRANGERS
    failures = (BadCredential,)

    async def welcome_bulk(self, stream) -> None:
        try:
            with suppress(BrokenResourceError):
                await self.serve(stream)
        except BROKEN:
            pass
        finally:
            await anyio.aclose_forcefully(stream)


class KeepsStrangersThere(FaultyBulk):
    """Leaves the streams of strangers open who have proven nothing where bulk streams are opened."""

    caught_by = STRANGERS

    async def welcome_bulk(self, stream) -> None:
        with suppress(*BROKEN, BadCredential):
            await self.serve(stream)


class LetsStrangersStandInLine(FaultyBulk):
    """Lets a stranger who says nothing hold up whoever opens a bulk stream next."""

    caught_by = "test_a_stranger_who_says_nothing_holds_up_nobody"

    def __init__(self, context) -> None:
        super().__init__(context)
        self.one = anyio.Lock()

    async def prove(self, stream):
        async with self.one:
            return await super().prove(stream)
