"""What is spoken, read off the contract: the methods of `App`, of its areas, and of the connection.

Both ends are made from `METHODS`: a server calls what it describes, a client's methods are generated from it.
A method that is added to an area is therefore on both sides at once, or fails here. An area's method is called
`area.method`, as in `App.capabilities`; those of the App and of the connection themselves have no dot.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from inspect import Parameter, iscoroutinefunction, signature
from types import MappingProxyType
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import msgspec

from balchat_host.api.frontend import App
from balchat_host.api.frontend.area import areas_of, method_names
from balchat_host.api.rpc.values import Codec, codec_for

PROTOCOL: Final = 1
"""The version of what is spoken. Raised when a program written for the old one would break."""

MAX_CREDIT: Final = 1_000_000

MAX_ID_LENGTH: Final = 128
"""Characters of the longest id of a request."""

RequestId = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)] | Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)]
Credit = Annotated[int, msgspec.Meta(ge=1, le=MAX_CREDIT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What runs: the versions of this protocol, of the host's contracts, and of balchat-host."""

    protocol: int
    api: int
    version: str


class Connection(ABC):
    """What a connection itself can be asked."""

    @abstractmethod
    async def hello(self) -> Hello:
        """Return the versions of what runs."""

    @abstractmethod
    async def credit(self, stream: RequestId, values: Credit) -> None:
        """Let a stream that was opened with `credit` send so many values more."""

    @abstractmethod
    async def cancel(self, stream: RequestId) -> None:
        """End a stream. Its own call is then answered with null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method: what it takes, what it gives, and whether it gives one value or many (`streams`).

    `octets` is the parameter that is octets, None where there is none, and `gives_octets` is whether its values are:
    those do not stand in the JSON but behind its line.
    `name` is its name on the wire. `owner` is the class that it belongs to, where it is called `attribute`; `area` is
    the name under which an App has that class, None where it is the App or the connection. `parameters` is a
    msgspec.Struct, which `decoder` reads; a stream's has `credit` besides.
    """

    name: str
    area: str | None
    owner: type
    attribute: str
    takes: Mapping[str, Parameter]
    parameters: type[msgspec.Struct]
    decoder: msgspec.json.Decoder[msgspec.Struct]
    result: Any
    codec: Codec
    streams: bool
    octets: str | None
    gives_octets: bool

    def of(self, target: Any, parameters: msgspec.Struct, octets: bytes = b"") -> Any:
        """Call the method on an App or a connection: return the coroutine, or the stream."""
        owner = target if self.area is None else getattr(target, self.area)
        named = {name: octets if name == self.octets else getattr(parameters, name) for name in self.takes}
        return getattr(owner, self.attribute)(**named)


def describe(owner: type, area: str | None = None) -> dict[str, Method]:
    """Describe each abstract method of a class by its name on the wire. Raise TypeError for one that cannot cross."""
    methods = (_describe(owner, name, area) for name in method_names(owner))
    return {method.name: method for method in methods}


def _describe(owner: type, name: str, area: str | None) -> Method:
    function = vars(owner)[name]
    hints = get_type_hints(function, include_extras=True)
    result = hints["return"]
    streams = get_origin(result) is AsyncIterator
    if streams:
        (result,) = get_args(result)
    elif not iscoroutinefunction(function):
        raise TypeError(f"{owner.__name__}.{name} is neither a coroutine function nor gives an AsyncIterator")
    _, *taken = signature(function).parameters.values()
    octets = [each.name for each in taken if hints[each.name] is bytes]
    if len(octets) > 1 or (result is bytes and not streams):
        raise TypeError(f"{owner.__name__}.{name} takes octets more than once, or gives them other than as a stream")
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        (each.name, hints[each.name])
        if each.default is Parameter.empty
        else (each.name, hints[each.name], each.default)
        for each in taken
        if each.name not in octets
    ]
    if streams:
        fields.append(("credit", Credit | None, None))
    parameters = msgspec.defstruct(
        f"{name}_parameters", fields, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True
    )
    return Method(
        name=name if area is None else f"{area}.{name}",
        area=area,
        owner=owner,
        attribute=name,
        takes=MappingProxyType({each.name: each for each in taken}),
        parameters=parameters,
        decoder=msgspec.json.Decoder(parameters),
        result=result,
        codec=codec_for(result),
        streams=streams,
        octets=octets[0] if octets else None,
        gives_octets=result is bytes,
    )


def _all_methods() -> dict[str, Method]:
    found = [describe(Connection), describe(App), *(describe(area, name) for name, area in areas_of(App).items())]
    methods = {name: method for some in found for name, method in some.items()}
    if len(methods) < sum(map(len, found)):
        raise TypeError("App and Connection have methods of the same name")
    return methods


METHODS: Final[Mapping[str, Method]] = MappingProxyType(_all_methods())
"""Every method by its name."""
