"""A second `balchat web` finds the first, and opens another window of it."""

from __future__ import annotations

import stat
from argparse import Namespace
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import to_thread
from balchat_ui_web import one_server, program

from balchat_host.api.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from conftest import Served

PRINTED = Namespace(no_browser=True, print_link=False, window=False)


def modes(directory: Path) -> set[int]:
    return {stat.S_IMODE(each.stat().st_mode) for each in directory.iterdir()}


@asynccontextmanager
async def found_by_others(served: Served, directory: Path) -> AsyncGenerator[None]:
    """Have others find a server in a directory."""
    held = await to_thread.run_sync(one_server.Held.take, directory)
    assert held is not None
    listening = await to_thread.run_sync(one_server.listen, directory)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one_server.answer_others, served.server, listening)
        yield
        tasks.cancel_scope.cancel()
    listening.close()
    held.release()


def test_one_process_serves_and_the_next_one_once_that_has_ended(tmp_path: Path) -> None:
    held = one_server.Held.take(tmp_path)
    assert held is not None
    assert one_server.Held.take(tmp_path) is None
    held.release()
    again = one_server.Held.take(tmp_path)
    assert again is not None
    again.release()


@pytest.mark.anyio
async def test_a_second_one_opens_another_window_of_the_first(
    serve: Callable[..., Served], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serve().live() as served, found_by_others(served, tmp_path), anyio.create_task_group() as tasks:
        assert await to_thread.run_sync(modes, tmp_path) == {0o600}
        tasks.start_soon(program._open_another, tmp_path, PRINTED)
        said = ""
        with anyio.fail_after(20):
            while "#t=" not in said:
                await anyio.wait_all_tasks_blocked()
                said += capsys.readouterr().out
        assert f"{served.origin}/ already" in said
        token = said.partition("#t=")[2].split()[0]
        async with served.browser() as session:
            headers = {"Origin": served.origin}
            async with session.post("/session", json={"token": token}, headers=headers) as answer:
                assert answer.status == 200
    # It has ended, since its window is there.


@pytest.mark.anyio
async def test_a_window_that_is_opened_while_the_screen_is_locked_is_locked(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window:
        await window.status("POST", "/lock")
        async with served.window() as other:
            assert await other.status("GET", "/previews/00") == 401
            async with other.session.ws_connect("/ws", headers={"Origin": served.origin}) as socket:
                await socket.send_json({"bearer": other.bearer})
                assert (await socket.receive()).data == 4423
            body = {"bearer": other.bearer, "passphrase": "correct horse battery staple"}
            assert await other.status("POST", "/session", json=body) == 200
        async with served.window() as third:
            assert await third.status("GET", "/previews/00") == 404


@pytest.mark.anyio
async def test_one_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_server, "_PATIENCE", 0.2)
    for answers in (False, True):
        if answers:
            listening = await to_thread.run_sync(one_server.listen, tmp_path)
        with pytest.raises(BadInput, match="runs already"):
            await one_server.ask(tmp_path)
    listening.close()


@pytest.mark.anyio
async def test_whoever_asks_and_leaves_costs_the_others_nothing(serve: Callable[..., Served], tmp_path: Path) -> None:
    async with serve().live() as served, found_by_others(served, tmp_path):
        for _ in range(20):
            await (await one_server.ask(tmp_path)).aclose()
        found = await one_server.ask(tmp_path)
        assert found.found.origin == served.origin
        await found.aclose()
