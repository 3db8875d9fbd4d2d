"""The push connection: a WebSocket over a stream of the network. Each message is one frame of the relay's protocol.

Everything is bounded: the size of a message and the time until it is complete, and the rate of pings and empty pieces.
"""

from typing import Final

import anyio
import h11
from anyio.abc import ByteStream
from balchat_relay_proto.codec import Malformed
from balchat_relay_proto.errors import Refusal
from balchat_relay_proto.frames import FromClient, FromRelay, decode_from_relay, encode_from_client
from balchat_relay_proto.sizes import MAX_ENVELOPE
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
)
from wsproto.utilities import ProtocolError

from balchat_transport_relay.errors import STREAM_ERRORS, RelayMisbehaved, RelayUnavailable

_TARGET: Final = "/v1/subscribe"
_MAX_FRAME: Final = MAX_ENVELOPE + 4096
_MAX_REFUSAL: Final = 4096
_CHUNK: Final = 65_536
_IDLE_AT_ONCE: Final = 256
"""How many events without content, such as pings, may come at once; and one more each second."""
_PROTOCOL_ERRORS: Final = (ProtocolError, h11.ProtocolError, ValueError)
"""wsproto raises ValueError for headers that are not ASCII."""


class PushConnection:
    """One WebSocket. `silence` is the time without a word after which the relay counts as unavailable, in seconds."""

    def __init__(self, stream: ByteStream, *, name: str, silence: float) -> None:
        self._stream = stream
        self._name = name
        self._silence = silence
        self._socket = WSConnection(ConnectionType.CLIENT)
        self._message = bytearray()
        self._sending = anyio.Lock()
        self._ready: list[Event] = []
        self._incomplete_since: float | None = None
        self._began = anyio.current_time()
        self._idle_events = 0

    async def open(self) -> None:
        """Do the handshake. Raise Refused, RelayUnavailable, RelayMisbehaved."""
        await self._say(Request(host=self._name, target=_TARGET))
        match await self._next():
            case AcceptConnection():
                pass
            case RejectConnection() as rejected:
                await self._rejected(rejected)
            case _:
                raise RelayMisbehaved("it does not speak WebSocket")

    async def send(self, frame: FromClient) -> None:
        """Send a frame. Raise RelayUnavailable."""
        await self._say(BytesMessage(data=encode_from_client(frame)))

    async def receive(self) -> FromRelay:
        """Return the next frame. Raise RelayUnavailable, RelayMisbehaved."""
        while True:
            match await self._next():
                case BytesMessage(data=data, message_finished=finished):
                    if len(self._message) + len(data) > _MAX_FRAME:
                        raise RelayMisbehaved("a frame of it is too long")
                    self._message += data
                    if finished:
                        self._incomplete_since = None
                        octets = bytes(self._message)
                        self._message.clear()
                        return _read(octets)
                    self._begin()
                    if not data:
                        self._idle()
                case Ping() as ping:
                    self._idle()
                    await self._say(ping.response())
                case Pong():
                    self._idle()
                case CloseConnection():
                    raise RelayUnavailable("it ended the connection")
                case _:
                    raise RelayMisbehaved("it sends something other than frames")

    async def aclose(self) -> None:
        """Close at once."""
        await anyio.aclose_forcefully(self._stream)

    async def _rejected(self, rejected: RejectConnection) -> None:
        """Raise the refusal that the relay sent instead of the handshake."""
        said = bytearray()
        while rejected.has_body:
            match await self._next():
                case RejectData(data=data, body_finished=finished):
                    said += data
                    if finished or len(said) > _MAX_REFUSAL:
                        break
                case _:
                    break
        try:
            refused = Refusal.from_octets(bytes(said)).exception
        except Malformed:
            raise RelayUnavailable("it lets nobody subscribe now") from None
        raise refused

    async def _next(self) -> Event:
        asked = False
        while not self._ready:
            self._check_pace()
            octets = None
            with anyio.move_on_after(self._silence / 2):
                octets = await self._received()
            if octets is None:
                if asked or self._socket.state is not ConnectionState.OPEN:
                    raise RelayUnavailable("it has fallen silent")
                asked = True
                await self._say(Ping())
                continue
            try:
                self._socket.receive_data(octets or None)
                self._ready.extend(self._socket.events())
            except _PROTOCOL_ERRORS as error:
                if not octets:
                    raise RelayUnavailable("it ended the connection") from error
                raise RelayMisbehaved("it does not speak WebSocket") from error
            if not octets and not self._ready:
                raise RelayUnavailable("it ended the connection")
            if not self._ready:
                self._begin()
        return self._ready.pop(0)

    def _begin(self) -> None:
        """Note that a message or an event has begun and is not complete."""
        if self._incomplete_since is None:
            self._incomplete_since = anyio.current_time()

    def _idle(self) -> None:
        """Count an event without content. Raise RelayMisbehaved."""
        if not self._message:
            self._incomplete_since = None
        self._idle_events += 1
        if self._idle_events > _IDLE_AT_ONCE + anyio.current_time() - self._began:
            raise RelayMisbehaved("it sends and sends, and nothing is in it")

    def _check_pace(self) -> None:
        if self._incomplete_since is not None and anyio.current_time() - self._incomplete_since > 2 * self._silence:
            raise RelayUnavailable("what it sends never ends")

    async def _received(self) -> bytes:
        try:
            return await self._stream.receive(_CHUNK)
        except anyio.EndOfStream:
            return b""
        except STREAM_ERRORS as error:
            raise RelayUnavailable("the connection broke") from error

    async def _say(self, event: Event) -> None:
        async with self._sending:
            try:
                with anyio.fail_after(self._silence):
                    await self._stream.send(self._socket.send(event))
            except STREAM_ERRORS as error:
                raise RelayUnavailable("the connection broke") from error
            except ProtocolError as error:  # it has closed the connection meanwhile
                raise RelayUnavailable("it ended the connection") from error
            except TimeoutError as error:
                raise RelayUnavailable("it takes nothing") from error


def _read(octets: bytes) -> FromRelay:
    try:
        return decode_from_relay(octets)
    except Malformed as error:
        raise RelayMisbehaved("a frame of it cannot be read") from error
