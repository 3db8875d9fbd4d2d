"""The kinds of value that the host's own keys take: each reads one, or says what is wrong and what is allowed.

Plugins' settings have types of any kind and are read by `settings`, with msgspec. The few kinds here are read by hand,
so that a command that needs no plugin's settings does not wait for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, Generic, TypeVar, cast

from balchat_host.api.types import one_line

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_NAMES: Final[Sequence[tuple[type, str]]] = ((str, "a text"), (list, "a list"), (dict, "a table"))


class Unfit(ValueError):
    """A value does not fit its key; the argument says why."""


def what_is(value: object) -> str:
    """Name the kind of a value that TOML can hold; a number shows itself."""
    if isinstance(value, int | float):
        return str(value).lower()
    return next((name for kind, name in _NAMES if isinstance(value, kind)), "a date or time")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Give the known word that was most likely meant, if one comes close."""
    import difflib  # noqa: PLC0415  # only a mistake waits for it

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)), None)


def either(words: Sequence[str]) -> str:
    """Join words for a message to a person: `a, b or c`."""
    return one_line(words).replace(" and ", " or ")


class Kind(ABC, Generic[T]):
    """A kind of value. `allowed` says in words what it takes."""

    allowed: str

    @abstractmethod
    def read(self, value: object) -> T:
        """Give the value as the host uses it. Raises Unfit."""


class Flag(Kind[bool]):
    """True or false."""

    allowed = "true or false"

    def read(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise Unfit(f"it is {what_is(value)}")
        return value


class Whole(Kind[int]):
    """A whole number between two others, both included."""

    def __init__(self, least: int, most: int) -> None:
        self._range = range(least, most + 1)
        self.allowed = f"a whole number from {least} to {most}"

    def read(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value not in self._range:
            raise Unfit(f"it is {what_is(value)}")
        return value


class OneOf(Kind[E]):
    """One word of an enumeration."""

    def __init__(self, words: type[E]) -> None:
        self._words = words
        self.allowed = either([str(word) for word in words])

    def read(self, value: object) -> E:
        if not isinstance(value, str):
            raise Unfit(f"it is {what_is(value)}")
        try:
            return self._words(value)
        except ValueError:
            raise Unfit(f'it is "{value}"') from None


class Name(Kind[str]):
    """The name of a plugin."""

    allowed = "the name of an enabled plugin"

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise Unfit(f"it is {what_is(value)}")
        if not value:
            raise Unfit("it is empty")
        return value


class Words(Kind[tuple[str, ...]]):
    """A list of texts, each once."""

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed

    def read(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise Unfit(f"it is {what_is(value)}")
        words: list[str] = []
        for word in cast(list[object], value):
            if not isinstance(word, str):
                raise Unfit(f"it holds {what_is(word)}")
            if word in words:
                raise Unfit(f'it holds "{word}" twice')
            words.append(word)
        return tuple(words)
