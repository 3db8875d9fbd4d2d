"""What a page can call, and what becomes of what no page says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from balchat_ui_web.web_socket import MAX_FRAME, OFFERED

from balchat_host.api.rpc.description import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Served

pytestmark = pytest.mark.anyio

NOT_OFFERED = {"account.backup", "files.picture", "files.play", "files.preview", "files.read", "files.write"}


def test_a_page_can_call_everything_but_what_has_octets_or_paths() -> None:
    assert set(METHODS) - set(OFFERED) == NOT_OFFERED
    assert {name for name in OFFERED if name.startswith("web.")} == set(OFFERED) - set(METHODS)


async def test_what_is_not_offered_is_refused_and_not_among_what_there_is(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        assert "account.backup" not in await wire.ask("capabilities")
        assert await wire.ask("account.backup", target="/tmp/x") == "not-offered"  # it is refused
        assert await wire.ask("files.read", file="00") == "not-offered"


async def test_messages_go_and_events_come_as_they_are_asked_for(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        peer = served.befriend("Bob")
        cursor = await wire.ask("events.cursor")
        stream = await wire.say("events.follow", after=cursor, credit=1)
        peer.write("one")
        peer.write("two")
        first = await wire.value()
        assert (first["type"], first["message"]["text"]) == ("message.added", "one")
        assert (await wire.ask("messages.send", conversation="Bob", text="hi"))["text"] == "hi"
        assert not [each for each in wire.early if each.get("method") == "value"]
        await wire.ask("credit", stream=stream, values=50)
        while (await wire.value()).get("message", {}).get("text") != "two":
            pass
        await wire.ask("cancel", stream=stream)
        peer.receive()
        assert peer.heard == ["hi"]


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '[{"jsonrpc": "2.0", "id": 1, "method": "hello"}]',
        '{"jsonrpc": "2.0", "id": 1, "method": "no.such"}',
        '{"jsonrpc": "2.0", "id": 1, "method": "contacts.get", "params": {"contact": 5}}',
        '{"jsonrpc": "2.0", "id": 1, "method": "files.write", "params": {"file": "0", "offset": 0}, "octets": 5}',
        "[" * 100_000,
        '"\\ud800"',
    ],
)
async def test_what_cannot_be_meant_is_refused_and_ends_nothing(serve: Callable[..., Served], frame: str) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        await wire.socket.send_str(frame)
        if frame:
            assert "error" in await wire.hear()
        assert await wire.ask("events.cursor") >= 0


async def test_a_frame_that_is_too_large_ends_that_socket_alone(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as other:
        async with window.connected() as wire:
            await wire.socket.send_str(" " * (MAX_FRAME + 1))
            assert await wire.closed() == 1009
        async with window.connected() as wire:
            await wire.socket.send_bytes(b"{}")
            assert await wire.closed() is not None
        assert await other.ask("events.cursor") >= 0


async def test_the_longest_text_fits_however_it_is_escaped(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        served.befriend("Bob")
        text = "\x01" * (32 * 1024)
        params = {"conversation": "Bob", "text": text}
        frame = json.dumps({"jsonrpc": "2.0", "id": 99, "method": "messages.send", "params": params})
        assert len(frame) < MAX_FRAME
        await wire.socket.send_str(frame)
        assert (await wire.hear())["result"]["text"] == text


async def test_one_window_has_a_few_sockets_and_no_more(serve: Callable[..., Served]) -> None:
    async with (
        serve().live() as served,
        served.window() as window,
        window.connected(),
        window.connected(),
        window.connected(),
        window.connected() as last,
        window.session.ws_connect("/ws", headers={"Origin": served.origin}) as one_more,
    ):
        await one_more.send_json({"bearer": window.bearer})
        assert (await one_more.receive()).data == 4429
        assert await last.ask("events.cursor") >= 0


async def test_a_qr_code_is_drawn_as_rows(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        rows = (await wire.ask("web.qr", text="balchat:abc"))["rows"]
        assert len(rows) == len(rows[0]) >= 21
        assert rows[0].startswith("1111111")
        assert await wire.ask("web.qr", text="x" * 601) == "bad-input"
        assert await wire.ask("web.qr", text="") == "bad-input"
