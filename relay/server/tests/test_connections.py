"""Connections: taken from a socket that tor brings them to, and looked at for ever, whichever of them fails."""

import socket
from pathlib import Path

import anyio
import pytest
from balchat_relay.publishing import serve_at
from balchat_relay.service import Relay
from balchat_relay.settings import Limits
from balchat_relay.testing.client import Client, connected
from balchat_relay.web.connection import Connection

pytestmark = pytest.mark.anyio


class TestServing:
    async def test_what_comes_to_a_socket_of_somebody_elses_is_served(self, relay: Relay, short_folder: Path) -> None:
        path = short_folder / "onion"
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        listening.listen()
        server = await serve_at(listening, relay.connections)
        async with connected(path) as client:
            await client.about()
            assert relay.metrics.connections == 1
        server.close()
        with pytest.raises(OSError, match="refused"):
            await anyio.connect_unix(path)

    async def test_a_tor_that_reaches_no_file_is_served_over_loopback(self, relay: Relay) -> None:
        server = await serve_at(socket.create_server(("127.0.0.1", 0)), relay.connections)
        async with await anyio.connect_tcp(*server.sockets[0].getsockname()) as stream:
            await stream.send(b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n")
            assert (await stream.receive()).startswith(b"HTTP/1.1 200 OK")
        server.close()


class TestWatching:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(min_free_mib=0, write_timeout=1)

    async def test_looking_at_one_connection_fails_and_the_others_are_served(
        self,
        client: Client,
        short_folder: Path,
        relay: Relay,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        await client.about()
        (broken,) = relay.connections
        honest = Connection.has_stalled

        def has_stalled(connection: Connection, now: float) -> bool:
            if connection is broken:
                raise KeyError("what-nobody-may-log")
            return honest(connection, now)

        monkeypatch.setattr(Connection, "has_stalled", has_stalled)
        async with connected(short_folder / "socket") as other:
            await other.about()
            with anyio.fail_after(60):
                while broken in relay.connections:
                    await anyio.lowlevel.checkpoint()
            await other.about()
            assert relay.metrics.connections == 1
        assert "looking at a connection failed: KeyError" in caplog.messages
        assert "what-nobody-may-log" not in caplog.text
