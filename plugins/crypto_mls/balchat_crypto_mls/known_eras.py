"""Which eras a founder knew: the one extension of a GroupContext (docs/spec/mls.md, Known eras).

Its content is their ids of 16 octets, ascending, each once, 32 at most.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from mls_rs_py import Extension

from balchat_host.api.crypto import ERA_ID_SIZE, MAX_KNOWN_ERAS
from balchat_host.api.errors import BadInput, CryptoRejected

EXTENSION_TYPE: Final = 0xF0BC
"""Of the GroupContext extension; of the range for private use (RFC 9420, section 17.3)."""


def extension_of(known: Sequence[bytes]) -> Extension:
    """Return the extension that names these eras, in any order. Raise BadInput."""
    ascending = sorted(known)
    if len(ascending) > MAX_KNOWN_ERAS or len(set(ascending)) != len(ascending):
        raise BadInput(what="knows", problem=f"it names more than {MAX_KNOWN_ERAS} eras, or one twice")
    if any(len(era_id) != ERA_ID_SIZE for era_id in ascending):
        raise BadInput(what="knows", problem=f"an era id has {ERA_ID_SIZE} octets")
    return Extension(EXTENSION_TYPE, b"".join(ascending))


def known_eras_in(extensions: Sequence[Extension]) -> tuple[bytes, ...]:
    """Return the eras that a group's founder knew, ascending. Raise CryptoRejected.

    `extensions` are all those of the GroupContext: whatever else there might be, nobody here would keep to it.
    """
    if [each.extension_type for each in extensions] != [EXTENSION_TYPE]:
        raise CryptoRejected(problem="a group that does not say which eras its founder knew, or says more than that")
    return decode(extensions[0].data)


def decode(octets: bytes) -> tuple[bytes, ...]:
    """Read the content of the extension. Raise CryptoRejected."""
    if len(octets) > MAX_KNOWN_ERAS * ERA_ID_SIZE:
        raise CryptoRejected(problem=f"a group that names more than {MAX_KNOWN_ERAS} known eras")
    if len(octets) % ERA_ID_SIZE:
        raise CryptoRejected(problem=f"a group whose known eras are not of {ERA_ID_SIZE} octets each")
    known = tuple(octets[at : at + ERA_ID_SIZE] for at in range(0, len(octets), ERA_ID_SIZE))
    if not all(one < other for one, other in pairwise(known)):
        raise CryptoRejected(problem="a group whose known eras are not in order, each once")
    return known
