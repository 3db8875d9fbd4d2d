"""Faults of the small transport towards several peers at once, and towards strangers, as `faults` has the others."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from balchat_host.api.errors import BadCredential, PeerUnreachable
from balchat_host.api.types import DEVICE_ID_SIZE, ONLINE, DeviceIdentity, OnionKey, OwnOnion
from tests.kits.faults import Faulty
from tests.kits.line_transport import BROKEN, DOMAIN, Frame, Link, read

if TYPE_CHECKING:
    from balchat_host.api.types import PeerId

STRANGERS = "test_strangers_who_say_nothing_useful_end_nothing"


class FaultyWithPeers(Faulty):
    """No fault."""


# -- several peers


class SaysOneSource(FaultyWithPeers):
    """Says of everything that it is by whoever came first."""

    caught_by = "test_each_envelope_comes_from_whom_it_is"
    first: PeerId | None = None

    class link(Link):  # noqa: N801  # it stands for the attribute
        async def hand_over(self, batch) -> None:
            self.transport.first = self.transport.first or self.peer
            peer, self.peer = self.peer, self.transport.first
            await super().hand_over(batch)
            self.peer = peer


class HandsOverTwice(FaultyWithPeers):
    """Hands over to the host twice what came once."""

    caught_by = "test_each_envelope_comes_from_whom_it_is"

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            await self.transport.context.receive(self.peer, [frame.payload for frame in batch])
            await super().hand_over(batch)


class CountsToAnOctet(FaultyWithPeers):
    """Numbers what has no answer yet with one octet."""

    caught_by = "test_more_envelopes_than_an_octet_counts"

    class link(Link):  # noqa: N801  # see above
        def put(self, frame, ticket=None) -> None:
            super().put(Frame(frame.kind, frame.number % 256, frame.payload), ticket)


class TriesOneRoute(FaultyWithPeers):
    """Tries the first route alone."""

    caught_by = "test_a_route_that_leads_nowhere_is_no_reason_to_give_up"

    async def send(self, peer, routes, outgoing) -> None:
        await super().send(peer, routes[:1], outgoing)


class DisconnectsEverybody(FaultyWithPeers):
    """Disconnects everybody when one is to be disconnected."""

    caught_by = "test_who_is_disconnected_takes_nobody_along"

    async def disconnect(self, peer) -> None:
        for each in list(self.links):
            await super().disconnect(each)


class KnowsNobodyElse(FaultyWithPeers):
    """Raises something of its own when somebody is to be disconnected who was never there."""

    caught_by = "test_who_is_disconnected_takes_nobody_along"
    failures = (KeyError,)

    async def disconnect(self, peer) -> None:
        assert self.links[peer] is not None
        await super().disconnect(peer)


class DialsOneAfterAnother(FaultyWithPeers):
    """Sends nothing to anybody while it dials somebody."""

    caught_by = "test_whoever_cannot_be_reached_yet_holds_up_nobody_else"

    def __init__(self, context) -> None:
        super().__init__(context)
        self.one = anyio.Lock()

    async def send(self, peer, routes, outgoing) -> None:
        async with self.one:
            await super().send(peer, routes, outgoing)


class TellsOfEachStream(FaultyWithPeers):
    """Says that a peer came within reach, and left it, for each of several streams."""

    caught_by = "test_both_directions_at_once"

    def adopt(self, device, stream) -> Link:
        link = super().adopt(device, stream)
        if len(self.links[device.peer]) > 1:
            self.context.peer_changed(device, reachable=True)
        return link


class NamesWhomItCannotReach(FaultyWithPeers):
    """Says in an error whom it could not reach."""

    caught_by = "test_a_peer_that_is_not_there_is_said_so"
    audited = True
    tells = "the text of an error with a peer id in it"

    async def reach(self, peer, port):
        try:
            return await super().reach(peer, port)
        except PeerUnreachable as error:
            raise PeerUnreachable(problem=f"{peer.onion} does not answer") from error


# -- strangers


class StandsInLine(FaultyWithPeers):
    """Lets a stranger who says nothing hold up whoever comes next."""

    caught_by = "test_a_stranger_who_says_nothing_holds_up_nobody"
    failures = (PeerUnreachable,)

    def __init__(self, context) -> None:
        super().__init__(context)
        self.one = anyio.Lock()

    async def prove(self, stream):
        async with self.one:
            return await super().prove(stream)


class EndsOfNonsense(FaultyWithPeers):
    """Ends when a stranger hangs up in the middle of proving who they are."""

    caught_by = STRANGERS
    failures = (RuntimeError,)

    async def prove(self, stream):
        try:
            return await super().prove(stream)
        except BROKEN:
            raise RuntimeError("nobody foresaw this") from None


class EndsOfAForger(FaultyWithPeers):
    """Ends when a stranger proves nothing."""

    caught_by = STRANGERS
    failures = (BadCredential,)

    async def welcome(self, stream) -> None:
        with suppress(*BROKEN):
            device = await self.prove(stream)
            await stream.send(self.context.device_id)
            await self.adopt(device, stream).run()
        await anyio.aclose_forcefully(stream)


class KeepsStrangersStreams(FaultyWithPeers):
    """Leaves the streams of strangers open who have proven nothing."""

    caught_by = STRANGERS

    async def welcome(self, stream) -> None:
        with suppress(*BROKEN, BadCredential), anyio.move_on_after(30):
            device = await self.prove(stream)
            await stream.send(self.context.device_id)
            await self.adopt(device, stream).run()


class WaitsForever(FaultyWithPeers):
    """Waits for ever for a stranger who says nothing."""

    caught_by = "test_a_stranger_who_says_nothing_is_sent_away"

    async def welcome(self, stream) -> None:
        with suppress(*BROKEN, BadCredential):
            device = await self.prove(stream)
            await stream.send(self.context.device_id)
            await self.adopt(device, stream).run()
        await anyio.aclose_forcefully(stream)


class ProvesItselfToAll(FaultyWithPeers):
    """Gives a peer a proof that the peer can show to somebody else, and so be us."""

    caught_by = "test_what_proves_us_to_one_peer_proves_us_to_nobody_else"

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


class KeepsDialsThatFailed(FaultyWithPeers):
    """Leaves the stream of a dial open that came to nothing."""

    caught_by = "test_what_proves_us_to_one_peer_proves_us_to_nobody_else"

    async def reach(self, peer, port):
        stream = await self.context.dial(OnionKey(peer.octets), port)
        try:
            nonce = await read(stream, 32)
            signature = await self.context.sign(domain=DOMAIN, message=nonce + peer.octets)
            await stream.send(self.context.identity.octets + self.context.device_id + signature)
            device_id = await read(stream, DEVICE_ID_SIZE)
        except BROKEN:
            raise PeerUnreachable(problem="it hung up") from None
        return stream, DeviceIdentity(peer=peer, device_id=device_id)


# -- its life


class IsOnlineUnfound(FaultyWithPeers):
    """Says that it is online before anybody can find it."""

    caught_by = "test_it_is_not_online_before_it_can_be_found"

    async def answer(self, port, welcome, on_state) -> None:
        self.context.state_changed(ONLINE)
        await super().answer(port, welcome, on_state)


class EndsLate(FaultyWithPeers):
    """Goes on for half a minute when it is cancelled."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    async def run(self, *, task_status) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(30)


class TellsAfterItsEnd(FaultyWithPeers):
    """Says that peers came within reach when it has stopped."""

    caught_by = "test_both_directions_at_once"

    async def run(self, *, task_status) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            with suppress(AssertionError):  # what we raised in its call
                for peer in self.links:
                    self.context.peer_changed(DeviceIdentity(peer=peer, device_id=bytes(16)), reachable=True)


class SwallowsCancellation(FaultyWithPeers):
    """Returns from a `send` that was cancelled, as if it had taken all."""

    caught_by = "test_a_send_that_is_cancelled_while_it_connects_has_taken_nothing"

    async def send(self, peer, routes, outgoing) -> None:
        with suppress(anyio.get_cancelled_exc_class()):
            await super().send(peer, routes, outgoing)


class StaysPublished(FaultyWithPeers):
    """Leaves a service published when it has ended."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    async def answer(self, port, welcome, on_state) -> None:
        await self.context.publish(OwnOnion.IDENTITY, port + 1, on_state=lambda state: None)
        await super().answer(port, welcome, on_state)


FAULTS = list(FaultyWithPeers.__subclasses__())
