"""First-contact cards: what somebody who has only a chat code needs to write to its owner, who is away.

A card holds a KeyPackage (RFC 9420, section 10) and the inbox's sealing key, signed by the onion's key. The relay
stores it encrypted under a key that follows from the onion. Everybody who asks for it knows the onion; the relay's disk
does not.
"""

import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from balchat_relay_proto.codec import Malformed, Message, octets, octets_up_to, uint
from balchat_relay_proto.sealing import SEALING_KEY_SIZE, SealingKey
from balchat_relay_proto.sizes import CARD_SIZE, SIGNATURE_SIZE

CARD_DOMAIN: Final = "balchat-relay-card-v1"
"""Printable ASCII. The identity key signs `domain ‖ 0x00 ‖ message`."""

MAX_KEY_PACKAGE: Final = 2560
"""Octets."""

_KEY_INFO: Final = b"balchat-relay-card-key-v1"
_KEY_SIZE: Final = 16
_NONCE_SIZE: Final = 12
_TAG_SIZE: Final = 16
_LENGTH_SIZE: Final = 2
_PLAINTEXT_SIZE: Final = CARD_SIZE - _NONCE_SIZE - _TAG_SIZE


class BadCard(Exception):
    """The card does not belong to the onion that was asked for, or was altered by the relay or somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Card(Message):
    """A decrypted card. `not_after` is in Unix seconds."""

    sealing_key: bytes = field(metadata=octets(SEALING_KEY_SIZE).field)
    key_package: bytes = field(metadata=octets_up_to(MAX_KEY_PACKAGE).field)
    not_after: int = field(metadata=uint(2**53).field)
    signature: bytes = field(metadata=octets(SIGNATURE_SIZE).field)


def card_message(*, sealing_key: SealingKey, key_package: bytes, not_after: int) -> bytes:
    """Return what the onion's key signs, without domain: sealing key ‖ not_after (8 octets) ‖ KeyPackage."""
    return sealing_key.octets + not_after.to_bytes(8) + key_package


def wrap(card: Card, *, onion_key: bytes) -> bytes:
    """Encrypt a card for the relay; return CARD_SIZE octets. Raise ValueError where the KeyPackage is too large."""
    if len(card.key_package) > MAX_KEY_PACKAGE:
        raise ValueError(f"a KeyPackage of {len(card.key_package)} octets does not fit; at most {MAX_KEY_PACKAGE} do")
    content = card.to_octets()
    padding = bytes(_PLAINTEXT_SIZE - _LENGTH_SIZE - len(content))
    nonce = secrets.token_bytes(_NONCE_SIZE)
    return nonce + AESGCM(_key(onion_key)).encrypt(nonce, len(content).to_bytes(_LENGTH_SIZE) + content + padding, None)


def unwrap(octets: bytes, *, onion_key: bytes) -> Card:
    """Decrypt a card and verify that the onion's key signed it. Raise BadCard."""
    if len(octets) != CARD_SIZE:
        raise BadCard("no card has this size")
    try:
        plaintext = AESGCM(_key(onion_key)).decrypt(octets[:_NONCE_SIZE], octets[_NONCE_SIZE:], None)
    except InvalidTag:
        raise BadCard("it is not encrypted for this onion, or was altered") from None
    end = _LENGTH_SIZE + int.from_bytes(plaintext[:_LENGTH_SIZE])
    if end > len(plaintext) or plaintext.count(0, end) != len(plaintext) - end:
        raise BadCard("its padding is wrong")
    try:
        card = Card.from_octets(plaintext[_LENGTH_SIZE:end])
    except Malformed as error:
        raise BadCard(str(error)) from error
    message = card_message(
        sealing_key=SealingKey(card.sealing_key), key_package=card.key_package, not_after=card.not_after
    )
    try:
        key = Ed25519PublicKey.from_public_bytes(onion_key)
        key.verify(card.signature, CARD_DOMAIN.encode() + b"\x00" + message)
    except (InvalidSignature, ValueError):
        raise BadCard("the onion's key did not sign it") from None
    return card


def _key(onion_key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_SIZE, salt=None, info=_KEY_INFO).derive(onion_key)
