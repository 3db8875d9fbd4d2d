"""Names of people: what one may hold, how two are compared, and what a stranger's becomes (docs/spec/chat-code.md).

Rules
-----
- A name never means an address: one that is spelt like a key, also by look-alike letters, is refused from its owner
  and replaced where it comes from somebody else. What is spelt like a key means that key only, wherever it is typed.
- A name has one spelling (NFC, single spaces) and shows all that it holds. Joiners, variation selectors and tags stay
  where a script or an emoji needs them: between two Latin letters a joiner only makes two names look the same.
- Characters newer than this Python's tables are letters and emoji of somebody: allowed.
"""

import re
import unicodedata
from typing import Final

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import MAX_NAME_LENGTH, MYSELF, NOTES_TO_SELF
from balchat_host.api.text import MAX_MARKS
from balchat_host.api.types import PeerId
from balchat_host.core.characters import first_unfit, printable
from balchat_host.core.confusables import folded
from balchat_host.core.key_lookalikes import is_spelt_like_a_key

MADE_UP_LENGTH: Final = 8
"""Characters of their onion address that somebody without a name is called by, at least."""
_ESCAPE: Final = re.compile("%(?=[0-9A-Fa-f]{2})")
"""In a chat code, percent signs are decoded until none stands for an octet: some programs encode them twice."""


def name_key(name: str) -> str:
    """Return that by which names are compared: two with the same key are the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def means_ourselves(name: str) -> bool:
    """Return whether a name means the conversation with ourselves, or looks as if it did; nobody else can have it.

    What is written there is for nobody's eyes. Marks count in a name as short as `me`: there are people called Mẹ.
    """
    seen = _cleaned(name)
    looks = "".join(each for each in folded(seen).translate(_SEEN_ALIKE) if each.isalnum())
    return looks == _TITLE or (looks == MYSELF and len(unicodedata.normalize("NFKD", seen)) == len(MYSELF))


def search_key(typed: str) -> str:
    """Return the key of the name that a person means who typed this: what cannot be seen in it does not count."""
    return name_key(_cleaned(typed))


def clean_name(name: str) -> str:
    """Return a stranger's name harmless: without what a name may not hold, in NFC, cut to length.

    Empty where nothing is left, where it is spelt like a key, or where it means the conversation with ourselves.
    """
    cut = cleaned = _cleaned(name)[:MAX_NAME_LENGTH]
    while (cleaned := _cleaned(cut)) != cut:
        cut = cleaned
    return "" if is_spelt_like_a_key(cleaned) or means_ourselves(cleaned) else cleaned


def check_name(name: str) -> str:
    """Return a name that the user chose as it is kept: in NFC, with single spaces.

    Raise BadInput where it is empty, too long, spelt like a key, or holds what a name may not hold.
    """
    kept = " ".join(re.sub(r"[^\S\t\r\n\v\f\x1c-\x1f\x85\u2028\u2029]+", " ", _composed(name).strip()).split(" "))
    if not kept:
        raise _bad("it is empty")
    if len(kept) > MAX_NAME_LENGTH:
        raise _bad(f"it has {len(kept)} characters; at most {MAX_NAME_LENGTH} fit")
    if (place := first_unfit(kept)) is not None:
        raise _bad(_unfit(kept[place]))
    if is_spelt_like_a_key(kept):
        raise _bad("it is spelt like an address or a chat code, and those mean only whose they are")
    if escape := _ESCAPE.search(kept):
        raise _bad(f"{kept[escape.start() : escape.end() + 2]!r} would be read as another character in a chat code")
    return kept


def made_up_name(peer: PeerId, length: int = MADE_UP_LENGTH) -> str:
    """Name somebody who has no name: by the beginning of their onion address."""
    return peer.onion[:length]


def _cleaned(name: str) -> str:
    before, text = "", " ".join(_composed(name).split())
    while text != before:
        before = text
        text = " ".join(_composed(_ESCAPE.sub("", printable(text))).split())
    return text


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _bad(problem: str) -> BadInput:
    return BadInput(what="The name", problem=problem)


def _unfit(character: str) -> str:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return f"a mark stands in it that belongs to no letter, or more than {MAX_MARKS} on one"
    name = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}{f' ({name})' if name else ''} cannot be seen, and must not stand where it does"


_SEEN_ALIKE: Final = str.maketrans("01i", "oll")
_TITLE: Final = "".join(NOTES_TO_SELF.lower().split())
