"""Runs the handshake machines over a stream. The only place where their events meet I/O, keys and randomness."""

from collections.abc import Callable
from os import urandom

import anyio.lowlevel
from anyio.abc import ByteStream

from balchat_host.api.errors import BadCredential, PeerUnreachable
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import PeerId
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
    Ready,
    Refused,
)

READ_SIZE = 65_536

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


async def next_frame(stream: ByteStream, reader: FrameReader) -> Frame:
    """Wait for the next frame. Raises ProtocolViolation, EndOfStream and what else the stream raises."""
    while (frame := reader.next()) is None:
        reader.feed(await stream.receive(READ_SIZE))
    return frame


async def greet_acceptor(
    stream: ByteStream,
    reader: FrameReader,
    *,
    context: TransportContext,
    peer: PeerId,
    before_proof: Callable[[], None],
) -> None:
    """Prove to `peer`, whom we dialled, who we are; return when it took the stream.

    `before_proof` is called just before the PROOF leaves. Raises ProtocolViolation, PeerUnreachable, and what the
    stream raises.
    """
    machine = Dialler(identity=context.identity, peer=peer, nonce=urandom(NONCE_SIZE))
    await stream.send(machine.start())
    while True:
        match machine.receive(await next_frame(stream, reader)):
            case Challenged(transcript):
                signature = await context.sign(domain=DOMAIN, message=transcript)
                # A dial that was abandoned while the signature was made ends here, with no proof sent.
                await anyio.lowlevel.checkpoint_if_cancelled()
                before_proof()
                await stream.send(machine.prove(signature))
            case Ready():
                return
            case Refused(reason):
                raise PeerUnreachable(problem=_REFUSALS[reason])
            case event:
                raise LocalMisuse(f"the dialler's machine gave {event}")


async def greet_dialler(
    stream: ByteStream, reader: FrameReader, *, context: TransportContext
) -> tuple[PeerId, bytes] | None:
    """Find out who dialled us; give the peer id and the READY that admits it, or None when it went away.

    Raises ProtocolViolation and what the stream raises.
    """
    machine = Acceptor(identity=context.identity, nonce=urandom(NONCE_SIZE))
    while True:
        try:
            event = machine.receive(await next_frame(stream, reader))
        except NoCommonVersion:
            await stream.send(close_frame(CloseReason.UNSUPPORTED_VERSION))
            return None
        match event:
            case Answer(octets):
                await stream.send(octets)
            case Proof(peer, transcript, signature):
                try:
                    context.verify(peer, domain=DOMAIN, message=transcript, signature=signature)
                except BadCredential as error:
                    raise violation("H8", "PROOF does not verify") from error
                # H10: behind PROOF nothing may stand but a CLOSE; the machine raises for anything else.
                if early := reader.next():
                    machine.receive(early)
                    return None
                return peer, machine.admit()
            case Refused():
                return None
            case _:
                raise LocalMisuse(f"the acceptor's machine gave {event}")
