"""Bulk streams: each has a circuit of its own, and carries what the hosts put on it, behind the same handshake.

They share nothing with connections but the handshake's limits. What is kept is which ones are open, by peer, so that
`disconnect` and the end of the transport end them, and nobody has too many.
"""

from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Final, TypeVar

import anyio
import anyio.lowlevel
from anyio import BrokenResourceError, ClosedResourceError
from anyio.abc import ByteStream

from balchat_host.api.errors import PeerUnreachable, ProtocolViolation
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_transport_tor_direct.device_route import Destination
from balchat_transport_tor_direct.frames import CloseReason, FrameReader
from balchat_transport_tor_direct.greeting import READ_SIZE, STREAM_ERRORS, Dialled, greet_acceptor, say
from balchat_transport_tor_direct.handshake import Purpose
from balchat_transport_tor_direct.publishing import PORT
from balchat_transport_tor_direct.settings import DirectSettings

T = TypeVar("T")

_ISOLATION_SIZE: Final = 8


class BulkStream(ByteStream):
    """A stream with a peer, behind its handshake; `theirs` where the peer opened it.

    `begun` is what came right behind the handshake; `forget` is told when it is closed.
    """

    def __init__(
        self, stream: ByteStream, begun: bytes, *, peer: PeerId, theirs: bool, forget: Callable[["BulkStream"], None]
    ) -> None:
        self.peer = peer
        self.theirs = theirs
        self._stream = stream
        self._begun = begun
        self._forget = forget
        self._ended = False

    async def end(self) -> None:
        """End it from our side: whoever uses it gets BrokenResourceError."""
        self._ended = True
        self._forget(self)
        await anyio.aclose_forcefully(self._stream)

    async def receive(self, max_bytes: int = READ_SIZE) -> bytes:
        if self._begun:
            octets, self._begun = self._begun[:max_bytes], self._begun[max_bytes:]
            await anyio.lowlevel.checkpoint()
            return octets
        return await self._or_broken(self._stream.receive(max_bytes))

    async def send(self, item: bytes) -> None:
        await self._or_broken(self._stream.send(item))

    async def send_eof(self) -> None:
        await self._or_broken(self._stream.send_eof())

    async def aclose(self) -> None:
        self._forget(self)
        await self._stream.aclose()

    async def _or_broken(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except ClosedResourceError:
            if self._ended:
                raise BrokenResourceError from None
            raise


class BulkStreams:
    """All bulk streams of the transport."""

    def __init__(self, context: TransportContext, settings: DirectSettings) -> None:
        self._context = context
        self._settings = settings
        self._open: dict[BulkStream, None] = {}
        """In the order in which they were opened."""
        self._opening: dict[anyio.CancelScope, PeerId] = {}

    # -- ours

    async def open(self, peer: PeerId, destination: Destination) -> ByteStream:
        """Open a stream to a device of `peer` at its device onion. Raise PeerUnreachable, NetworkUnavailable."""
        if destination.onion == peer.identity_onion:
            raise PeerUnreachable(problem="no route to its device is known, and files go nowhere else")
        with anyio.CancelScope() as scope:
            self._opening[scope] = peer
            try:
                return await self._reach(peer, destination)
            finally:
                del self._opening[scope]
        raise PeerUnreachable(problem="it was disconnected")

    async def _reach(self, peer: PeerId, destination: Destination) -> BulkStream:
        isolation = f"bulk/{token_hex(_ISOLATION_SIZE)}"
        stream = await self._context.dial(destination.onion, PORT, isolation=isolation)
        opened = None
        try:
            reader = FrameReader()
            with anyio.move_on_after(self._settings.handshake_timeout):
                await self._greet(stream, reader, peer, destination)
                opened = self._add(stream, reader, peer, theirs=False)
                return opened
            raise PeerUnreachable(problem="it did not finish the handshake in time")
        finally:
            if opened is None:
                await anyio.aclose_forcefully(stream)

    async def _greet(self, stream: ByteStream, reader: FrameReader, peer: PeerId, destination: Destination) -> None:
        try:
            await greet_acceptor(
                stream,
                reader,
                context=self._context,
                peer=peer,
                destination=destination,
                before_proof=_ignore,
                purpose=Purpose.BULK,
            )
        except ProtocolViolation as error:
            await say(stream, CloseReason.VIOLATION)
            raise PeerUnreachable(problem=f"it broke the protocol: {error.fields['problem']}") from error
        except STREAM_ERRORS as error:
            raise PeerUnreachable(problem="the connection broke during the handshake") from error

    # -- theirs

    async def serve(self, stream: ByteStream, reader: FrameReader, dialled: Dialled) -> None:
        """Have the host serve a stream that a contact's device has opened, until one of them has enough."""
        device = dialled.device
        theirs = [each for each in self._open if each.theirs]
        if len(theirs) >= self._settings.max_bulk_streams:
            await say(stream, CloseReason.OVERLOADED)
            return
        bulk = self._add(stream, reader, device.peer, theirs=True)
        try:
            of_peer = [each for each in (*theirs, bulk) if each.peer == device.peer]
            for oldest in of_peer[: -self._settings.bulk_streams_of_peer]:
                # Whoever comes again may have lost the others.
                await oldest.end()
            await bulk.send(dialled.ready)
            await self._context.accept_bulk(device, bulk)
            await bulk.aclose()
        except STREAM_ERRORS:
            return
        finally:
            self._forget(bulk)

    # -- ends

    async def disconnect(self, peer: PeerId) -> None:
        """End all with a peer, whoever opened them."""
        for scope, of_whom in tuple(self._opening.items()):
            if of_whom == peer:
                scope.cancel()
        for stream in tuple(self._open):
            if stream.peer == peer:
                await stream.end()

    async def end(self) -> None:
        """End all."""
        for scope in tuple(self._opening):
            scope.cancel()
        for stream in tuple(self._open):
            await stream.end()

    def _add(self, stream: ByteStream, reader: FrameReader, peer: PeerId, *, theirs: bool) -> BulkStream:
        bulk = BulkStream(stream, reader.rest(), peer=peer, theirs=theirs, forget=self._forget)
        self._open[bulk] = None
        return bulk

    def _forget(self, bulk: BulkStream) -> None:
        self._open.pop(bulk, None)


def _ignore(device: DeviceIdentity) -> None:
    """Go on: the machine has seen that it is the device that was meant."""
