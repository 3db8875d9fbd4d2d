"""What the relay sends back: a reply or a refusal, without a date or a program's name.

A relay tells strangers neither its clock nor which programs it runs.
"""

from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from balchat_relay_proto.codec import Message
from balchat_relay_proto.errors import STATUS, Refusal, Refused

MEDIA_TYPE: Final = "application/cbor"


class _Anonymous(web.StreamResponse):
    """A response without the Date and Server that aiohttp adds."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        del self.headers[hdrs.DATE], self.headers[hdrs.SERVER]


class Answer(_Anonymous, web.Response):
    """A reply or a refusal in one piece. `size` is the body's, in octets."""

    def __init__(self, body: bytes, *, status: int = 200, retry_after: int | None = None) -> None:
        super().__init__(body=body, status=status, content_type=MEDIA_TYPE)
        self.size = len(body)
        if retry_after is not None:
            self.headers[hdrs.RETRY_AFTER] = str(retry_after)


class Streamed(_Anonymous):
    """A reply that is written in pieces, `size` octets in all."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.content_type = MEDIA_TYPE
        self.content_length = size


class Socket(_Anonymous, web.WebSocketResponse):
    """The answer to a client that asks for a WebSocket."""


def reply(message: Message) -> Answer:
    """Return the answer that carries a reply."""
    return Answer(message.to_octets())


def refusal(refused: Refused) -> Answer:
    """Return the answer that carries a refusal."""
    body = Refusal.of(refused).to_octets()
    return Answer(body, status=STATUS[refused.code], retry_after=refused.retry_after)


def written_refusal(refused: Refused) -> bytes:
    """Return a refusal's octets, for a connection that nothing else is said on."""
    body = Refusal.of(refused).to_octets()
    status = HTTPStatus(STATUS[refused.code])
    fields = [f"HTTP/1.1 {status} {status.phrase}", f"Content-Type: {MEDIA_TYPE}", f"Content-Length: {len(body)}"]
    if refused.retry_after is not None:
        fields.append(f"Retry-After: {refused.retry_after}")
    return "\r\n".join([*fields, "Connection: close", "", ""]).encode() + body
