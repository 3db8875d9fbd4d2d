"""What a deployment may set: how costly guessing a passphrase is made."""

from dataclasses import dataclass
from typing import Annotated

from balchat_common.settings import Doc
from msgspec import Meta

from balchat_storage_sqlcipher.header import MAX_LANES, MAX_MEMORY_KIB, MAX_PASSES, Kdf


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Argon2id for new key slots; the default and the least is RFC 9106's second recommendation (section 4).

    A slot that exists keeps the parameters that it was made with; changing the passphrase makes a new one.
    """

    kdf_memory_kib: Annotated[
        int, Meta(ge=64 * 1024, le=MAX_MEMORY_KIB), Doc("How much memory trying a passphrase takes, in KiB.")
    ] = 64 * 1024
    kdf_passes: Annotated[
        int, Meta(ge=3, le=MAX_PASSES), Doc("How many passes over that memory trying a passphrase takes.")
    ] = 3
    kdf_lanes: Annotated[
        int, Meta(ge=4, le=MAX_LANES), Doc("How many lanes of that work can be computed at the same time.")
    ] = 4

    @property
    def kdf(self) -> Kdf:
        """The parameters together."""
        return Kdf(memory_kib=self.kdf_memory_kib, passes=self.kdf_passes, lanes=self.kdf_lanes)
