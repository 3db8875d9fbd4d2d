"""One value in the text of a TOML file changed, and nothing else: comments, order and spelling stay.

TOML has several spellings for one table (a header, dotted keys, inline), and what each of them allows beside the others
is easy to get wrong. So each way to write the change is tried in turn, what comes out is read again, and the first that
says exactly what was wanted is used.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any, Final, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


class Uneditable(Exception):
    """A text cannot be changed by a program, or is not TOML. The message says why, beginning with "it"."""


def with_value(text: str, path: Sequence[str], value: object) -> str:
    """Return a text in which the key `path`, of bare names, has a value. Raise Uneditable."""
    assert all(map(_BARE.fullmatch, path))

    def change(document: dict[str, Any]) -> None:
        table = document
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = value

    *tables, key = path
    line = f"{key} = {tomlkit.item(value).as_string()}\n"
    return _changed(
        text,
        change,
        lambda: _edited(text, lambda document: _set(document, path, value)),
        # A new table stands at the end, or before all tables where it belongs to dotted keys.
        lambda: f"{_ended(text)}[{'.'.join(tables)}]\n{line}",
        lambda: f"{'.'.join(tables)}.{line}{text}",
        lambda: _edited(text, lambda document: _set_inline(document, path, value)),
    )


def without_value(text: str, path: Sequence[str]) -> str:
    """Return a text that says nothing of the key `path`. Raise Uneditable.

    The tables that it was in stay, unless nothing but its own dotted key made them.
    """

    def change(document: dict[str, Any]) -> None:
        table = document
        for name in path[:-1]:
            found = table.get(name)
            if not isinstance(found, dict):
                return
            table = cast(dict[str, Any], found)
        table.pop(path[-1], None)

    return _changed(text, change, lambda: _edited(text, change))


def _changed(text: str, change: Callable[[dict[str, Any]], None], *ways: Callable[[], str]) -> str:
    """Return what the first of some ways makes that says the same as the document does after `change`."""
    document = _read(text)
    expected = deepcopy(document)
    try:
        change(expected)
    except (AttributeError, TypeError):
        raise Uneditable("it has something else where the table would be") from None
    if _typed(expected) == _typed(document):
        return text
    for changed in _tried(ways):
        if _says(changed, expected):
            return _with_ends_of(text, changed)
    raise Uneditable("it is written in a way that no program can change")


def _tried(ways: Sequence[Callable[[], str]]) -> Iterator[str]:
    for way in ways:
        try:
            yield way()
        except (TOMLKitError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
            continue


def _edited(text: str, edit: Callable[[Any], None]) -> str:
    document = tomlkit.parse(text)
    edit(document)
    return document.as_string()


def _set(document: Any, path: Sequence[str], value: object) -> None:
    for name in path[:-1]:
        document = document[name]
    document[path[-1]] = value


def _set_inline(document: Any, path: Sequence[str], value: object) -> None:
    table = document
    for name in path[:-1]:
        if name not in table:
            table[name] = tomlkit.inline_table()
        table = table[name]
    table[path[-1]] = value


def _ended(text: str) -> str:
    """Return a text that ends with an empty line, unless it has none at all."""
    return f"{text.rstrip()}\n\n" if text.strip() else ""


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Uneditable(f"it is not TOML ({error})") from None


def _says(text: str, expected: dict[str, Any]) -> bool:
    try:
        return _typed(_read(text)) == _typed(expected)
    except Uneditable:
        return False


def _typed(value: Any) -> object:
    """Return a value to compare: for Python, 1, 1.0 and true are the same, and nan is not what it is."""
    if isinstance(value, dict):
        typed = {name: _typed(inner) for name, inner in cast(dict[str, Any], value).items()}
        return {name: inner for name, inner in typed.items() if inner != {}}  # as if it were not there
    if isinstance(value, list):
        return [_typed(inner) for inner in cast(list[Any], value)]
    return type(value).__name__, str(value)


def _with_ends_of(text: str, changed: str) -> str:
    """Return a changed text with the ends of lines that it had before."""
    one_kind = "\r\n" in text and not re.search(r"(?<!\r)\n", text)
    return re.sub(r"(?<!\r)\n", "\r\n", changed) if one_kind else changed
