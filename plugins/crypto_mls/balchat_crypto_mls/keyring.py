"""The account's keys: the identity key for good, and the MLS signature key with its credential, renewed in time."""

import os
from dataclasses import dataclass
from typing import Self

from mls_rs_py import CustomCredential, SignatureKeyPair

from balchat_crypto_mls import signatures
from balchat_crypto_mls.credential import CREDENTIAL_TYPE, MAX_LIFETIME, Credential
from balchat_crypto_mls.rows import SEED_SIZE, AccountRow
from balchat_host.api.errors import BadCredential, BadInput, VaultDamaged
from balchat_host.api.storage import KeyValueArea
from balchat_host.api.types import PeerId


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Keyring:
    """An account's keys, as they stand in its row."""

    identity_seed: bytes
    mls_seed: bytes
    credential: Credential

    @classmethod
    def create(cls, area: KeyValueArea, device_id: bytes, *, now: int) -> Self:
        """Make an account's keys, for this device of it. Raise BadInput if there are some already."""
        if AccountRow(area).get() is not None:
            raise BadInput(what="identity", problem="this vault already has one")
        keyring = cls._issue(os.urandom(SEED_SIZE), device_id, now=now)
        keyring.keep(area)
        return keyring

    @classmethod
    def load(cls, area: KeyValueArea) -> Self:
        """Return the account's keys. Raise BadInput if there are none, VaultDamaged."""
        row = AccountRow(area).get()
        if row is None:
            raise BadInput(what="identity", problem="this vault has none yet")
        return cls(
            identity_seed=row[:SEED_SIZE],
            mls_seed=row[SEED_SIZE : 2 * SEED_SIZE],
            credential=_stored_credential(row[2 * SEED_SIZE :]),
        )

    @classmethod
    def fresh(cls, area: KeyValueArea, *, now: int) -> Self:
        """Return the account's keys, with a new MLS key and credential if the old one is past half its life.

        Or if it is valid for too long, because the clock was ahead when it was made: others would refuse it. New keys
        are in no row until `keep`.
        """
        keyring = cls.load(area)
        if MAX_LIFETIME // 2 < keyring.credential.days_left(now=now) <= MAX_LIFETIME:
            return keyring
        return keyring.of_device(keyring.credential.device.device_id, now=now)

    def of_device(self, device_id: bytes, *, now: int) -> Self:
        """Return the account's keys with a new MLS key and credential, for this device of it. `keep` writes them."""
        return self._issue(self.identity_seed, device_id, now=now)

    @classmethod
    def _issue(cls, identity_seed: bytes, device_id: bytes, *, now: int) -> Self:
        pair = SignatureKeyPair.generate()
        not_after = Credential.until(now=now)
        credential = Credential.issue(identity_seed, device_id, pair.public_key, not_after=not_after)
        return cls(identity_seed=identity_seed, mls_seed=pair.secret_key(), credential=credential)

    def keep(self, area: KeyValueArea) -> None:
        """Write the keys to the account's row, unless they are there."""
        row = self.identity_seed + self.mls_seed + self.credential.encode()
        if AccountRow(area).get() != row:
            AccountRow(area).put(row)

    @property
    def peer(self) -> PeerId:
        """The account's peer id."""
        return self.credential.device.peer

    @property
    def mls_credential(self) -> CustomCredential:
        """The credential as a leaf carries it."""
        return CustomCredential(CREDENTIAL_TYPE, self.credential.encode())

    @property
    def mls_key_pair(self) -> SignatureKeyPair:
        """The MLS signature key pair."""
        return SignatureKeyPair.from_secret(self.mls_seed)

    def sign(self, *, domain: str, message: bytes) -> bytes:
        """Sign with the identity key."""
        return signatures.sign(self.identity_seed, domain=domain, message=message)

    def __repr__(self) -> str:
        return "Keyring(…)"


def _stored_credential(encoded: bytes) -> Credential:
    try:
        return Credential.decode(encoded)
    except BadCredential as error:
        raise VaultDamaged(problem="the account's keys cannot be read") from error
