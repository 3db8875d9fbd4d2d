"""JSON-RPC 2.0 (jsonrpc.org/specification) as it is spoken here: one JSON value a line, both ways.

A stream is a call that sends values before it is answered: notifications named `value`, with the id of the call. A
batch is refused. An error of balchat's tree crosses as its `code` and `fields` in `data`, and comes out as itself.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from balchat_host.api.errors import (
    BadInput,
    BalchatError,
    CallerError,
    InternalError,
    NotOffered,
    PeerError,
    ProtocolViolation,
    WorldError,
    error_from,
)
from balchat_host.api.failures import contain, kind_of
from balchat_host.api.frontend import MAX_OCTETS
from balchat_host.api.rpc.description import Method, RequestId

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
CALLER_ERROR: Final = -32001
PEER_ERROR: Final = -32002
WORLD_ERROR: Final = -32003

_MAX_NUMBER: Final = 2**53
"""The largest number that every JSON reader takes exactly."""

_MAX_PROBLEM_LENGTH: Final = 200


Octets = Annotated[int, msgspec.Meta(ge=0, le=MAX_OCTETS)]
"""How many octets follow the line of a message, which are no JSON."""


class Request(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A call, or without `id` a notification, which gets no answer."""

    jsonrpc: Literal["2.0"]
    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    id: RequestId | msgspec.UnsetType = msgspec.UNSET
    octets: Octets | msgspec.UnsetType = msgspec.UNSET


class ErrorData(msgspec.Struct):
    """What makes an error itself again."""

    code: str
    fields: dict[str, str | int]


class ErrorObject(msgspec.Struct):
    """What an error looks like on the wire. `message` is for a person."""

    code: int
    message: str
    data: ErrorData

    def error(self) -> BalchatError:
        """Rebuild the error."""
        return error_from(self.data.code, self.data.fields)


class Result(msgspec.Struct, kw_only=True):
    """The answer of a call that succeeded."""

    jsonrpc: Literal["2.0"] = "2.0"
    id: RequestId
    result: msgspec.Raw


class Failure(msgspec.Struct, kw_only=True):
    """The answer of a call that failed; `id` is None where the call could not be read."""

    jsonrpc: Literal["2.0"] = "2.0"
    id: RequestId | None
    error: ErrorObject


class Value(msgspec.Struct):
    """One value of the stream that the call `stream` opened."""

    stream: RequestId
    value: msgspec.Raw


class ValueNotification(msgspec.Struct, kw_only=True):
    """How it is sent."""

    jsonrpc: Literal["2.0"] = "2.0"
    method: Literal["value"] = "value"
    params: Value
    octets: int | msgspec.UnsetType = msgspec.UNSET


class Incoming(msgspec.Struct):
    """Whatever a server sends: the three above in one, for a client to tell apart. Clients number their calls."""

    jsonrpc: Literal["2.0"]
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorObject | None = None
    method: Literal["value"] | None = None
    params: "IncomingValue | None" = None
    octets: Octets | None = None

    def answer(self) -> "msgspec.Raw | BalchatError":
        """Return the result, or the error."""
        return self.result if self.error is None else self.error.error()


class _Following(msgspec.Struct):
    """The one member that says what follows a line."""

    octets: int = 0


class IncomingValue(msgspec.Struct):
    """One value of a stream."""

    stream: int
    value: msgspec.Raw


class Refusal(Exception):  # it is an answer, not a failure of this program
    """A request that cannot be carried out, and how to answer it."""

    def __init__(self, code: int, error: BalchatError, request: RequestId | None = None) -> None:
        super().__init__()
        self.request = request
        self.error = error_object(error, code)


def bad_input(what: str, problem: str) -> BadInput:
    """Return what is wrong with a request. What came may be quoted in it, and is as long as its author wished."""
    return BadInput(what=what, problem=problem[:_MAX_PROBLEM_LENGTH])


_encoder: Final = msgspec.json.Encoder()
_request_decoder: Final = msgspec.json.Decoder(Request)
_following_decoder: Final = msgspec.json.Decoder(_Following)
_incoming_decoder: Final = msgspec.json.Decoder(Incoming)


def to_line(message: msgspec.Struct) -> bytes:
    """Write a message as a line."""
    return _encoder.encode(message) + b"\n"


def call_line(request: int | None, method: Method, parameters: msgspec.Struct, octets: bytes | None = None) -> bytes:
    """Write a call, or without `request` a notification; its `octets` follow it.

    Raise BadInput for half a surrogate pair in a text.
    """
    try:
        body = msgspec.Raw(_encoder.encode(parameters))
    except UnicodeEncodeError:
        raise BadInput(what=f"The parameters of {method.name}", problem="a text in them is no valid Unicode") from None
    number = msgspec.UNSET if request is None else request
    follow = msgspec.UNSET if octets is None else len(octets)
    return to_line(Request(jsonrpc="2.0", method=method.name, params=body, id=number, octets=follow))


def octets_after(line: bytes) -> int:
    """Return how many octets follow the line of a request. Raise ProtocolViolation where they are too many.

    It is asked before the request is read: whatever is wrong with that, what follows it is not taken for lines.
    """
    if b'"octets"' not in line:
        return 0
    try:
        announced = _following_decoder.decode(line).octets
    except (msgspec.DecodeError, RecursionError):
        return 0
    if not 0 <= announced <= MAX_OCTETS:
        raise ProtocolViolation(problem=f"at most {MAX_OCTETS} octets follow a line")
    return announced


def read_request(line: bytes, methods: Mapping[str, Method]) -> tuple[Request, Method, Any]:
    """Read a request, the one of `methods` that it names, and its parameters (a msgspec.Struct). Raise Refusal."""
    try:
        request = _request_decoder.decode(line.decode())
    except msgspec.ValidationError as error:
        problem = "batches are not spoken here; send one request a line" if line.lstrip()[:1] == b"[" else str(error)
        raise Refusal(INVALID_REQUEST, bad_input("The request", problem)) from None
    except UnicodeDecodeError:
        raise Refusal(PARSE_ERROR, bad_input("The line", "it is not UTF-8")) from None
    except RecursionError:
        raise Refusal(PARSE_ERROR, bad_input("The line", "it is nested too deep")) from None
    except msgspec.DecodeError as error:
        raise Refusal(PARSE_ERROR, bad_input("The line", f"it is no JSON value: {error}")) from None
    name, answered = request.method, None if request.id is msgspec.UNSET else request.id
    if name not in methods:
        raise Refusal(METHOD_NOT_FOUND, NotOffered(name=name[:_MAX_PROBLEM_LENGTH]), answered)
    method = methods[name]
    if (request.octets is msgspec.UNSET) != (method.octets is None):
        problem = "octets follow it" if method.octets else "no octets follow it"
        raise Refusal(INVALID_PARAMS, bad_input(f"The line of {name}", problem), answered)
    try:
        return request, method, method.decoder.decode(request.params)
    except msgspec.DecodeError as error:
        raise Refusal(INVALID_PARAMS, bad_input(f"The parameters of {name}", str(error)), answered) from None


def read_incoming(line: bytes) -> Incoming:
    """Read what a server sent. Raise ProtocolViolation."""
    try:
        return _incoming_decoder.decode(line.decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProtocolViolation(problem="what came over the local socket is not what this version speaks") from None


def error_object(error: BaseException, code: int | None = None) -> ErrorObject:
    """Return the form in which an error crosses. One that is not balchat's own tells only what kind it is.

    Raise `error` where it is not a failure but cancellation.
    """
    known = error if isinstance(error, BalchatError) else _internal(error)
    return ErrorObject(
        code=_number(known) if code is None else code,
        message=_sendable(str(known)),
        data=ErrorData(code=known.code, fields={name: _field(value) for name, value in known.fields.items()}),
    )


def _field(value: object) -> str | int:
    # An error must get across whatever its maker put into it.
    return value if type(value) is int and abs(value) <= _MAX_NUMBER else _sendable(str(value))


def _sendable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _internal(error: BaseException) -> InternalError:
    contain("a call", error)
    return InternalError(kind=kind_of(error))


def _number(error: BalchatError) -> int:
    match error:
        case CallerError():
            return CALLER_ERROR
        case PeerError():
            return PEER_ERROR
        case WorldError():
            return WORLD_ERROR
        case _:
            return INTERNAL_ERROR
