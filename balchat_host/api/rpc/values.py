"""Values as JSON and back, by their type: msgspec knows dataclasses, enums and octets. Events also carry `type`.

Fields that this version does not know are left out, so that a newer account can tell more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache, partial
from typing import Any, Final, get_origin

import msgspec

from balchat_host.api.ephemeral import Ephemeral, ephemeral_types
from balchat_host.api.events import Event, event_types

TAGGED: Final[Mapping[Any, Mapping[str, type]]] = {Event: event_types, Ephemeral: ephemeral_types}
"""The types of which there are several kinds: each value carries its kind in `type`."""

_encoder: Final = msgspec.json.Encoder()
_sorting_encoder: Final = msgspec.json.Encoder(order="deterministic")


class UnknownKind(Exception):  # it is no error: whoever reads goes on with the next value
    """A value of a kind that this version does not know, from a newer account."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of one type are written and read.

    `decode` raises msgspec.ValidationError for another type's value, and UnknownKind.
    """

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes | msgspec.Raw], Any]


def codec_for(hint: Any) -> Codec:
    """Return the codec for a type. Raise TypeError for one that has no form in JSON."""
    if hint in TAGGED:
        return Codec(_encode_tagged, partial(_decode_tagged, TAGGED[hint]))
    encoder = _sorting_encoder if get_origin(hint) is frozenset else _encoder
    return Codec(encoder.encode, msgspec.json.Decoder(hint).decode)


class _Tag(msgspec.Struct):
    type: str


def _encode_tagged(value: Event | Ephemeral) -> bytes:
    own = {field.name: getattr(value, field.name) for field in fields(value)}
    return _encoder.encode({"type": value.type} | own)


def _decode_tagged(kinds: Mapping[str, type], raw: bytes | msgspec.Raw) -> Any:
    name = _tag_decoder.decode(raw).type
    if name not in kinds:
        raise UnknownKind
    return _decoder_of(kinds[name]).decode(raw)


_tag_decoder: Final = msgspec.json.Decoder(_Tag)


@cache
def _decoder_of(kind: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
