"""Faults of the small transport towards strangers."""

from __future__ import annotations

from contextlib import suppress

import anyio

from balchat_host.api.errors import BadCredential, PeerUnreachable
from balchat_host.api.types import DEVICE_ID_SIZE, ONLINE, DeviceIdentity, OnionKey
from tests.kits.line_faults.faulty_line import Faulty
from tests.kits.line_transport import BROKEN, DOMAIN, read

STRANGERS = "test_strangers_who_say_nothing_useful_end_nothing"


class StandsInLine(Faulty):
    """Lets a stranger who says nothing hold up whoever comes next."""

    caught_by = "test_a_stranger_who_says_nothing_holds_up_nobody"
    failures = (PeerUnreachable,)

    def __init__(self, context) -> None:
        super().__init__(context)
        self.one = anyio.Lock()

    async def prove(self, stream):
        async with self.one:
            return await super().prove(stream)


class EndsOfNonsense(Faulty):
    """Ends when a stranger hangs up in the middle of proving who they are."""

    caught_by = STRANGERS
    failures = (RuntimeError,)

    async def prove(self, stream):
        try:
            return await super().prove(stream)
        except BROKEN:
            raise RuntimeError("nobody foresaw this") from None


class EndsOfAForger(Faulty):
    """Ends when a stranger proves nothing."""

    caught_by = STRANGERS
    failures = (BadCredential,)

    async def welcome(self, stream) -> None:
        with suppress(*BROKEN):
            device = await self.prove(stream)
            await stream.send(self.context.device_id)
            await self.adopt(device, stream).run()
        await anyio.aclose_forcefully(stream)


class KeepsStrangersStreams(Faulty):
    """Leaves the streams of strangers open who have proven nothing."""

    caught_by = STRANGERS

    async def welcome(self, stream) -> None:
        with suppress(*BROKEN, BadCredential), anyio.move_on_after(30):
            device = await self.prove(stream)
            await stream.send(self.context.device_id)
            await self.adopt(device, stream).run()


class WaitsForever(Faulty):
    """Waits for ever for a stranger who says nothing."""

    caught_by = "test_a_stranger_who_says_nothing_is_sent_away"

    async def welcome(self, stream) -> None:
        with suppress(*BROKEN, BadCredential):
            device = await self.prove(stream)
            await stream.send(self.context.device_id)
            await self.adopt(device, stream).run()
        await anyio.aclose_forcefully(stream)


class ProvesItselfToAll(Faulty):
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


class KeepsDialsThatFailed(Faulty):
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


class IsOnlineUnfound(Faulty):
    """Says that it is online before anybody can find it."""

    caught_by = "test_it_is_not_online_before_it_can_be_found"

    async def answer(self, port, welcome, on_state) -> None:
        self.context.state_changed(ONLINE)
        await super().answer(port, welcome, on_state)


class RaisesWhatTheStreamRaises(Faulty):
    """Raises something of the stream's when whoever it dials hangs up."""

    caught_by = "test_a_peer_who_hangs_up_at_once_is_not_reached"

    async def reach(self, peer, port):
        try:
            return await super().reach(peer, port)
        except PeerUnreachable as error:
            raise error.__cause__ or error from None


class LetsStrangersIn(Faulty):
    """Lets strangers in while the account accepts no requests."""

    caught_by = "test_strangers_are_let_in_only_while_requests_are_accepted"

    async def lets_in(self, peer) -> bool:
        return True


class LetsNobodyIn(Faulty):
    """Turns contacts away, too, while the account accepts no requests."""

    caught_by = "test_strangers_are_let_in_only_while_requests_are_accepted"
    failures = (PeerUnreachable,)

    async def lets_in(self, peer) -> bool:
        return self.context.accepts_requests


class AsksOnce(Faulty):
    """Asks whether the account accepts requests when the first one comes, and never again."""

    caught_by = "test_strangers_are_let_in_only_while_requests_are_accepted"
    accepts: bool | None = None

    async def lets_in(self, peer) -> bool:
        if self.accepts is None:
            self.accepts = self.context.accepts_requests
        return self.accepts or await self.context.is_contact(peer)


class GivesEachOctetItsTime(Faulty):
    """Sends a stranger away who says nothing for half a minute, and not one who takes an hour to say who they are."""

    caught_by = "test_a_stranger_who_says_an_octet_now_and_then_is_sent_away"

    async def welcome(self, stream) -> None:
        link = None
        try:
            with suppress(*BROKEN, BadCredential, TimeoutError):
                device = await self.prove(Patient(stream))
                await stream.send(self.context.device_id)
                link = self.adopt(device, stream)
        finally:
            if link is None:
                await anyio.aclose_forcefully(stream)
        if link is not None:
            await link.run()


class Patient:
    """A stream each octet of which has half a minute to come."""

    def __init__(self, stream) -> None:
        self.stream = stream
        self.send = stream.send

    async def receive(self, max_bytes: int) -> bytes:
        with anyio.fail_after(30):
            return await self.stream.receive(max_bytes)
