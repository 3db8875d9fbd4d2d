"""A client of the local socket, as a session reads from it and writes to it."""

from anyio import aclose_forcefully
from anyio.abc import ByteStream

from balchat_host.api.rpc.protocol import octets_after
from balchat_host.api.rpc.session import Channel
from balchat_ui_rpc.limits import MAX_REQUEST_SIZE
from balchat_ui_rpc.lines import LineReader


class LineChannel(Channel):
    """One value a line; the octets of a call follow its line. `patience` is how many seconds each may take."""

    def __init__(self, stream: ByteStream, patience: float) -> None:
        self._stream = stream
        self._lines = LineReader(stream, MAX_REQUEST_SIZE, patience)

    async def receive(self) -> tuple[bytes, bytes] | None:
        line = await self._lines.read()
        octets = b"" if line is None else await self._lines.read_octets(octets_after(line))
        return None if line is None or octets is None else (line, octets)

    async def send(self, line: bytes, octets: bytes) -> None:
        await self._stream.send(line + octets)

    async def abort(self) -> None:
        await aclose_forcefully(self._stream)
