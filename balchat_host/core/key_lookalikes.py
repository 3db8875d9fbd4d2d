"""What is spelt like a key, whoever's: an onion address, a chat code, or 64 hexadecimal digits.

Whatever of these a person types means that key or nobody. So no name may be spelt like one: neither with letters that
look alike, nor with marks, spaces, punctuation or invisible characters between them, nor with some characters missing.
"""

import re
from functools import lru_cache
from typing import Final

from balchat_host.api.errors import BadOnionAddress
from balchat_host.api.types import PEER_ID_SIZE, PeerId
from balchat_host.core.characters import is_hidden
from balchat_host.core.confusables import folded

_ONION_LENGTH: Final = 56
_MAX_LOOKED_AT: Final = 512
"""Characters that are looked at; what is longer is no name."""
_CODE: Final = re.compile("[^a-z0-9]*balchat(?:.?relay)?[:\u02d0\u0589\u05c3\u0703\u2236\ua789]")
_LONG_WORD: Final = re.compile("(?=[a-z]*[0-9])[a-z0-9]{40,}")
"""No word that people are called by; an address of which some characters are missing still is one. Of 100,000 addresses
one has no digit, which has to be right to count as one."""
_AS_BASE32: Final = str.maketrans("018", "olb")
_AS_HEX: Final = str.maketrans("oil", "011")


@lru_cache(maxsize=256)  # each message that is written names its contact
def is_spelt_like_a_key(text: str) -> bool:
    """Return whether a text reads as an onion address, a chat code or a peer id, right or not."""
    seen = "".join(each for each in folded(text[:_MAX_LOOKED_AT]) if not is_hidden(each))
    if _CODE.match("".join(seen.split())) or _LONG_WORD.search(seen):
        return True
    joined = "".join(each for each in seen if each.isalnum()).removeprefix("balchat").removesuffix("onion")
    if len(joined) == _ONION_LENGTH and re.fullmatch("[a-z]*[0-9][a-z0-9]*", joined):
        return True
    if re.fullmatch(f"[0-9a-f]{{{2 * PEER_ID_SIZE}}}", joined.translate(_AS_HEX)):
        return True
    return any(_is_onion(joined[at : at + _ONION_LENGTH]) for at in range(len(joined) - _ONION_LENGTH + 1))


def _is_onion(spelling: str) -> bool:
    # Each address ends with its version, 3: nearly all else need not be hashed.
    if not spelling.endswith("d"):
        return False
    try:
        PeerId.from_onion(spelling.translate(_AS_BASE32))
    except BadOnionAddress:
        return False
    return True
