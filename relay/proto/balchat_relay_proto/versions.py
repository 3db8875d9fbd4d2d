"""Which protocol version to use: the highest that both sides support (docs/spec/relay.md, Transport)."""

from collections.abc import Iterable
from typing import Final

from balchat_relay_proto.errors import Code, Refused

VERSIONS: Final = (1,)
"""The versions that this package supports. The version is in every path: `/v1/put`."""


def common_version(theirs: Iterable[int]) -> int:
    """Return the version to use. Raise Refused where there is none, and says which side must be updated."""
    offered = frozenset(theirs)
    if common := offered.intersection(VERSIONS):
        return max(common)
    behind = "This program" if offered and min(offered) > max(VERSIONS) else "The relay"
    raise Refused(Code.UNSUPPORTED_VERSION, f"No common protocol version. {behind} must be updated.")


def split_path(path: str) -> tuple[int, str]:
    """Parse `/v1/put` into (1, "put"). Raise Refused for other forms and versions."""
    start, _, operation = path.removeprefix("/").partition("/")
    version = start.removeprefix("v")
    if not start.startswith("v") or not version.isascii() or not version.isdecimal() or len(version) > 5:  # noqa: PLR2004  # versions have 16 bits
        raise Refused(Code.UNKNOWN_OPERATION, "Paths look like /v1/put.")
    if int(version) not in VERSIONS:
        raise Refused(Code.UNSUPPORTED_VERSION, f"This relay supports {', '.join(f'v{each}' for each in VERSIONS)}.")
    return int(version), operation
