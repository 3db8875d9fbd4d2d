"""A member who has every key that a member has, and authenticates whatever he likes (RFC 9420, section 6).

Public messages, suite 1: signature and membership tag are right, so what is inside is looked at in earnest. The
confirmation tag of a changed commit is not, and cannot be without doing the commit.
"""

import hmac

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SUITE = 1
MLS_10, PUBLIC_MESSAGE = b"\x00\x01", b"\x00\x01"
PROPOSAL, COMMIT = 2, 3
SIGNATURE, TAG = 66, 33  # with their lengths


def vector(octets: bytes) -> bytes:
    """Encode `opaque<V>` (section 2.1.2)."""
    if len(octets) < 1 << 6:
        return bytes([len(octets)]) + octets
    size, mark = (2, 1 << 14) if len(octets) < 1 << 14 else (4, 1 << 31)
    return (len(octets) | mark).to_bytes(size) + octets


class Mallory:
    """Makes messages of the member who made `example`, a public message without authenticated data, in one epoch."""

    def __init__(self, secret_key: bytes, context: bytes, group_id: bytes, state: bytes, example: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret_key[:32])
        self._context = context
        # Group id, epoch, kind and leaf of the sender.
        self._frame = example[4 : 4 + len(vector(group_id)) + 8 + 1 + 4]
        signed, auth, tag = self._parts(example)
        # The membership key is somewhere in what the member stores. It is the one that makes the tag.
        tried = (state[at : at + 32] for at in range(len(state)))
        self._membership_key = next(key for key in tried if hmac.digest(key, signed + auth, "sha256") == tag)

    def content(self, message: bytes) -> tuple[int, bytes]:
        """Return kind and content of one of this member's messages."""
        start = 4 + len(self._frame) + 1
        tail = SIGNATURE + TAG * (2 if message[start] == COMMIT else 1)
        return message[start], message[start + 1 : -tail]

    def _parts(self, message: bytes) -> tuple[bytes, bytes, bytes]:
        """Return FramedContentTBS, FramedContentAuthData and the membership tag of a message."""
        auth = message[-SIGNATURE - TAG : -TAG] if message[4 + len(self._frame) + 1] != COMMIT else b""
        if not auth:
            auth = message[-SIGNATURE - 2 * TAG : -TAG]
        return message[: -TAG - len(auth)] + self._context, auth, message[1 - TAG :]

    def seal(self, kind: int, content: bytes, authenticated_data: bytes = b"") -> bytes:
        """Authenticate any content."""
        framed = MLS_10 + PUBLIC_MESSAGE + self._frame + vector(authenticated_data) + bytes([kind]) + content
        signed = framed + self._context
        signature = self._key.sign(sign_content(b"FramedContentTBS", signed))
        auth = vector(signature) + (vector(bytes(32)) if kind == COMMIT else b"")
        tag = hmac.digest(self._membership_key, signed + auth, "sha256")
        return framed + auth + vector(tag)


def sign_content(label: bytes, octets: bytes) -> bytes:
    """Return the SignContent of section 5.1.2."""
    return vector(b"MLS 1.0 " + label) + vector(octets)


def key_package(secret_key: bytes, init_key: bytes, leaf: bytes) -> bytes:
    """Make a key package of any init key and LeafNode, both signatures right (section 10)."""
    key = Ed25519PrivateKey.from_private_bytes(secret_key[:32])
    head = MLS_10 + b"\x00\x05" + MLS_10 + b"\x00\x01"
    signed = head[4:] + vector(init_key) + leaf + vector(key.sign(sign_content(b"LeafNodeTBS", leaf))) + vector(b"")
    return head[:4] + signed + vector(key.sign(sign_content(b"KeyPackageTBS", signed)))


def parts_of(message: bytes) -> tuple[bytes, bytes]:
    """Return the init key and the LeafNode, without its signature, of a key package without extensions."""
    return message[9:41], message[41 : -2 * SIGNATURE - 1]
