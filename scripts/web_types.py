"""Write the types of the page's values, as the code has them: `plugins/ui_web/page_types/app.d.ts`.

The page's JavaScript is checked against them (`make lint`), so that it cannot use a method, a parameter or a field that
the App does not have. A test compares the file with what this writes; run it after changing the contract.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from balchat_host.api.ephemeral import Ephemeral, ephemeral_types
from balchat_host.api.events import Event, event_types
from balchat_host.api.rpc.description import METHODS, Method
from balchat_host.api.types import Secret
from scripts.rpc_reference import field_types, named_types

PAGE = Path(__file__).parent.parent / "plugins" / "ui_web" / "page_types" / "app.d.ts"
TAGGED = {Event: "Event", Ephemeral: "Ephemeral"}
SIMPLE = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    bytes: "never",
    object: "unknown",
    type(None): "null",
}


def type_words(hint: Any) -> str:
    """Return a type as TypeScript has it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return type_words(arguments[0])
    if origin in {Union, types.UnionType}:
        return " | ".join(dict.fromkeys(type_words(each) for each in arguments))
    if origin is Literal:
        return " | ".join(f'"{each}"' for each in arguments)
    if origin in {list, tuple, Sequence, frozenset}:
        inner = type_words(arguments[0])
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if origin is dict:
        return f"Record<string, {type_words(arguments[1])}>"
    if hint in TAGGED:
        return TAGGED[hint]
    return SIMPLE.get(hint) or hint.__name__


def reference() -> str:
    """Return the whole file."""
    hints = [method.result for method in METHODS.values()]
    hints += [
        hint for kind in (*event_types.values(), *ephemeral_types.values()) for hint in field_types(kind).values()
    ]
    kinds = [kind for kind in named_types([*hints, Secret]) if kind not in TAGGED and kind is not bytes]
    calls = [method for method in METHODS.values() if not method.streams]
    streams = [method for method in METHODS.values() if method.streams and not method.gives_octets]
    lines = [
        "// Written by scripts/web_types.py.",
        "",
        "declare namespace App {",
        *(line for kind in kinds for line in _type(kind)),
        *_union("Event", Event, event_types),
        *_union("Ephemeral", Ephemeral, ephemeral_types),
        "  interface Calls {",
        *map(_method, calls),
        "  }",
        "  interface Streams {",
        *map(_method, streams),
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _type(kind: type) -> Iterator[str]:
    if issubclass(kind, Enum):
        values = " | ".join(f'"{each.value}"' for each in kind)
        yield f"  type {kind.__name__} = {values};"
        return
    yield f"  interface {kind.__name__} {{"
    for name, hint in field_types(kind).items():
        # What is secret crosses as base64.
        yield f"    {name}: {'string' if kind is Secret else type_words(hint)};"
    yield "  }"


def _union(name: str, base: type, members: Mapping[str, type]) -> Iterator[str]:
    common = list(field_types(base))
    yield f"  type {name} ="
    for tag, kind in members.items():
        typed = {each: hint for each, hint in field_types(kind).items() if each not in common}
        typed = {each: field_types(base)[each] for each in common} | typed
        inner = "; ".join(f"{each}: {type_words(hint)}" for each, hint in typed.items())
        yield f'    | {{ type: "{tag}"; {inner} }}'
    yield "    ;"


def _method(method: Method) -> str:
    takes = "; ".join(
        f"{each.name}{'' if each.default is Parameter.empty else '?'}: {_parameter(method, each)}"
        for each in method.takes.values()
        if each.name != method.octets
    )
    return f'    "{method.name}": {{ takes: {{ {takes} }}; gives: {type_words(method.result)} }};'


def _parameter(method: Method, parameter: Parameter) -> str:
    return type_words(method.parameters.__annotations__[parameter.name])


if __name__ == "__main__":
    PAGE.write_text(reference())
