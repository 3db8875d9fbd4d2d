"""The push connection: a WebSocket over a stream of the network's, a frame of the relay's language a message."""

from typing import Final

import anyio
from anyio.abc import ByteStream
from balchat_relay_proto.cbor import Malformed
from balchat_relay_proto.frames import FromClient, FromRelay, decode_from_relay, encode_from_client
from balchat_relay_proto.sizes import MAX_ENVELOPE
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
)
from wsproto.utilities import ProtocolError

from balchat_transport_relay.faults import STREAM_ERRORS, RelayGone, RelayLies

_TARGET: Final = "/v1/subscribe"
_MAX_FRAME: Final = MAX_ENVELOPE + 4096
_CHUNK: Final = 65_536


class PushConnection:
    """One WebSocket. `silence` is how long the relay may say nothing before it counts as gone, in seconds."""

    def __init__(self, stream: ByteStream, *, name: str, silence: float) -> None:
        self._stream = stream
        self._name = name
        self._silence = silence
        self._socket = WSConnection(ConnectionType.CLIENT)
        self._message = bytearray()
        self._sending = anyio.Lock()
        self._ready: list[Event] = []

    async def open(self) -> None:
        """Shake hands. Raises RelayGone, RelayLies."""
        await self._send(self._socket.send(Request(host=self._name, target=_TARGET)))
        match await self._next():
            case AcceptConnection():
                pass
            case RejectConnection():
                raise RelayGone("it lets nobody subscribe now")
            case _:
                raise RelayLies("it does not speak WebSocket")

    async def send(self, frame: FromClient) -> None:
        """Send a frame. Raises RelayGone."""
        async with self._sending:
            await self._send(self._socket.send(BytesMessage(data=encode_from_client(frame))))

    async def receive(self) -> FromRelay:
        """Give the next frame that the relay sends. Raises RelayGone, RelayLies."""
        while True:
            match await self._next():
                case BytesMessage(data=data, message_finished=finished):
                    if len(self._message) + len(data) > _MAX_FRAME:
                        raise RelayLies("a frame of it is too long")
                    self._message += data
                    if finished:
                        octets = bytes(self._message)
                        self._message.clear()
                        return _read(octets)
                case Ping() as ping:
                    async with self._sending:
                        await self._send(self._socket.send(ping.response()))
                case Pong():
                    pass
                case CloseConnection():
                    raise RelayGone("it ended the connection")
                case _:
                    raise RelayLies("it sends what is no frame")

    async def aclose(self) -> None:
        """Close, at once."""
        await anyio.aclose_forcefully(self._stream)

    async def _next(self) -> Event:
        asked = False
        while not self._ready:
            octets = None
            with anyio.move_on_after(self._silence / 2):
                octets = await self._received()
            if octets is None:
                if asked or not self._message_may_come:
                    raise RelayGone("it has fallen silent")
                asked = True
                async with self._sending:
                    await self._send(self._socket.send(Ping()))
                continue
            try:
                self._socket.receive_data(octets or None)
                self._ready.extend(self._socket.events())
            except ProtocolError as error:
                raise RelayLies("it does not speak WebSocket") from error
            if not octets and not self._ready:
                raise RelayGone("it ended the connection")
        return self._ready.pop(0)

    @property
    def _message_may_come(self) -> bool:
        return self._socket.state.name == "OPEN"

    async def _received(self) -> bytes:
        try:
            return await self._stream.receive(_CHUNK)
        except anyio.EndOfStream:
            return b""
        except STREAM_ERRORS as error:
            raise RelayGone("the connection broke") from error

    async def _send(self, octets: bytes) -> None:
        try:
            with anyio.fail_after(self._silence):
                await self._stream.send(octets)
        except STREAM_ERRORS as error:
            raise RelayGone("the connection broke") from error
        except TimeoutError as error:
            raise RelayGone("it takes nothing") from error


def _read(octets: bytes) -> FromRelay:
    try:
        return decode_from_relay(octets)
    except Malformed as error:
        raise RelayLies("a frame of it cannot be read") from error
