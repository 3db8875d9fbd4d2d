"""What a deployment may set: how costly guessing a passphrase is made."""

from dataclasses import dataclass

from balchat_storage_sqlcipher.header import MAX_LANES, MAX_MEMORY_KIB, MAX_PASSES, Kdf


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Argon2id for new key slots; the default and the least is RFC 9106's second recommendation (section 4).

    A slot that exists keeps the parameters that it was made with; changing the passphrase makes a new one.
    """

    kdf_memory_kib: int = 64 * 1024
    kdf_passes: int = 3
    kdf_lanes: int = 4

    def __post_init__(self) -> None:
        _require_between("kdf_memory_kib", self.kdf_memory_kib, 64 * 1024, MAX_MEMORY_KIB)
        _require_between("kdf_passes", self.kdf_passes, 3, MAX_PASSES)
        _require_between("kdf_lanes", self.kdf_lanes, 4, MAX_LANES)

    @property
    def kdf(self) -> Kdf:
        """The parameters together."""
        return Kdf(memory_kib=self.kdf_memory_kib, passes=self.kdf_passes, lanes=self.kdf_lanes)


def _require_between(key: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{key}: {value} is out of bounds; {least} to {most}")
