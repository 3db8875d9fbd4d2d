"""Values as JSON and back, by their type: msgspec knows dataclasses, enums and octets; an event also carries `type`.

Fields that this version does not know are left out, so that a newer account can tell more.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final, get_origin

import msgspec

from balchat_host.api.events import Event, event_types

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
    if hint is Event:
        return Codec(_encode_event, _decode_event)
    encoder = _sorting_encoder if get_origin(hint) is frozenset else _encoder
    return Codec(encoder.encode, msgspec.json.Decoder(hint).decode)


class _Tag(msgspec.Struct):
    type: str


def _encode_event(event: Event) -> bytes:
    own = {field.name: getattr(event, field.name) for field in fields(event)}
    return _encoder.encode({"type": event.type} | own)


def _decode_event(raw: bytes | msgspec.Raw) -> Event:
    name = _tag_decoder.decode(raw).type
    if name not in event_types:
        raise UnknownKind
    return _event_decoder(name).decode(raw)


_tag_decoder: Final = msgspec.json.Decoder(_Tag)


@cache
def _event_decoder(name: str) -> msgspec.json.Decoder[Event]:
    return msgspec.json.Decoder(event_types[name])
