"""The parts of a content message, each in one of four forms (draft-ietf-mimi-content-08, Message Bodies).

`decode` reads what CBOR has already made lists of. How much there can be of it, the reader of the whole message has
seen before (`mimi.MAX_ITEMS`, `mimi.MAX_DEPTH`).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, cast

from balchat_host.api.errors import MalformedContent

MAX_PARTS: Final = 1024
"""How many parts a message may have, those that hold others included (the draft's General handling)."""
MAX_PART_DEPTH: Final = 4
"""How deep parts may nest, the outermost included (the draft's Depth restrictions)."""

_NULL, _SINGLE, _EXTERNAL, _MULTI = range(4)
_MAX_CONTENT_TYPE: Final = 255
_MAX_DISPOSITION: Final = 255


class Disposition(IntEnum):
    """What a part is for. Others are kept as numbers, and treated like RENDER."""

    UNSPECIFIED = 0
    RENDER = 1
    REACTION = 2
    PROFILE = 3
    INLINE = 4
    ICON = 5
    ATTACHMENT = 6
    SESSION = 7
    PREVIEW = 8


class Semantics(IntEnum):
    """How the parts of a part belong together."""

    CHOOSE_ONE = 0
    """The reader picks one."""
    SINGLE_UNIT = 1
    """All of them, or none."""
    PROCESS_ALL = 2
    """As many of them as the reader understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NullPart:
    """No body: what a message that deletes another one has."""

    disposition: int = Disposition.RENDER
    language: str = ""

    def item(self) -> list[object]:
        """Return what CBOR is made of."""
        return [int(self.disposition), self.language, _NULL]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinglePart:
    """Octets of one media type."""

    content_type: str
    content: bytes
    disposition: int = Disposition.RENDER
    language: str = ""

    def item(self) -> list[object]:
        """Return what CBOR is made of."""
        return [int(self.disposition), self.language, _SINGLE, self.content_type, self.content]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalPart:
    """A reference to something that lies elsewhere. `expires` is in Unix seconds, `size` in octets."""

    content_type: str
    url: str
    expires: int
    size: int
    encryption: int
    key: bytes
    nonce: bytes
    additional_data: bytes
    hash_algorithm: int
    content_hash: bytes
    description: str
    filename: str
    disposition: int = Disposition.RENDER
    language: str = ""

    def item(self) -> list[object]:
        """Return what CBOR is made of."""
        return [
            int(self.disposition),
            self.language,
            _EXTERNAL,
            self.content_type,
            self.url,
            self.expires,
            self.size,
            self.encryption,
            self.key,
            self.nonce,
            self.additional_data,
            self.hash_algorithm,
            self.content_hash,
            self.description,
            self.filename,
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiPart:
    """Two parts or more, and how they belong together."""

    semantics: Semantics
    parts: "tuple[NestedPart, ...]"
    disposition: int = Disposition.RENDER
    language: str = ""

    def item(self) -> list[object]:
        """Return what CBOR is made of."""
        parts = [part.item() for part in self.parts]
        return [int(self.disposition), self.language, _MULTI, int(self.semantics), parts]


NestedPart = NullPart | SinglePart | ExternalPart | MultiPart


def decode(item: Any) -> NestedPart:
    """Return the part that an item says. Raise MalformedContent."""
    return _Reader().read(item, depth=1)


class _Reader:
    """Reads one message's parts, and counts them."""

    def __init__(self) -> None:
        self._count = 0

    def read(self, item: Any, *, depth: int) -> NestedPart:
        self._count += 1
        if self._count > MAX_PARTS:
            raise MalformedContent(problem=f"it has more than {MAX_PARTS} parts")
        if depth > MAX_PART_DEPTH:
            raise MalformedContent(problem=f"its parts nest deeper than {MAX_PART_DEPTH}")
        match item:
            case [int(disposition), str(language), *rest] if _fits(disposition, _MAX_DISPOSITION):
                return self._form(disposition, language, rest, depth)
            case _:
                raise MalformedContent(problem="a part has the wrong shape")

    def _form(self, disposition: int, language: str, rest: list[Any], depth: int) -> NestedPart:
        match rest:
            case [int(form)] if _is(form, _NULL):
                return NullPart(disposition=disposition, language=language)
            case [int(form), str(content_type), bytes(content)] if (
                _is(form, _SINGLE) and 0 < len(content_type) <= _MAX_CONTENT_TYPE
            ):
                return SinglePart(
                    content_type=content_type, content=content, disposition=disposition, language=language
                )
            case [int(form), *fields] if _is(form, _EXTERNAL):
                return _external(fields, disposition, language)
            case [int(form), int(semantics), items] if (
                _is(form, _MULTI) and _fits(semantics, 2) and isinstance(items, list)
            ):
                return self._multi(Semantics(semantics), cast("list[Any]", items), disposition, language, depth)
            case _:
                raise MalformedContent(problem="a part has the wrong shape")

    def _multi(self, semantics: Semantics, items: list[Any], disposition: int, language: str, depth: int) -> MultiPart:
        if len(items) < 2:  # noqa: PLR2004  # as the draft has it
            raise MalformedContent(problem="a part of several has fewer than two")
        parts = tuple(self.read(each, depth=depth + 1) for each in items)
        return MultiPart(semantics=semantics, parts=parts, disposition=disposition, language=language)


def _external(fields: list[Any], disposition: int, language: str) -> ExternalPart:
    match fields:
        case [
            str(content_type),
            str(url),
            int(expires),
            int(size),
            int(encryption),
            bytes(key),
            bytes(nonce),
            bytes(additional_data),
            int(hash_algorithm),
            bytes(content_hash),
            str(description),
            str(filename),
        ] if (
            len(content_type) <= _MAX_CONTENT_TYPE
            and _fits(expires, 2**32 - 1)
            and _fits(size, 2**64 - 1)
            and _fits(encryption, 2**16 - 1)
            and _fits(hash_algorithm, 2**8 - 1)
        ):
            return ExternalPart(
                content_type=content_type,
                url=url,
                expires=expires,
                size=size,
                encryption=encryption,
                key=key,
                nonce=nonce,
                additional_data=additional_data,
                hash_algorithm=hash_algorithm,
                content_hash=content_hash,
                description=description,
                filename=filename,
                disposition=disposition,
                language=language,
            )
        case _:
            raise MalformedContent(problem="an external part has the wrong shape")


def _is(number: int, wanted: int) -> bool:
    return not isinstance(number, bool) and number == wanted


def _fits(number: int, largest: int) -> bool:
    return not isinstance(number, bool) and 0 <= number <= largest
