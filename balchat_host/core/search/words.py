"""Turns text into the terms that the search index holds, and a query into the terms that it asks for.

A term is a word without case, accents and widths: "e" finds "é", "STRASSE" finds "straße". Scripts that are written
without spaces, and Hangul, are indexed by each two neighbours, so that two characters are always found.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from balchat_host.api.errors import BadInput

RULES: Final = f"2/{unicodedata.unidata_version}"
"""Names the rules by which terms are made. An index made by other ones is made again."""
MAX_QUERY_LENGTH: Final = 256
MAX_QUERY_TERMS: Final = 32
MIN_PREFIX_LENGTH: Final = 3
"""Characters of the shortest beginning of a word that may be searched: with fewer, almost every message is a hit."""
_MAX_WORD_LENGTH: Final = 64
"""Of a longer word only as many characters are indexed: it is no word of a language."""

_MOST_GROWTH: Final = 4
"""How many times as long a text may get by folding."""
_FIRST_MARK: Final = "\u0300"

_WORD: Final = re.compile(r"[^\W_]+")
_UNSPACED: Final = re.compile(  # Thai, Lao, Myanmar, Khmer, kana, Han, and Hangul, where endings stick to words
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+)"
)
_QUERY_PART: Final = re.compile(r'"([^"]*)"?|([^\s"]+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What the index is asked for: every one of `terms`, and a term that begins with each of `prefixes`.

    A hit must also have each of `phrases` in its `folded` text: the index does not know the order of words.
    """

    terms: tuple[str, ...]
    prefixes: tuple[str, ...]
    phrases: tuple[str, ...]

    def fits_terms(self, present: set[str]) -> bool:
        """Return whether a text with these terms has all that are asked for."""
        return present.issuperset(self.terms) and all(
            any(term.startswith(prefix) for term in present) for prefix in self.prefixes
        )

    def fits(self, text: str) -> bool:
        """Return whether a text with the right terms also has the phrases."""
        return not self.phrases or all(phrase in folded(text) for phrase in self.phrases)


def terms(text: str) -> set[str]:
    """Return the terms of a text."""
    if text.isascii():
        return {word[:_MAX_WORD_LENGTH] for word in _runs(text)}
    return {term for run in _runs(text) for term in _terms_of(run)}


def folded(text: str) -> str:
    """Return the words of a text as they are compared, each between two spaces."""
    return f" {' '.join(_runs(text))} "


def parse(query: str) -> Query:
    """Return what a person asks for. Raise BadInput.

    All words must be in a message, in any order. Words in double quotes must follow one another. A word with `*` at its
    end may be the beginning of one.
    """
    if len(query) > MAX_QUERY_LENGTH:
        raise BadInput(what="The search", problem=f"it has more than {MAX_QUERY_LENGTH} characters")
    wanted: dict[str, None] = {}
    prefixes: dict[str, None] = {}
    phrases: dict[str, None] = {}
    for quoted, word in _QUERY_PART.findall(query):
        runs = list(_runs(quoted or word))
        if word.endswith("*") and runs and not _UNSPACED.match(runs[-1]):
            prefixes[_prefix(runs.pop())] = None
        for run in runs:
            if len(run) == 1 and _UNSPACED.match(run):
                prefixes[run] = None
            else:
                wanted.update(dict.fromkeys(_asked_of(run)))
        if len(runs) > 1:
            phrases[" ".join(runs)] = None
        phrases.update(dict.fromkeys(run for run in runs if len(run) > 2 and _UNSPACED.match(run)))  # noqa: PLR2004  # two are one term
    if not wanted and not prefixes:
        raise BadInput(what="The search", problem="it has no word; letters or digits are needed")
    if len(wanted) + len(prefixes) > MAX_QUERY_TERMS:
        raise BadInput(what="The search", problem="it has too many words")
    return Query(terms=tuple(wanted), prefixes=tuple(prefixes), phrases=tuple(phrases))


def _prefix(run: str) -> str:
    if len(run) < MIN_PREFIX_LENGTH:
        raise BadInput(what="The search", problem=f"before * it needs at least {MIN_PREFIX_LENGTH} letters")
    return run[:_MAX_WORD_LENGTH]


def _runs(text: str) -> Iterator[str]:
    """Yield the folded words of a text; a run of a script without spaces is one."""
    if text.isascii():
        yield from _WORD.findall(text.lower())
        return
    for word in _WORD.findall(_fold(text)):
        yield from filter(None, _UNSPACED.split(word))


def _fold(text: str) -> str:
    """Return a text without case, accents and widths (Unicode Standard, section 5.18.3 and annex 15)."""
    form = "NFKD"
    apart = unicodedata.normalize(form, text)
    if len(apart) > _MOST_GROWTH * len(text):  # nothing that people write: there is a character that becomes eighteen
        form = "NFD"
        apart = unicodedata.normalize(form, text)
    apart = unicodedata.normalize(form, apart.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in apart if not _is_mark(c)))


def _is_mark(character: str) -> bool:
    return character >= _FIRST_MARK and unicodedata.category(character)[0] == "M"


def _terms_of(run: str) -> Iterator[str]:
    if not _UNSPACED.match(run):
        yield run[:_MAX_WORD_LENGTH]
        return
    for at in range(len(run)):
        yield run[at : at + 2]  # the last one alone too, so that a single character is the beginning of some term


def _asked_of(run: str) -> Iterator[str]:
    if not _UNSPACED.match(run):
        yield run[:_MAX_WORD_LENGTH]
        return
    for at in range(len(run) - 1):
        yield run[at : at + 2]
