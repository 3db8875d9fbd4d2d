"""KeyPackages that no sound engine makes: signed by a key of the test's own, with the credential that it wants."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.testing.crypto_kit.accounts import DAY, CryptoAccount

_HEADER: Final = 4
"""Octets of an MLSMessage before its KeyPackage (RFC 9420, section 6)."""
_VERSION_AND_SUITE: Final = 4
_SOURCE_AND_LIFETIME: Final = 1 + 16
_CAPABILITIES: Final = 5
"""Vectors of a leaf's capabilities (RFC 9420, section 7.2)."""
_CREDENTIAL_DOMAIN: Final = "balchat-mls-credential-v2"
_CREDENTIAL_VERSION: Final = b"\x02"

CredentialOf = Callable[[bytes, bytes], bytes]
"""Makes a credential of the one that was there and the public half of the key that is to be bound."""


class _Reader:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.at = 0

    def fixed(self, size: int) -> bytes:
        """Read so many octets."""
        self.at += size
        return self._octets[self.at - size : self.at]

    def vector(self) -> bytes:
        """Read a vector of up to 16,383 octets (RFC 9420, section 2.1.2)."""
        first = self.fixed(1)
        size = first[0] if first[0] < 0x40 else int.from_bytes(first + self.fixed(1)) & 0x3FFF  # noqa: PLR2004  # as the section says
        return self.fixed(size)


def _vector(octets: bytes) -> bytes:
    size = len(octets)
    return (bytes([size]) if size < 0x40 else (size | 0x4000).to_bytes(2)) + octets  # noqa: PLR2004  # RFC 9420, section 2.1.2


def _signed(key: Ed25519PrivateKey, label: str, content: bytes) -> bytes:
    """Return content with its signature behind it (RFC 9420, section 5.1.2)."""
    return content + _vector(key.sign(_vector(b"MLS 1.0 " + label.encode()) + _vector(content)))


def reference_of(key_package: bytes) -> bytes:
    """Return the reference of a KeyPackage (RFC 9420, section 5.2)."""
    return sha256(_vector(b"MLS 1.0 KeyPackage Reference") + _vector(key_package[_HEADER:])).digest()


def keys_of(key_package: bytes) -> tuple[bytes, ...]:
    """Return what is public of the keys that only one KeyPackage may have.

    The init key and the leaf's encryption key (RFC 9420, section 10), and the extensions, with the X-Wing key.
    """
    reader = _Reader(key_package)
    reader.fixed(_HEADER + _VERSION_AND_SUITE)
    init_key, encryption_key = reader.vector(), reader.vector()
    reader.vector()
    reader.fixed(2)
    reader.vector()
    _pass_capabilities(reader)
    reader.vector()
    return init_key, encryption_key, reader.vector()


def _pass_capabilities(reader: _Reader) -> None:
    """Go from a leaf's capabilities to its signature."""
    for _ in range(_CAPABILITIES):
        reader.vector()
    reader.fixed(_SOURCE_AND_LIFETIME)
    reader.vector()


def forged(key_package: bytes, credential_of: CredentialOf = lambda credential, _: credential) -> bytes:
    """Return a KeyPackage with another signature key, signed with that, and with the credential that is wanted."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    reader = _Reader(key_package)
    header = reader.fixed(_HEADER)
    before_leaf = reader.fixed(_VERSION_AND_SUITE) + _vector(reader.vector())
    encryption_key = reader.vector()
    reader.vector()
    credential_type, credential = reader.fixed(2), reader.vector()
    begin = reader.at
    _pass_capabilities(reader)
    rest = key_package[begin : reader.at]
    reader.vector()
    extensions = reader.vector()
    leaf = (
        _vector(encryption_key) + _vector(public) + credential_type + _vector(credential_of(credential, public)) + rest
    )
    content = before_leaf + _signed(key, "LeafNodeTBS", leaf) + _vector(extensions)
    return header + _signed(key, "KeyPackageTBS", content)


def bound_until(account: CryptoAccount, at: int) -> CredentialOf:
    """Return how an account binds a key until the day of `at`, in Unix seconds (docs/spec/credential.md)."""

    def credential_of(credential: bytes, public: bytes) -> bytes:
        del credential
        part = _CREDENTIAL_VERSION + account.peer.octets + account.device_id + (at // DAY).to_bytes(4)
        return part + account.engine.sign(account.area, domain=_CREDENTIAL_DOMAIN, message=public + part)

    return credential_of
