"""Words for messages to a person."""

from collections.abc import Iterable, Sequence


def one_line(words: Sequence[str]) -> str:
    """Join words: `a, b and c`; `nothing` for none."""
    return _joined(words, "and") or "nothing"


def either(words: Sequence[str]) -> str:
    """Join words of which one is to be chosen: `a, b or c`."""
    return _joined(words, "or")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was most likely meant, if one comes close."""
    import difflib  # noqa: PLC0415  # only a mistake waits for it

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)), None)


def _joined(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
