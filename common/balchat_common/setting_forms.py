"""What a setting's type takes: in words for people, and as a form that a front end can be drawn from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from msgspec import inspect

from balchat_common.words import either, one_line


class BadDeclaration(TypeError):
    """A class cannot declare settings: its author's fault, nobody's who sets something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a setting takes: a kind, and what bounds it.

    `kind` is boolean, integer, number, text, choice, list, table or other; `choices` are those of a choice. `least` and
    `most` bound a number, or a text's length in characters.
    """

    kind: str
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


def form_of(kind: Any) -> Form:
    """Return the form of a setting of this type. Raise BadDeclaration."""
    match inner_type(kind):
        case inspect.BoolType():
            return Form(kind="boolean")
        case inspect.IntType(ge=ge, le=le):
            return Form(kind="integer", least=ge, most=le)
        case inspect.FloatType(ge=ge, le=le):
            return Form(kind="number", least=ge, most=le)
        case inspect.StrType(min_length=least, max_length=most):
            return Form(kind="text", least=least, most=most)
        case inspect.EnumType(cls=cls):
            return Form(kind="choice", choices=tuple(str(word.value) for word in cls))
        case inspect.LiteralType(values=values):
            return Form(kind="choice", choices=tuple(str(word) for word in values))
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return Form(kind="list")
        case inspect.DictType() | inspect.DataclassType():
            return Form(kind="table")
        case _:
            return Form(kind="other")


def what_is(value: object) -> str:
    """Name the kind of a value that TOML can hold; a number shows itself."""
    match value:
        case bool() | int() | float():
            return str(value).lower()
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"


def describe(kind: Any) -> str:
    """Say in words what a setting of this type takes. Raise BadDeclaration."""
    try:
        return _describe(inspect.type_info(kind))
    except TypeError as error:
        raise BadDeclaration(f"the type of a setting cannot be read: {error}") from error


def inner_type(kind: Any) -> inspect.Type:
    """Return what a type is without what `Meta` says of it. Raise BadDeclaration."""
    try:
        found = inspect.type_info(kind)
    except TypeError as error:
        raise BadDeclaration(f"the type of a setting cannot be read: {error}") from error
    return found.type if isinstance(found, inspect.Metadata) else found


def json_schema(kind: inspect.Type) -> dict[str, Any]:
    """Return what `Meta` says in JSON Schema's words."""
    return cast("dict[str, Any]", kind.extra_json_schema or {}) if isinstance(kind, inspect.Metadata) else {}  # pyright: ignore[reportUnknownMemberType]  # msgspec gives no types


def _describe(kind: inspect.Type) -> str:  # noqa: C901, PLR0912  # one line for each type reads best as one table
    match kind:
        case inspect.Metadata():
            return json_schema(kind).get("description") or _describe(kind.type)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _bounds(kind.ge, kind.gt, kind.le, kind.lt)
        case inspect.FloatType():
            return "a number" + _bounds(kind.ge, kind.gt, kind.le, kind.lt)
        case inspect.StrType(pattern=str(pattern)):
            return f"a text that matches {pattern}"
        case inspect.StrType():
            return "a text" + _length(kind.min_length or 0, kind.max_length)
        case inspect.EnumType():
            return either([str(word.value) for word in kind.cls])
        case inspect.LiteralType():
            return either([str(word) for word in kind.values])
        case inspect.CustomType(cls=cls):
            return "a path" if cls is Path else f"a {cls.__name__}"
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return f"a list, each item {_describe(kind.item_type)}"
        case inspect.DictType():
            return f"a table, each value {_describe(kind.value_type)}"
        case inspect.DataclassType():
            return f"a table of {one_line([item.encode_name for item in kind.fields])}"
        case inspect.UnionType():
            return either([_describe(part) for part in kind.types if not isinstance(part, inspect.NoneType)])
        case _:
            return f"what fits {type(kind).__name__.removesuffix('Type')}"


def _bounds(ge: float | None, gt: float | None, le: float | None, lt: float | None) -> str:
    named = (("from", ge), ("above", gt), ("to" if ge is not None else "up to", le), ("below", lt))
    parts = [f"{word} {_number(bound)}" for word, bound in named if bound is not None]
    return " " + " and ".join(parts).replace(" and to ", " to ") if parts else ""


def _length(least: int, most: int | None) -> str:
    if most is None:
        return f" of {least} or more characters" if least else ""
    return f" of {least} to {most} characters" if least else f" of up to {most} characters"


def _number(bound: float) -> str:
    return str(int(bound) if float(bound).is_integer() else bound)
