"""Key slots: from a typed secret to the data key and back (docs/spec/vault.md, section 3.2).

    wrapping key = Argon2id(secret, salt, memory, passes, lanes), 32 octets
    wrapped      = AES-256 key wrap (RFC 3394) of the data key

The wrap authenticates the data key. The parameters and the salt go into Argon2id itself, so that an altered one opens
nothing.
"""

import unicodedata
from secrets import token_bytes
from typing import Final

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from balchat_host.api.errors import BadInput, WeakPassphrase, WrongSecret
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_storage_sqlcipher import recovery_code
from balchat_storage_sqlcipher.data_key import DATA_KEY_SIZE, DataKey
from balchat_storage_sqlcipher.header import SALT_SIZE, Kdf, Slot, Slots

MIN_PASSPHRASE_LENGTH: Final = 8
"""Characters. There are no rules of composition (NIST SP 800-63B, section 5.1.1.2)."""
_UNSEEN: Final = frozenset({"Cc", "Zl", "Zp"})
"""Unicode categories of what no front end takes in a passphrase: controls, line and paragraph separators."""


def read_secret(kind: SlotKind, secret: Secret) -> Secret:
    """Bring a typed secret into the one spelling that keys are derived from.

    Raise BadInput for a mistyped recovery code, and for what is no text or has control characters.
    """
    try:
        text = secret.reveal().decode()
    except UnicodeDecodeError:
        raise BadInput(what=str(kind), problem="it is not UTF-8 text") from None
    if kind is SlotKind.RECOVERY_CODE:
        return Secret.from_text(recovery_code.read(text))
    # RFC 8264, section 4.3.3: what nobody sees, nobody can type again.
    if any(unicodedata.category(character) in _UNSEEN or character == "\ufeff" for character in text):
        raise BadInput(what=str(kind), problem="it has an invisible control character; write it again")
    # RFC 8265, section 4.2.2, rules 2 and 4: two keyboards that show the same passphrase must type the same one.
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)
    return Secret.from_text(unicodedata.normalize("NFC", spaced))


def read_new_secret(kind: SlotKind, secret: Secret) -> Secret:
    """As `read_secret`, for a secret that is to be used from now on. Raise WeakPassphrase too."""
    read = read_secret(kind, secret)
    length = len(read.reveal().decode())
    if kind is SlotKind.PASSPHRASE and length < MIN_PASSPHRASE_LENGTH:
        raise WeakPassphrase(problem=f"it has {length} characters; at least {MIN_PASSPHRASE_LENGTH} are needed")
    return read


def lock_slot(data_key: DataKey, secret: Secret, kdf: Kdf) -> Slot:
    """Make a slot that `secret`, as `read_new_secret` gave it, opens."""
    salt = token_bytes(SALT_SIZE)
    return Slot(kdf=kdf, salt=salt, wrapped=data_key.wrap(_wrapping_key(secret, salt, kdf)))


def open_slot(slots: Slots, kind: SlotKind, secret: Secret) -> DataKey:
    """Return the data key that `secret`, as `read_secret` gave it, opens. Raise WrongSecret."""
    slot = slots.get(kind)
    if slot is None:
        raise WrongSecret(slot=str(kind))
    try:
        return DataKey.unwrap(_wrapping_key(secret, slot.salt, slot.kdf), slot.wrapped)
    except InvalidUnwrap:
        raise WrongSecret(slot=str(kind)) from None


def _wrapping_key(secret: Secret, salt: bytes, kdf: Kdf) -> bytes:
    return hash_secret_raw(
        secret.reveal(),
        salt,
        time_cost=kdf.passes,
        memory_cost=kdf.memory_kib,
        parallelism=kdf.lanes,
        hash_len=DATA_KEY_SIZE,
        type=Type.ID,
    )
