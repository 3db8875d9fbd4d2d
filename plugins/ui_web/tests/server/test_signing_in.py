"""How a window gets in: by a link that is good for one use and a minute, and by nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from conftest import Served

pytestmark = pytest.mark.anyio


async def sign_in(served: Served, session: aiohttp.ClientSession, token: str) -> tuple[int, str]:
    headers = {"Origin": served.origin}
    async with session.post("/session", json={"token": token}, headers=headers) as answer:
        said = await answer.json()
        return answer.status, said["error"]["code"] if "error" in said else said["bearer"]


async def test_a_link_opens_one_window_once(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.browser() as session:
        token = served.token()
        status, bearer = await sign_in(served, session, token)
        assert status == 200
        assert token not in bearer
        assert await sign_in(served, session, token) == (401, "link-invalid")


async def test_a_link_is_good_for_a_minute(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.browser() as session:
        token = served.token()
        served.clock.now += 59
        assert (await sign_in(served, session, token))[0] == 200
        token = served.token()
        served.clock.now += 61
        assert await sign_in(served, session, token) == (401, "link-invalid")


async def test_wrong_links_are_told_of_once_and_end_no_right_one(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.browser() as session:
        token = served.token()
        for _ in range(4):
            assert await sign_in(served, session, "A" * 43) == (401, "link-invalid")
        assert served.told == []
        for _ in range(20):
            assert await sign_in(served, session, "A" * 43) == (401, "link-invalid")
        assert len(served.told) == 1
        assert (await sign_in(served, session, token))[0] == 200


async def test_a_window_opens_another_one(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        url = (await wire.ask("web.new_window"))["url"]
        assert url.startswith(f"{served.origin}/#t=")
        assert (await sign_in(served, window.session, url.partition("#t=")[2]))[0] == 200


async def test_the_seventeenth_window_ends_the_first_that_shows_nothing(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as shown, shown.connected() as wire:
        async with served.window() as idle:
            for _ in range(14):
                await sign_in(served, idle.session, served.token())
            assert await idle.status("GET", "/previews/00") != 401
            await sign_in(served, idle.session, served.token())
            assert await idle.status("GET", "/previews/00") == 401
        assert await wire.ask("events.cursor") >= 0


PRIVATE = [
    ("GET", "/pictures/00"),
    ("GET", "/previews/00"),
    ("GET", "/voice/00"),
    ("POST", "/files/00?offset=0"),
    ("POST", "/qr"),
    ("POST", "/lock"),
    ("DELETE", "/session"),
]


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic {bearer}", "{bearer}", "bearer {bearer}"])
async def test_nobody_gets_anything_without_a_bearer(serve: Callable[..., Served], given: str) -> None:
    async with serve().live() as served, served.window() as window:
        headers = {"Authorization": given.format(bearer=window.bearer)}
        for method, path in PRIVATE:
            assert await window.status(method, path, headers=headers, data=b"x" if method == "POST" else None) == 401
        assert await window.status("GET", "/previews/00") != 401


async def test_a_bearer_in_the_address_or_a_cookie_is_none(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window:
        for path, cookies in (
            (f"/previews/00?bearer={window.bearer}", {}),
            (f"/previews/00?token={window.bearer}", {}),
            ("/previews/00", {"bearer": window.bearer}),
        ):
            headers = {"Origin": served.origin}
            async with window.session.get(path, headers=headers, cookies=cookies) as answer:
                assert answer.status == 401


async def test_a_window_that_signs_out_is_out(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        async with window.fetch("DELETE", "/session") as answer:
            assert answer.status == 204
            assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
        assert await wire.closed() == 4401
        assert await window.status("GET", "/previews/00") == 401


@pytest.mark.parametrize(
    "first", ['{"bearer": "wrong"}', "{}", "", "[" * 10000, '{"bearer": 1}', '{"jsonrpc": "2.0", "method": "hello"}']
)
async def test_a_web_socket_that_does_not_say_whose_it_is_is_closed(serve: Callable[..., Served], first: str) -> None:
    async with (
        serve().live() as served,
        served.browser() as session,
        session.ws_connect("/ws", headers={"Origin": served.origin}) as socket,
    ):
        await socket.send_str(first)
        message = await socket.receive()
        assert (message.data, message.extra) == (4401, "")


async def test_nothing_is_set_or_kept(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window:
        for method, path in (("GET", "/"), ("GET", "/previews/00"), ("POST", "/session"), ("GET", "/nowhere")):
            async with window.fetch(method, path) as answer:
                assert "Set-Cookie" not in answer.headers
                assert answer.headers["Cache-Control"] == "no-store"
