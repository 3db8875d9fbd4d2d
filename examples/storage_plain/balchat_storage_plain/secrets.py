"""Passphrases and recovery codes: how they are typed, and what is kept to tell a right one from a wrong one.

The secret encrypts nothing here. It says only whether the vault is opened.
"""

import hashlib
import hmac
import secrets
from typing import Final
from zlib import crc32

from balchat_host.api.errors import BadInput, WeakPassphrase
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret

MIN_PASSPHRASE: Final = 8
"""Characters of the shortest passphrase."""
CODE_SIZE: Final = 32
"""Hexadecimal digits of a recovery code, without the 8 that check them."""
SALT_SIZE: Final = 16


def new_recovery_code() -> Secret:
    """Make a recovery code: 128 bits of chance, and 8 digits by which a typing error is noticed."""
    digits = secrets.token_hex(CODE_SIZE // 2)
    return Secret.from_text(digits + _check(digits))


def check_passphrase(passphrase: Secret) -> None:
    """Raise WeakPassphrase for a passphrase that no new vault may have."""
    if len(passphrase.reveal().decode(errors="replace")) < MIN_PASSPHRASE:
        raise WeakPassphrase(problem=f"it is shorter than {MIN_PASSPHRASE} characters")


def new_verifier(kind: SlotKind, secret: Secret) -> bytes:
    """Return what to keep of a new secret. Raise WeakPassphrase, BadInput."""
    if kind is SlotKind.PASSPHRASE:
        check_passphrase(secret)
    salt = secrets.token_bytes(SALT_SIZE)
    return salt + _digest(salt, _typed(kind, secret))


def fits(kind: SlotKind, secret: Secret, verifier: bytes | None) -> bool:
    """Return whether a secret is the one of which a verifier was kept. Raise BadInput for a mistyped code."""
    typed = _typed(kind, secret)
    if verifier is None:
        return False
    salt, digest = verifier[:SALT_SIZE], verifier[SALT_SIZE:]
    return hmac.compare_digest(digest, _digest(salt, typed))


def _typed(kind: SlotKind, secret: Secret) -> bytes:
    octets = secret.reveal()
    if kind is SlotKind.RECOVERY_CODE:
        code = octets.decode(errors="replace").strip().lower()
        if _check(code[:CODE_SIZE]) != code[CODE_SIZE:]:
            raise BadInput(what="recovery code", problem="it is mistyped; look at it again")
        return code.encode()
    return octets


def _check(digits: str) -> str:
    return f"{crc32(digits.encode()):08x}"


def _digest(salt: bytes, secret: bytes) -> bytes:
    # Cheap on purpose: the file beside it is readable anyway.
    return hashlib.scrypt(secret, salt=salt, n=2**10, r=8, p=1)
