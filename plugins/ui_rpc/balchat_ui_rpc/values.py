"""Values as JSON and back, by their type: msgspec knows dataclasses, enums and octets; an event also carries `type`."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final

import msgspec

from balchat_host.api.errors import ProtocolViolation
from balchat_host.api.events import Event, event_types

_encoder: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of one type are written and read. `decode` raises msgspec.ValidationError for another type's."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes | msgspec.Raw], Any]


def codec_for(hint: Any) -> Codec:
    """Give the codec for a type. Raises TypeError for one that has no form in JSON."""
    if hint is Event:
        return Codec(_encode_event, _decode_event)
    return Codec(_encoder.encode, msgspec.json.Decoder(hint).decode)


class _Tag(msgspec.Struct):
    type: str


def _encode_event(event: Event) -> bytes:
    own = {field.name: getattr(event, field.name) for field in fields(event)}
    return _encoder.encode({"type": event.type} | own)


def _decode_event(raw: bytes | msgspec.Raw) -> Event:
    name = _tag_decoder.decode(raw).type
    if name not in event_types:
        raise ProtocolViolation(problem="it sent an event of a type that this version does not know")
    return _event_decoder(name).decode(raw)


_tag_decoder: Final = msgspec.json.Decoder(_Tag)


@cache
def _event_decoder(name: str) -> msgspec.json.Decoder[Event]:
    return msgspec.json.Decoder(event_types[name])
