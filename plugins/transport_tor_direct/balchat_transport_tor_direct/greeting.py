"""Runs the handshake machines over a stream. The only place where their events meet I/O, keys and randomness."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from os import urandom
from typing import Final

import anyio
import anyio.lowlevel
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.api.errors import BadCredential, PeerUnreachable
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import DeviceIdentity, OnionKey, PeerId
from balchat_transport_tor_direct.device_route import Destination
from balchat_transport_tor_direct.faults import LocalMisuse, NoCommonVersion, violation
from balchat_transport_tor_direct.frames import CloseReason, Frame, FrameReader, FrameType
from balchat_transport_tor_direct.handshake import (
    DOMAIN,
    NONCE_SIZE,
    Acceptor,
    Answer,
    Challenged,
    Dialler,
    Proof,
    Purpose,
    Ready,
    Refused,
)

READ_SIZE: Final = 65_536
CLOSING_TIME: Final = 2.0
"""Seconds in which a CLOSE must leave."""
STREAM_ERRORS: Final = (BrokenResourceError, ClosedResourceError, EndOfStream)

_REFUSALS = {
    CloseReason.GOING_AWAY: "it does not want to talk now",
    CloseReason.REPLACED: "it has another connection with us",
    CloseReason.VIOLATION: "it says that we broke the protocol; both sides should use the newest version",
    CloseReason.UNSUPPORTED_VERSION: "it speaks no version of the direct protocol that is known here",
    CloseReason.OVERLOADED: "it has too much to do",
}


def close_frame(reason: CloseReason) -> bytes:
    """Return the octets of a CLOSE."""
    return Frame(FrameType.CLOSE, reason).encode()


async def say(stream: ByteStream, reason: CloseReason) -> None:
    """Send a CLOSE to a peer that may not read it."""
    with anyio.move_on_after(CLOSING_TIME, shield=True), suppress(*STREAM_ERRORS):
        await stream.send(close_frame(reason))


async def next_frame(stream: ByteStream, reader: FrameReader) -> Frame:
    """Wait for the next frame. Raise ProtocolViolation, EndOfStream and what else the stream raises."""
    while (frame := reader.next()) is None:
        reader.feed(await stream.receive(READ_SIZE))
    return frame


async def greet_acceptor(
    stream: ByteStream,
    reader: FrameReader,
    *,
    context: TransportContext,
    peer: PeerId,
    destination: Destination,
    before_proof: Callable[[DeviceIdentity], None],
    purpose: Purpose = Purpose.LINK,
) -> DeviceIdentity:
    """Prove to `peer`, whom we dialled, who we are; return which device it is when it took the stream.

    `before_proof` is told that device just before the PROOF leaves. Raise ProtocolViolation, PeerUnreachable, what
    `before_proof` does, and what the stream raises.
    """
    machine = Dialler(
        us=DeviceIdentity(peer=context.identity, device_id=context.device_id),
        peer=peer,
        # At the identity onion another device may answer than the one that we knew.
        device_id=None if destination.onion == peer.identity_onion else destination.device_id,
        onion=destination.onion,
        nonce=urandom(NONCE_SIZE),
        purpose=purpose,
    )
    answering: DeviceIdentity | None = None
    await stream.send(machine.start())
    while True:
        match machine.receive(await next_frame(stream, reader)):
            case Challenged(transcript, device):
                signature = await context.sign(domain=DOMAIN, message=transcript)
                # A dial that was abandoned while the signature was made ends here, with no proof sent.
                await anyio.lowlevel.checkpoint_if_cancelled()
                before_proof(device)
                answering = device
                await stream.send(machine.prove(signature))
            case Ready():
                assert answering is not None, "READY comes after CHALLENGE only"
                return answering
            case Refused(reason):
                raise PeerUnreachable(problem=_REFUSALS[reason])
            case event:
                raise LocalMisuse(f"the dialler's machine gave {event}")


@dataclass(frozen=True, slots=True)
class Dialled:
    """Who dialled us and what for. `ready` is the READY that admits them."""

    device: DeviceIdentity
    purpose: Purpose
    ready: bytes


async def greet_dialler(
    stream: ByteStream, reader: FrameReader, *, context: TransportContext, onion: OnionKey
) -> Dialled | None:
    """Find out who dialled our `onion`, and what for; return None where they went away.

    Raise ProtocolViolation and what the stream raises.
    """
    us = DeviceIdentity(peer=context.identity, device_id=context.device_id)
    machine = Acceptor(us=us, onion=onion, nonce=urandom(NONCE_SIZE))
    while True:
        try:
            event = machine.receive(await next_frame(stream, reader))
        except NoCommonVersion:
            await stream.send(close_frame(CloseReason.UNSUPPORTED_VERSION))
            return None
        match event:
            case Answer(octets):
                await stream.send(octets)
            case Proof(device, transcript, signature):
                try:
                    context.verify(device.peer, domain=DOMAIN, message=transcript, signature=signature)
                except BadCredential as error:
                    raise violation("H8", "PROOF does not verify") from error
                # H10: behind PROOF nothing may stand but a CLOSE; the machine raises for anything else.
                if early := reader.next():
                    machine.receive(early)
                    return None
                return Dialled(device, machine.purpose, machine.admit())
            case Refused():
                return None
            case _:
                raise LocalMisuse(f"the acceptor's machine gave {event}")
