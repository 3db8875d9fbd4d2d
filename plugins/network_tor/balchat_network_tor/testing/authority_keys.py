"""The keys of a node of the private network: what `tor-gencert` makes for an authority, and tor for a relay.

Both take seconds for six nodes, and here it takes a moment. The keys live for one run and protect nothing, so they are
as short as tor's own for relays. An authority's long-term key signs a certificate for its signing key (dir-spec,
section "Creating key certificates").
"""

import base64
import hashlib
import time
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_BITS: Final = 1024
_DAY: Final = 24 * 3600
_LINE: Final = 64

_CERTIFICATE: Final = """\
dir-key-certificate-version 3
dir-address 127.0.0.1:{dir_port}
fingerprint {fingerprint}
dir-key-published {published}
dir-key-expires {expires}
dir-identity-key
{identity_key}dir-signing-key
{signing_key}dir-key-crosscert
-----BEGIN ID SIGNATURE-----
{crosscert}-----END ID SIGNATURE-----
dir-key-certification
"""


def make_relay_key(folder: Path) -> str:
    """Write a relay's identity key where tor looks for it, and takes it for its own; return its fingerprint."""
    key = _generate()
    (folder / "secret_id_key").write_bytes(_private(key))
    return _fingerprint(key).hex().upper()


def make_authority_keys(folder: Path, *, dir_port: int) -> str:
    """Write the signing key and its certificate where tor looks for them; return the authority's fingerprint."""
    identity, signing = _generate(), _generate()
    fingerprint, now = _fingerprint(identity), time.time()
    certificate = _CERTIFICATE.format(
        dir_port=dir_port,
        fingerprint=fingerprint.hex().upper(),
        published=_time(now - _DAY),
        expires=_time(now + _DAY),
        identity_key=_public(identity),
        signing_key=_public(signing),
        crosscert=_base64(_sign(signing, fingerprint)),
    )
    signature = _base64(_sign(identity, _sha1(certificate.encode())))
    whole = f"{certificate}-----BEGIN SIGNATURE-----\n{signature}-----END SIGNATURE-----\n"
    (folder / "authority_certificate").write_text(whole)
    (folder / "authority_signing_key").write_bytes(_private(signing))
    return fingerprint.hex().upper()


def _generate() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_BITS)


def _sign(key: rsa.RSAPrivateKey, digest: bytes) -> bytes:
    """Sign a digest as tor does: padded by PKCS #1, without the name of the hash (dir-spec, section "Signing")."""
    size = _BITS // 8
    padded = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
    numbers = key.private_numbers()
    return pow(int.from_bytes(padded), numbers.d, numbers.public_numbers.n).to_bytes(size)


def _sha1(octets: bytes) -> bytes:
    return hashlib.sha1(octets).digest()  # noqa: S324  # dir-spec wants it


def _fingerprint(key: rsa.RSAPrivateKey) -> bytes:
    return _sha1(key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1))


def _private(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def _public(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()


def _base64(octets: bytes) -> str:
    text = base64.b64encode(octets).decode()
    return "".join(f"{text[start : start + _LINE]}\n" for start in range(0, len(text), _LINE))


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
