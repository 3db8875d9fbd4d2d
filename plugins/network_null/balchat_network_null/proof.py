"""How an address proves itself: whoever answers signs what the dialler has just made up (docs/spec/network-null.md).

dialler                                acceptor
│ ── nonce (32 octets) ──────────────► │
│ ◄── Ed25519 signature (64 octets) ── │   over DOMAIN ‖ 0 ‖ port (2 octets) ‖ nonce
"""

import secrets
from typing import Final

from anyio import BrokenResourceError, EndOfStream
from anyio.abc import ByteStream
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.types import OnionKey

DOMAIN: Final = b"balchat-network-null-v1"
NONCE_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64


def statement(port: int, nonce: bytes) -> bytes:
    """Return what is signed. `port` is from 0 to 65535."""
    return DOMAIN + b"\0" + port.to_bytes(2) + nonce


async def prove(stream: ByteStream, key: Ed25519PrivateKey, port: int) -> None:
    """Answer a dialler. Raise EndOfStream or BrokenResourceError if it hangs up."""
    nonce = await _read(stream, NONCE_SIZE)
    await stream.send(key.sign(statement(port, nonce)))


async def verify(stream: ByteStream, address: OnionKey, port: int) -> None:
    """Have whoever answers prove to hold the key of `address`. Raise PeerUnreachable."""
    nonce = secrets.token_bytes(NONCE_SIZE)
    try:
        await stream.send(nonce)
        signature = await _read(stream, SIGNATURE_SIZE)
        Ed25519PublicKey.from_public_bytes(address.octets).verify(signature, statement(port, nonce))
    except (EndOfStream, BrokenResourceError) as error:
        raise PeerUnreachable(problem="it hung up") from error
    except InvalidSignature as error:
        raise PeerUnreachable(problem="whoever answers at its address does not have its key") from error


async def _read(stream: ByteStream, size: int) -> bytes:
    octets = b""
    while len(octets) < size:
        octets += await stream.receive(size - len(octets))
    return octets
