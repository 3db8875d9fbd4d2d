"""What people type to find something by its name: case, accents and the order of words do not matter."""

from collections.abc import Sequence
from unicodedata import combining, normalize


def wanted_words(typed: str) -> Sequence[str]:
    """Return the words that were typed, for `has_words`."""
    return _folded(typed).split()


def has_words(name: str, words: Sequence[str]) -> bool:
    """Return whether a name has all these words, or has them in longer ones."""
    folded = _folded(name)
    return all(word in folded for word in words)


def _folded(text: str) -> str:
    return "".join(each for each in normalize("NFKD", text.casefold()) if not combining(each))
