"""Settings: from plain values, as TOML has them, to the frozen dataclass that declares them.

Rules
-----
- A field's type says what it takes: any type that msgspec reads, and `Path`. `Annotated[int, Meta(ge=1, le=9)]` bounds
  it, `Meta(description="…")` says in words what is allowed.
- A field without a default is required.
- A field with `repr=False` is a secret: no message shows its value.
- `Meta(extra_json_schema={"uniqueItems": True})` refuses a list that holds something twice.
- What only several values can say together, `__post_init__` checks: it raises
  `ValueError("key: what is wrong; what is allowed")`.

Whatever is wrong is an `Unfit`, which names key, problem and what is allowed. The caller knows where it was set.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

import msgspec
from msgspec import inspect

from balchat_common.words import either, nearest, one_line

T = TypeVar("T")


class Unfit(ValueError):
    """A setting cannot be used. `key` is its name within its table, empty where the whole table is meant."""

    def __init__(self, key: str, problem: str, allowed: str) -> None:
        super().__init__(key, problem, allowed)
        self.key = key
        self.problem = problem
        self.allowed = allowed

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}. Allowed: {self.allowed}."


class Missing(Unfit):
    """A setting is required, and nobody gave it."""


class BadDeclaration(TypeError):
    """A class cannot declare settings: its author's fault, nobody's who sets something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key, as a class declares it."""

    name: str
    kind: Any
    required: bool
    secret: bool

    @property
    def allowed(self) -> str:
        """What it takes, in words. Raise BadDeclaration."""
        return describe(self.kind)

    def read(self, value: object) -> Any:
        """Return a value as the program uses it. Raise Unfit, BadDeclaration."""
        try:
            made = msgspec.convert(value, self.kind, dec_hook=_from_plain)
        except msgspec.ValidationError as error:
            raise Unfit(self.name, self._problem(value, str(error)), self.allowed) from None
        except TypeError as error:
            raise BadDeclaration(f"the type of its setting {self.name} cannot be read: {error}") from error
        if _schema(inspect.type_info(self.kind)).get("uniqueItems") and len(set(made)) < len(made):
            raise Unfit(self.name, "it holds something twice", self.allowed)
        return made

    def _problem(self, value: object, told: str) -> str:
        """Say what is wrong with a value that msgspec `told` of, without what a secret is."""
        _, _, where = told.partition(" - at `$")
        if where:
            return f"what is at {where.rstrip('`')} of it does not fit"
        if self.secret:
            return "it does not fit"
        if isinstance(value, str):
            match _type(self.kind):
                case inspect.EnumType() | inspect.LiteralType():
                    return f'it is "{value}"'
                case inspect.StrType(max_length=int()) | inspect.StrType(min_length=int()):
                    return f"it has {len(value)} characters" if value else "it is empty"
                case _:
                    pass
        return f"it is {what_is(value)}"


@cache
def settings_of(cls: type[Any]) -> Mapping[str, Setting]:
    """Return the settings that a dataclass declares, by name. Raise BadDeclaration."""
    try:
        hints = get_type_hints(cls, include_extras=True)
    except Exception as error:  # a class of others' may have any annotation
        raise BadDeclaration(f"the types of its settings cannot be read: {type(error).__name__}: {error}") from error
    return {
        each.name: Setting(
            name=each.name,
            kind=hints[each.name],
            required=each.default is MISSING and each.default_factory is MISSING,
            secret=not each.repr,
        )
        for each in fields(cls)
        if each.init
    }


def read(cls: type[T], values: Mapping[str, object], *, table: str = "") -> T:
    """Return the settings of one table. Raise Unfit, BadDeclaration, and what the class itself raises.

    `table` is how a person calls it, with the dots and names before: `settings.ui_rpc`.
    """
    known = settings_of(cls)
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            near = nearest(name, known)
            hint = f"; {table and table + '.'}{near} is the nearest" if near else ""
            raise Unfit(name, f"there is no such key{hint}", one_line(list(known)))
        made[name] = known[name].read(value)
    for name, setting in known.items():
        if setting.required and name not in made:
            raise Missing(name, "it is not set", setting.allowed)
    return _make(cls, made)


def _make(cls: type[T], values: Mapping[str, Any]) -> T:
    """Return the settings of values that were read one by one. Raise Unfit, and what the class itself raises."""
    try:
        return cls(**values)
    except ValueError as error:
        key, _, rest = str(error).partition(": ")
        problem, _, allowed = rest.partition("; ")
        if not allowed:
            raise Unfit("", str(error), "what the documentation says") from error
        raise Unfit(key, problem, allowed) from error


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


def _from_plain(kind: type[Any], value: object) -> object:
    if kind is Path and isinstance(value, str):
        try:
            return Path(value).expanduser()
        except RuntimeError:
            raise TypeError("nobody has that home directory") from None
    raise TypeError(f"no {kind.__name__} can be made of it")


def _type(kind: Any) -> inspect.Type:
    found = inspect.type_info(kind)
    return found.type if isinstance(found, inspect.Metadata) else found


def _schema(kind: inspect.Type) -> dict[str, Any]:
    """Return what `Meta` says in JSON Schema's words."""
    return cast("dict[str, Any]", kind.extra_json_schema or {}) if isinstance(kind, inspect.Metadata) else {}  # pyright: ignore[reportUnknownMemberType]  # msgspec gives no types


def _describe(kind: inspect.Type) -> str:  # noqa: C901, PLR0912  # one line for each type reads best as one table
    match kind:
        case inspect.Metadata():
            return _schema(kind).get("description") or _describe(kind.type)
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
