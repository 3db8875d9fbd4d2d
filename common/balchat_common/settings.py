"""Settings: from plain values, as TOML has them, to the frozen dataclass that declares them.

Rules
-----
- A field's type says what it takes: any type that msgspec reads, and `Path`. `Annotated[int, Meta(ge=1, le=9)]` bounds
  it, `Meta(description="…")` says in words what is allowed.
- A field without a default is required.
- A field with `repr=False` is a secret: no message shows its value.
- `Meta(extra_json_schema={"uniqueItems": True})` refuses a list that holds something twice.
- `Doc("…")` in the same `Annotated` says what the setting is for.
- `Writable.AT_ONCE` or `Writable.AFTER_RESTART` in it allows front ends to change the setting. A front end may be a
  page in a browser that somebody has taken over, so never mark what starts or loads something, names a file or a
  program, or bounds what others can make grow.
- What only several values can say together, `__post_init__` checks: it raises
  `ValueError("key: what is wrong; what is allowed")`.

Whatever is wrong is an `Unfit`, which names key, problem and what is allowed. The caller knows where it was set.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, Field, dataclass, fields
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec
from msgspec import inspect

from balchat_common.setting_forms import BadDeclaration, Form, describe, form_of, inner_type, json_schema, what_is
from balchat_common.words import nearest, one_line

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


class Writable(StrEnum):
    """Marks a setting that front ends may change, and says when a change holds."""

    AT_ONCE = "at-once"
    AFTER_RESTART = "after-restart"


@dataclass(frozen=True, slots=True)
class Doc:
    """What a setting is for, in one or two sentences."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key, as a class declares it. `default` is None where it is `required`."""

    name: str
    kind: Any
    required: bool
    secret: bool
    default: Any = None
    doc: str = ""
    writable: Writable | None = None

    @property
    def allowed(self) -> str:
        """What it takes, in words. Raise BadDeclaration."""
        return describe(self.kind)

    @property
    def form(self) -> Form:
        """What it takes, for a front end to draw. Raise BadDeclaration."""
        return form_of(self.kind)

    def read(self, value: object) -> Any:
        """Return a value as the program uses it. Raise Unfit, BadDeclaration."""
        try:
            made = msgspec.convert(value, self.kind, dec_hook=_from_plain)
        except msgspec.ValidationError as error:
            raise Unfit(self.name, self._problem(value, str(error)), self.allowed) from None
        except UnicodeEncodeError:  # what a program was given as an argument may be no text
            raise Unfit(self.name, "it contains something that is not text", self.allowed) from None
        except TypeError as error:
            raise BadDeclaration(f"the type of its setting {self.name} cannot be read: {error}") from error
        if json_schema(inspect.type_info(self.kind)).get("uniqueItems") and len(set(made)) < len(made):
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
            match inner_type(self.kind):
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
    return {each.name: _declared(each, hints[each.name]) for each in fields(cls) if each.init}


def _declared(field: Field[Any], kind: Any) -> Setting:
    default = field.default
    if default is MISSING and field.default_factory is not MISSING:
        default = field.default_factory()
    said = getattr(kind, "__metadata__", ())
    return Setting(
        name=field.name,
        kind=kind,
        required=default is MISSING,
        secret=not field.repr,
        default=None if default is MISSING else default,
        doc=next((each.text for each in said if isinstance(each, Doc)), ""),
        writable=next((each for each in said if isinstance(each, Writable)), None),
    )


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


def updated(settings: T, values: Mapping[str, object], *, table: str) -> T:
    """Return settings with other values, by whole keys. What is not of this table, or does not fit, changes nothing.

    It is for programs apart from the account, which may be of another version than they are.
    """
    declared, prefix = settings_of(type(settings)), f"{table}."
    made: dict[str, Any] = {}
    for key, value in values.items():
        setting = declared.get(key.removeprefix(prefix)) if key.startswith(prefix) else None
        if setting is not None:
            with suppress(Unfit):
                made[setting.name] = setting.read(value)
    try:
        return _make(type(settings), {name: getattr(settings, name) for name in declared} | made)
    except Unfit:
        return settings


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


def _from_plain(kind: type[Any], value: object) -> object:
    if kind is Path and isinstance(value, str):
        try:
            return Path(value).expanduser()
        except RuntimeError:
            raise TypeError("nobody has that home directory") from None
    raise TypeError(f"no {kind.__name__} can be made of it")
