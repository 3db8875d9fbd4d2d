"""What goes over a connection, as values: a request as it is read, and an answer's octets.

There is no Date and no Server in an answer: a relay tells strangers neither its clock nor its programs.
"""

from http import HTTPStatus
from typing import Final

from balchat_relay_proto.errors import STATUS, Refusal, Refused

MEDIA_TYPE: Final = "application/cbor"

_CLOSE: Final = "Connection: close\r\n"
_STATUS_LINES: Final = {
    status: f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {MEDIA_TYPE}\r\n".encode()
    for status in {200, *STATUS.values()}
}


class HttpRequest:
    """What a client asks. `refused` where it is not read to its end; `held` octets of it count as in memory."""

    __slots__ = ("body", "encoded", "expects", "fields", "held", "keep_alive", "length", "method", "refused", "target")

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.length: int | None = None
        self.encoded = False
        self.expects = False
        self.keep_alive = False
        self.held = 0
        self.refused: Refused | None = None

    def add(self, name: bytes, value: bytes) -> None:
        """Take in a field of the head."""
        self.fields.append((name, value))
        match name.lower():
            case b"content-length":
                self.length = int(value)  # the parser has checked it
            case b"content-encoding" | b"transfer-encoding":
                self.encoded = True
            case b"expect":
                self.expects = True
            case _:
                pass


def reply(body: list[bytes | bytearray], size: int, *, keep_alive: bool) -> list[bytes | bytearray]:
    """Put the head of an answer before its body, of `size` octets."""
    return [_head(200, size, "" if keep_alive else _CLOSE), *body]


def refusal(refused: Refused, *, keep_alive: bool) -> list[bytes | bytearray]:
    """Write an answer that says no."""
    body = Refusal.of(refused).to_octets()
    more = "" if refused.retry_after is None else f"Retry-After: {refused.retry_after}\r\n"
    return [_head(STATUS[refused.code], len(body), more + ("" if keep_alive else _CLOSE)), body]


def _head(status: int, length: int, more: str) -> bytes:
    return b"%sContent-Length: %d\r\n%s\r\n" % (_STATUS_LINES[status], length, more.encode())
