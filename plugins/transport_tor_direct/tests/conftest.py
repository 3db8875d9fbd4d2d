"""What the tests of whole transports share: accounts on a virtual network, and strangers driven by hand."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from os import urandom
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import BrokenResourceError, EndOfStream
from balchat_transport_tor_direct.frames import CloseReason, Frame, FrameReader, FrameType
from balchat_transport_tor_direct.handshake import DOMAIN, Challenged, Dialler
from balchat_transport_tor_direct.publishing import PORT
from balchat_transport_tor_direct.settings import DirectSettings
from balchat_transport_tor_direct.transport import DirectTransport

from balchat_host.api.types import DeviceIdentity, OnionKey, PeerId, Phase, Secret
from balchat_host.testing.fake_transport_context import FakeTransportContext, peer_of, sign
from balchat_host.testing.virtual_network import VirtualNetwork, VirtualNode
from balchat_host.testing.waiting import running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager

    from anyio.abc import ByteStream

    from balchat_host.api.transport import Outgoing


@dataclass(frozen=True, slots=True)
class Account:
    """One running transport, its host and its node."""

    node: VirtualNode
    host: FakeTransportContext
    transport: DirectTransport

    @property
    def peer(self) -> PeerId:
        return self.host.identity

    async def send(self, to: PeerId, *envelopes: bytes) -> list[Outgoing]:
        outgoing = self.host.outgoing(*envelopes)
        routes = self.transport.first_routes(to)
        assert routes
        await self.transport.send(to, routes, outgoing)
        return outgoing


@asynccontextmanager
async def running_account(
    world: VirtualNetwork, settings: DirectSettings | None = None, *, key: Secret | None = None
) -> AsyncGenerator[Account]:
    """Run an account until the block ends."""
    node = world.node()
    host = FakeTransportContext(node, key=key)
    transport = DirectTransport(host, settings or DirectSettings())
    async with running(node), running(transport):
        await host.states.reach(Phase.ONLINE)
        yield Account(node, host, transport)


@pytest.fixture(scope="session")
def account() -> Callable[..., AbstractAsyncContextManager[Account]]:
    return running_account


@pytest.fixture
def stranger() -> type[Stranger]:
    return Stranger


@pytest.fixture
def world() -> VirtualNetwork:
    return VirtualNetwork()


class Stranger:
    """One raw stream to an account, and the key that it proves, if it does."""

    def __init__(self, stream: ByteStream, peer: PeerId, onion: OnionKey, key: Secret) -> None:
        self.stream = stream
        self.key = key
        self.reader = FrameReader()
        self.dialled = (peer, onion)
        self.use_device(peer_of(key).octets[:16])
        self.hello = b""

    def use_device(self, device_id: bytes) -> None:
        """Be this device of the peer; it has an id made of the key otherwise."""
        peer, onion = self.dialled
        self.device = DeviceIdentity(peer=self.peer, device_id=device_id)
        self.machine = Dialler(us=self.device, peer=peer, device_id=None, onion=onion, nonce=urandom(32))

    @classmethod
    async def knock(
        cls, world: VirtualNetwork, peer: PeerId, key: Secret | None = None, *, onion: OnionKey | None = None
    ) -> Stranger:
        """Open a stream, to the identity onion unless it says otherwise, and say nothing."""
        onion = onion or peer.identity_onion
        return cls(await world.dial(onion, PORT), peer, onion, key or Secret(urandom(32)))

    @classmethod
    async def enter(
        cls, world: VirtualNetwork, peer: PeerId, key: Secret | None = None, *, onion: OnionKey | None = None
    ) -> Stranger:
        """Open a stream and prove a key."""
        stranger = await cls.knock(world, peer, key, onion=onion)
        await stranger.prove()
        assert (await stranger.next()).type is FrameType.READY
        return stranger

    @property
    def peer(self) -> PeerId:
        return peer_of(self.key)

    async def prove(self, *, and_then: bytes = b"") -> bytes:
        """Go through the handshake up to PROOF, more octets right behind it; return the octets of PROOF."""
        self.hello = self.machine.start()
        await self.stream.send(self.hello)
        challenged = self.machine.receive(await self.next())
        assert isinstance(challenged, Challenged)
        proof = self.machine.prove(sign(self.key, domain=DOMAIN, message=challenged.transcript))
        await self.stream.send(proof + and_then)
        return proof

    async def next(self) -> Frame:
        """Wait for the next frame."""
        with anyio.fail_after(600):
            while (frame := self.reader.next()) is None:
                self.reader.feed(await self.stream.receive())
        return frame

    async def next_of(self, *kinds: FrameType) -> Frame:
        """Wait for the next frame of one of these types."""
        while (frame := await self.next()).type not in kinds:
            pass
        return frame

    async def say(self, kind: FrameType, number: int = 0, payload: bytes = b"") -> None:
        """Send one frame."""
        await self.stream.send(Frame(kind, number, payload).encode())

    async def is_closed(self, reason: CloseReason | None = None) -> None:
        """Wait until the other side ends the stream, with this CLOSE before it, or with none."""
        if reason is not None:
            assert await self.next_of(FrameType.CLOSE) == Frame(FrameType.CLOSE, reason)
        try:
            while True:
                await self.next()
        except (EndOfStream, BrokenResourceError):
            return

    async def leave(self) -> None:
        """Close the stream."""
        await self.stream.aclose()

    async def flood_octets(self, octets: bytes) -> None:
        """Send octets, whether the other side wants them or not."""
        with suppress(BrokenResourceError):
            await self.stream.send(octets)

    async def begin_large_envelope(self) -> None:
        """Send as much of an envelope of 1 MiB as one can without ending it, within the window."""
        piece, spent, limit = Frame(FrameType.FRAGMENT, 0, bytes(16_384)), 0, 65_536
        with suppress(BrokenResourceError, EndOfStream):
            for _ in range(63):
                while spent + piece.size > limit:
                    limit = (await self.next_of(FrameType.WINDOW)).number
                await self.stream.send(piece.encode())
                spent += piece.size
