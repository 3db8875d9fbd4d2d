"""How two prove who they are on a new stream.

    dialler                                   acceptor
       │ ◄──────────────────────── nonce (32) ── │
       │ ── peer id (32), signature (64) ──────► │
       │ ◄──────────────────── welcome, 1 octet ─│

The acceptor has proven itself by its address, which is its peer id. The dialler signs the nonce and whom it greets, so
that nobody can use the signature anywhere else.
"""

from __future__ import annotations

from secrets import token_bytes
from typing import TYPE_CHECKING, Final

from balchat_host.api.types import PeerId

if TYPE_CHECKING:
    from anyio.abc import ByteStream
    from balchat_host.api.transport import TransportContext

DOMAIN: Final = "balchat-sample"
NONCE_SIZE: Final = 32
PEER_ID_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
WELCOME: Final = b"!"


async def greet(stream: ByteStream, peer: PeerId, context: TransportContext) -> None:
    """Prove to `peer`, whom we have dialled, who we are. Raise what the stream does."""
    nonce = await read(stream, NONCE_SIZE)
    signature = await context.sign(domain=DOMAIN, message=nonce + peer.octets)
    await stream.send(context.identity.octets + signature)
    await read(stream, len(WELCOME))


async def identify(stream: ByteStream, context: TransportContext) -> PeerId:
    """Return who has dialled us, proven. Raise BadCredential, and what the stream does."""
    nonce = token_bytes(NONCE_SIZE)
    await stream.send(nonce)
    said = await read(stream, PEER_ID_SIZE + SIGNATURE_SIZE)
    peer, signature = PeerId(said[:PEER_ID_SIZE]), said[PEER_ID_SIZE:]
    context.verify(peer, domain=DOMAIN, message=nonce + context.identity.octets, signature=signature)
    return peer


async def read(stream: ByteStream, size: int) -> bytes:
    """Return the next octets of a stream, so many. Raise what the stream does."""
    octets = bytearray()
    while len(octets) < size:
        octets += await stream.receive(size - len(octets))
    return bytes(octets)
