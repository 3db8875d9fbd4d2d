"""Plugins' settings: from the configuration's table `[settings.NAME]` to the frozen dataclass that a plugin declares.

Every type that msgspec reads can be a setting's, and so can `Path`. A field with `repr=False` is a secret: its value is
shown nowhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast, get_type_hints

import msgspec
from msgspec import inspect

from balchat_host.api.descriptors import Descriptor
from balchat_host.api.errors import ConfigurationError
from balchat_host.api.types import one_line
from balchat_host.loader.levels import ConfigValue
from balchat_host.loader.registration import Broken, describe, required_settings
from balchat_host.loader.schema import SETTINGS
from balchat_host.loader.values import either, nearest, what_is


def make_settings(
    descriptor: Descriptor, given: Mapping[str, ConfigValue], file: Callable[[str], str] | None = None
) -> object:
    """Give the settings that a plugin gets. `given` are the values of its table, by key.

    `file` names the file in which a person can set a dotted key. Raises ConfigurationError; Broken where the settings
    class itself is at fault.
    """
    cls = cast(Any, descriptor.settings)
    declared = {item.name: item for item in fields(cls) if item.init}
    try:
        hints = get_type_hints(cls, include_extras=True)
    except Exception as error:  # a plugin's own annotations are looked up here
        raise Broken(f"the types of its settings cannot be read: {describe(error)}") from error
    values: dict[str, object] = {}
    for name, item in given.items():
        if name not in declared:
            near = nearest(name, declared)
            hint = f"; {SETTINGS}.{descriptor.name}.{near} is the nearest" if near else ""
            raise item.error(f"there is no such key{hint}", one_line(list(declared)))
        values[name] = _convert(item, hints[name], secret=not declared[name].repr)
    for name in required_settings(descriptor):
        if name not in values:
            key = f"{SETTINGS}.{descriptor.name}.{name}"
            problem = f"it is not set, and {descriptor.name} needs it; set {name} under [{SETTINGS}.{descriptor.name}]"
            where = "the configuration" if file is None else file(key)
            raise ConfigurationError(file=where, key=key, problem=problem, allowed=describe_type(hints[name]))
    try:
        return cls(**values)
    except ValueError as error:
        raise _refused(descriptor, given, str(error)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin's own code runs here
        raise Broken(f"its settings raised {describe(error)}") from error


def _convert(item: ConfigValue, hint: Any, *, secret: bool) -> object:
    try:
        return msgspec.convert(item.value, hint, dec_hook=_from_plain)
    except msgspec.ValidationError as error:
        _, _, where = str(error).partition(" - at `$")
        if where:
            problem = f"what is at {where.rstrip('`')} of it does not fit"
        else:
            problem = "it does not fit" if secret else f"it is {what_is(item.value)}"
        raise item.error(problem, describe_type(hint)) from None
    except TypeError as error:
        raise Broken(f"the type of its setting {item.key} cannot be read: {describe(error)}") from error


def _from_plain(kind: type[Any], value: object) -> object:
    if kind is Path and isinstance(value, str):
        try:
            return Path(value).expanduser()
        except RuntimeError:
            raise TypeError("nobody has that home directory") from None
    raise TypeError(f"no {kind.__name__} can be made of it")


def _refused(descriptor: Descriptor, given: Mapping[str, ConfigValue], text: str) -> ConfigurationError:
    """Turn `key: what is wrong; what is allowed` into the error to raise."""
    name, _, rest = text.partition(": ")
    problem, _, allowed = rest.partition("; ")
    key = f"{SETTINGS}.{descriptor.name}"
    if not allowed:
        name, problem, allowed = "", text, f"what {descriptor.name}'s documentation says"
    # A value that nobody gave can only be wrong together with the given ones.
    sources = [given[name].source] if name in given else sorted({item.source for item in given.values()})
    return ConfigurationError(
        file=one_line(sources), key=f"{key}.{name}" if name else key, problem=problem, allowed=allowed
    )


def describe_type(hint: Any) -> str:
    """Say in words what a setting of this type takes."""
    return _describe(inspect.type_info(hint))


def _describe(kind: inspect.Type) -> str:  # noqa: C901  # one line for each type reads best as one table
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            return ("a whole number" if isinstance(kind, inspect.IntType) else "a number") + _bounds(kind)
        case inspect.StrType(pattern=str(pattern)):
            return f"a text that matches {pattern}"
        case inspect.StrType():
            return "a text"
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


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    parts = [
        f"{words} {bound}"
        for words, bound in (
            ("from", kind.ge),
            ("above", kind.gt),
            ("to" if kind.ge is not None else "up to", kind.le),
            ("below", kind.lt),
        )
        if bound is not None
    ]
    return " " + " and ".join(parts).replace(" and to ", " to ") if parts else ""
