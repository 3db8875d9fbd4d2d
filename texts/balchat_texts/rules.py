"""What differs between languages besides the words: plurals, and how numbers are written (Unicode CLDR)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a language forms plurals and writes numbers.

    `categories` are those that `plural` can give for a whole number of at least 0. Numbers of `grouped_from` or more
    are written in groups of three digits.
    """

    categories: tuple[str, ...]
    plural: Callable[[int], str]
    decimal: str
    group: str
    grouped_from: int


def _english(count: int) -> str:
    return "one" if count == 1 else "other"


def _spanish(count: int) -> str:
    if count == 1:
        return "one"
    return "many" if count and count % _MILLION == 0 else "other"


RULES: Final[Mapping[str, Rules]] = {
    "en": Rules(categories=("one", "other"), plural=_english, decimal=".", group=",", grouped_from=1000),
    "es": Rules(categories=("one", "many", "other"), plural=_spanish, decimal=",", group=".", grouped_from=10_000),
}
"""Those of each language that there are texts in."""
