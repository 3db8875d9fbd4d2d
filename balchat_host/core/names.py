"""Names and texts of people: what is allowed in them, and what a stranger's become."""

import unicodedata
from typing import Final

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import MAX_NAME_LENGTH
from balchat_host.api.types import PeerId

_ONION_PART: Final = 8
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that can hide or disguise: controls, formats (bidirectional overrides among them), surrogates."""
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters, marks and symbols that show as nothing: with one of them, two names would look the same."""


def clean_name(name: str) -> str:
    """Make a stranger's name harmless to show: hidden characters and outer space go, the rest is cut to length.

    It comes in the normal form NFC, so that one look has one spelling.
    """
    shown = "".join(each for each in name if unicodedata.category(each) not in _HIDDEN and each not in _BLANK)
    return " ".join(unicodedata.normalize("NFC", shown).split())[:MAX_NAME_LENGTH]


def check_name(name: str) -> str:
    """Give a name that the user chose, trimmed.

    Raises BadInput where it is empty, too long or contains hidden characters.
    """
    trimmed = " ".join(unicodedata.normalize("NFC", name).split())
    if not trimmed:
        raise BadInput(what="The name", problem="it is empty")
    if len(trimmed) > MAX_NAME_LENGTH:
        raise BadInput(what="The name", problem=f"it has {len(trimmed)} characters; at most {MAX_NAME_LENGTH} fit")
    if clean_name(trimmed) != trimmed:
        raise BadInput(what="The name", problem="it contains characters that cannot be seen")
    return trimmed


def made_up_name(peer: PeerId) -> str:
    """Name somebody who has no name: by the beginning of their onion address."""
    return peer.onion[:_ONION_PART]
