"""HTTP/1.1 over a stream of the network. Sizes are bounded here; the caller bounds the time."""

from collections.abc import Iterator, Sequence
from typing import Final

import anyio
import h11
from anyio.abc import ByteStream

from balchat_transport_relay.errors import STREAM_ERRORS, RelayMisbehaved, RelayUnavailable

_MAX_HEADERS: Final = 8192
_CHUNK: Final = 65_536


class HttpConnection:
    """One connection. `usable` says whether it can take another request; after a failure it cannot."""

    def __init__(self, stream: ByteStream, *, name: str) -> None:
        self._stream = stream
        self._name = name
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEADERS)
        self._ended = False
        self.usable = True

    async def exchange(self, method: str, target: str, body: Sequence[bytes], *, limit: int) -> tuple[int, bytes]:
        """Send a request, its body in pieces; return the status and a body of at most `limit` octets.

        Raise RelayUnavailable, RelayMisbehaved.
        """
        self.usable, usable = False, self.usable
        if not usable:
            raise RelayUnavailable("the connection has ended")
        try:
            await self._ask(method, target, body)
            status, answer = await self._answer(limit)
        except STREAM_ERRORS as error:
            raise RelayUnavailable("the connection broke") from error
        except h11.ProtocolError as error:
            if self._ended:  # an honest relay that is killed or closes idle connections does this
                raise RelayUnavailable("the connection ended before the answer") from error
            raise RelayMisbehaved("it does not speak HTTP") from error
        if self._parser.our_state is h11.DONE and self._parser.their_state is h11.DONE:
            self._parser.start_next_cycle()
            self.usable = True
        return status, answer

    async def aclose(self) -> None:
        """Close at once."""
        self.usable = False
        await anyio.aclose_forcefully(self._stream)

    async def _ask(self, method: str, target: str, body: Sequence[bytes]) -> None:
        headers = [
            ("host", self._name),
            ("content-length", str(sum(map(len, body)))),
            ("content-type", "application/cbor"),
        ]
        head = self._parser.send(h11.Request(method=method, target=target, headers=headers)) or b""
        for piece in body:
            self._parser.send(h11.Data(data=piece))  # what has a length goes as it is
        self._parser.send(h11.EndOfMessage())
        for octets in _chunks([head, *body]):
            await self._stream.send(octets)

    async def _answer(self, limit: int) -> tuple[int, bytes]:
        if self._parser.trailing_data[0]:
            raise RelayMisbehaved("it answers before it is asked")
        status, answer = 0, bytearray()
        while True:
            match self._parser.next_event():
                case h11.NEED_DATA:
                    self._parser.receive_data(await self._received())
                case h11.Response(status_code=status):
                    pass
                case h11.InformationalResponse():
                    raise RelayMisbehaved("it sends an interim response")
                case h11.Data(data=data):
                    if len(answer) + len(data) > limit:
                        raise RelayMisbehaved("its answer is too long")
                    answer += data
                case h11.EndOfMessage():
                    return status, bytes(answer)
                case _:
                    raise RelayUnavailable("the connection ended before the answer")

    async def _received(self) -> bytes:
        try:
            return await self._stream.receive(_CHUNK)
        except anyio.EndOfStream:
            self._ended = True
            return b""


def _chunks(pieces: Sequence[bytes]) -> Iterator[bytes]:
    """Yield all pieces, small ones together, large ones cut: a part of a file is not copied as a whole."""
    held = b""
    for piece in pieces:
        for start in range(0, len(piece), _CHUNK):
            held += piece[start : start + _CHUNK]
            if len(held) >= _CHUNK:
                yield held
                held = b""
    if held:
        yield held
