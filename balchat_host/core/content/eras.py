"""What is said about eras: that one was opened, and KeyPackages for the next ones (docs/spec/eras.md, Opening one)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_common import cbor

from balchat_host.api.crypto import ERA_ID_SIZE
from balchat_host.api.errors import MalformedContent
from balchat_host.api.types import DEVICE_ID_SIZE

MAX_KEY_PACKAGES: Final = 4
"""How many KeyPackages one message may bring."""
_MAX_KEY_PACKAGE: Final = 8 * 1024
_FIELDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The body of an ERA_OPENED message: which era the sender has opened, and which device of ours founded it."""

    era_id: bytes
    founder_device_id: bytes
    key_packages: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """Return the body."""
        return cbor.encode([self.era_id, self.founder_device_id, list(self.key_packages)])

    @classmethod
    def decode(cls, octets: bytes) -> "Opened":
        """Read a body. Raise MalformedContent."""
        match _decode(octets, max_items=1 + _FIELDS + MAX_KEY_PACKAGES, max_depth=2):
            case [bytes(era_id), bytes(device_id), key_packages] if (
                len(era_id) == ERA_ID_SIZE and len(device_id) == DEVICE_ID_SIZE and isinstance(key_packages, list)
            ):
                return cls(
                    era_id=era_id,
                    founder_device_id=device_id,
                    key_packages=_key_packages(cast("list[object]", key_packages)),
                )
            case _:
                raise MalformedContent(problem="what is said of an era has the wrong shape")


def encode_key_packages(key_packages: Sequence[bytes]) -> bytes:
    """Return the body of a KEY_PACKAGES message."""
    return cbor.encode(list(key_packages))


def decode_key_packages(octets: bytes) -> tuple[bytes, ...]:
    """Read the body of a KEY_PACKAGES message. Raise MalformedContent."""
    return _key_packages(_decode(octets, max_items=1 + MAX_KEY_PACKAGES, max_depth=1))


def _decode(octets: bytes, *, max_items: int, max_depth: int) -> list[object]:
    try:
        item = cbor.decode(octets, max_items=max_items, max_depth=max_depth)
    except ValueError as error:
        raise MalformedContent(problem=str(error)) from error
    if not isinstance(item, list):
        raise MalformedContent(problem="it is no array")
    return cast("list[object]", item)


def _key_packages(items: list[object]) -> tuple[bytes, ...]:
    key_packages = [item for item in items if isinstance(item, bytes) and len(item) <= _MAX_KEY_PACKAGE]
    if len(key_packages) != len(items) or len(items) > MAX_KEY_PACKAGES:
        raise MalformedContent(
            problem=f"it has other than {MAX_KEY_PACKAGES} KeyPackages of up to {_MAX_KEY_PACKAGE} octets"
        )
    return tuple(key_packages)
