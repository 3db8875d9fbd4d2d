"""Encodes frozen dataclasses as CBOR arrays, and decodes them.

A message is a dataclass whose fields carry their codec as metadata. On the wire it is the array of its fields, in
order. A field's codec checks type, size and range when it decodes, so a message that exists is valid.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields
from functools import cache
from typing import Any, ClassVar, Final, NamedTuple, Self, TypeVar, cast

from balchat_common import cbor

from balchat_relay_proto.sizes import CAPABILITY_SIZE, DIGEST_SIZE

_KEY: Final = "codec"

T = TypeVar("T", bound="Message")


class Malformed(ValueError):
    """These octets do not have the form that docs/spec/relay.md requires."""


class Codec(NamedTuple):
    """How to encode one value as a CBOR item, and to decode it (`decode` raises Malformed)."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    max_items: int = 1
    """CBOR items in the largest value, itself included."""
    max_depth: int = 0
    """How deep arrays nest."""

    @property
    def field(self) -> Mapping[str, "Codec"]:
        """Metadata for `dataclasses.field`."""
        return {_KEY: self}

    def to_octets(self, value: Any) -> bytes:
        """Encode."""
        return cbor.encode(self.encode(value))

    def to_pieces(self, value: Any) -> list[bytes]:
        """Encode, without copying large byte strings."""
        return cbor.encode_pieces(self.encode(value))

    def from_octets(self, octets: bytes) -> Any:
        """Decode octets that hold exactly this value. Raise Malformed."""
        try:
            item = cbor.decode(octets, max_items=self.max_items, max_depth=self.max_depth)
        except ValueError as error:
            raise Malformed(str(error)) from error
        return self.decode(item)


class Message:
    """The base of every message. `repr` hides the fields, since all of them are secrets of somebody."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def items(self) -> list[Any]:
        """Return the CBOR items of the fields."""
        return [codec.encode(getattr(self, name)) for name, codec in _fields(type(self))]

    @classmethod
    def from_items(cls, items: object) -> Self:
        """Decode what `items` returned. Raise Malformed."""
        codecs = _fields(cls)
        values = _array(items)
        if len(values) != len(codecs):
            raise Malformed(f"{cls.__name__} has {len(codecs)} fields, not {len(values)}")
        return cls(**{name: codec.decode(value) for (name, codec), value in zip(codecs, values, strict=True)})

    def to_octets(self) -> bytes:
        """Encode."""
        return nested(type(self)).to_octets(self)

    def to_pieces(self) -> list[bytes]:
        """Encode, without copying large byte strings."""
        return nested(type(self)).to_pieces(self)

    @classmethod
    def from_octets(cls, octets: bytes) -> Self:
        """Decode. Raise Malformed."""
        return nested(cls).from_octets(octets)


@cache
def _fields(cls: type[Message]) -> tuple[tuple[str, Codec], ...]:
    return tuple((each.name, each.metadata[_KEY]) for each in fields(cls))


def _array(item: object) -> list[Any]:
    if not isinstance(item, list):
        raise Malformed("an array is needed")
    return cast("list[Any]", item)


def _same(value: Any) -> Any:
    return value


# -- field codecs --


def octets(*sizes: int) -> Codec:
    """Octets of one of these sizes."""

    def decode(item: object) -> bytes:
        if not isinstance(item, bytes) or len(item) not in sizes:
            raise Malformed(f"octets of size {' or '.join(map(str, sizes))} are needed")
        return item

    return Codec(_same, decode)


def octets_up_to(limit: int) -> Codec:
    """At most `limit` octets."""

    def decode(item: object) -> bytes:
        if not isinstance(item, bytes) or len(item) > limit:
            raise Malformed(f"at most {limit} octets are needed")
        return item

    return Codec(_same, decode)


def uint(limit: int) -> Codec:
    """A number from 0 to `limit`."""

    def decode(item: object) -> int:
        if not isinstance(item, int) or isinstance(item, bool) or not 0 <= item <= limit:
            raise Malformed(f"a number from 0 to {limit} is needed")
        return item

    return Codec(_same, decode)


def flag() -> Codec:
    """True or false."""

    def decode(item: object) -> bool:
        if not isinstance(item, bool):
            raise Malformed("true or false is needed")
        return item

    return Codec(_same, decode)


def text(limit: int) -> Codec:
    """Printable text of at most `limit` characters."""

    def decode(item: object) -> str:
        if not isinstance(item, str) or len(item) > limit or not item.isprintable():
            raise Malformed(f"printable text of at most {limit} characters is needed")
        return item

    return Codec(_same, decode)


def optional(inner: Codec) -> Codec:
    """What `inner` accepts, or null."""

    def encode(value: Any) -> Any:
        return None if value is None else inner.encode(value)

    def decode(item: Any) -> Any:
        return None if item is None else inner.decode(item)

    return Codec(encode, decode, inner.max_items, inner.max_depth)


def several(inner: Codec, limit: int, *, least: int = 0) -> Codec:
    """A tuple of `least` to `limit` of what `inner` accepts."""

    def encode(values: Sequence[Any]) -> list[Any]:
        return [inner.encode(value) for value in values]

    def decode(item: object) -> tuple[Any, ...]:
        values = _array(item)
        if not least <= len(values) <= limit:
            raise Malformed(f"{least} to {limit} items are needed, not {len(values)}")
        return tuple(inner.decode(value) for value in values)

    return Codec(encode, decode, 1 + limit * inner.max_items, 1 + inner.max_depth)


@cache
def nested(cls: type[Message]) -> Codec:
    """A message, alone or in another one."""
    codecs = [codec for _, codec in _fields(cls)]

    def encode(value: Message) -> list[Any]:
        return value.items()

    max_items = 1 + sum(codec.max_items for codec in codecs)
    return Codec(encode, cls.from_items, max_items, 1 + max((codec.max_depth for codec in codecs), default=0))


def one_of(classes: Mapping[int, type[Message]]) -> Codec:
    """One of several messages. Its number comes first."""
    numbers = {cls: number for number, cls in classes.items()}

    def encode(value: Message) -> list[Any]:
        return [numbers[type(value)], *value.items()]

    def decode(item: object) -> Message:
        values = _array(item)
        number: object = values[0] if values else None
        cls = classes.get(number) if isinstance(number, int) and not isinstance(number, bool) else None
        if cls is None:
            raise Malformed("no known kind stands in front")
        return cls.from_items(values[1:])

    codecs = [nested(cls) for cls in classes.values()]
    return Codec(encode, decode, 1 + max(codec.max_items for codec in codecs), max(codec.max_depth for codec in codecs))


DIGEST: Final = octets(DIGEST_SIZE).field
SECRET: Final = octets(CAPABILITY_SIZE)
