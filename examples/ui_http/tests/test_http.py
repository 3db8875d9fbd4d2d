"""The server with an account in memory: what it answers, and to whom."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest
from balchat_ui_http.plugin import HttpSettings, make

from balchat_host.api.frontend import FrontEnd, FrontEndContext
from balchat_host.testing.front_end_kit import FrontEndBench, FrontEndCapabilities, FrontEndKit
from balchat_host.testing.memory_account import MemoryAccount

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # aiohttp needs it


class Bench(FrontEndBench):
    """It does nothing by itself."""

    capabilities = FrontEndCapabilities(reacts=False, remembers=False, answers=False, trio=False)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def front_end(self, context: FrontEndContext) -> FrontEnd:
        return make(context, HttpSettings(port=0))

    def context(self) -> FrontEndContext:
        return FrontEndContext(profile=self.folder, runtime_directory=self.folder, on_state=self.states)

    def folders(self) -> Sequence[Path]:
        return [self.folder]


class TestHttp(FrontEndKit):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> FrontEndBench:
        return Bench(tmp_path)


@asynccontextmanager
async def served(account: MemoryAccount, folder: Path, **headers: str) -> AsyncGenerator[aiohttp.ClientSession]:
    """Serve an account, and ask with its token unless other headers are given."""
    bench = Bench(folder)
    async with anyio.create_task_group() as tasks:
        await tasks.start(bench.front_end(bench.context()).run, account.app)
        file = folder / "http.json"
        assert file.stat().st_mode & 0o077 == 0
        said = json.loads(await anyio.Path(file).read_text())
        given = headers or {"Authorization": f"Bearer {said['token']}"}
        async with aiohttp.ClientSession(said["url"], headers=given) as session:
            yield session
        tasks.cancel_scope.cancel()
    assert not file.exists()


@pytest.mark.anyio
async def test_messages_are_read_and_written(tmp_path: Path) -> None:
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")
    bob.write("hello")
    async with served(alice, tmp_path) as session:
        async with session.get("/v1/conversations") as answer:
            assert "Bob" in [each["title"] for each in await answer.json()]
        async with session.post("/v1/conversations/Bob/messages", json={"text": "hi"}) as answer:
            assert answer.status == 201
        async with session.get("/v1/conversations/Bob/messages") as answer:
            assert [each["text"] for each in await answer.json()] == ["hello", "hi"]
    bob.receive()
    assert bob.heard == ["hi"]


@pytest.mark.anyio
async def test_events_come_as_they_happen(tmp_path: Path) -> None:
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")
    cursor = await alice.app.events.cursor()
    wanted = {"after": cursor}
    async with served(alice, tmp_path) as session, session.get("/v1/events", params=wanted) as answer:
        bob.write("hello")
        event = json.loads(await answer.content.readline())
        assert (event["type"], event["message"]["text"]) == ("message.added", "hello")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "headers", [{"X": "none"}, {"Authorization": "Bearer wrong"}, {"Host": "evil.example", "Authorization": "Bearer x"}]
)
async def test_nobody_is_answered_without_the_token_or_under_another_name(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    alice = MemoryAccount("Alice")
    async with served(alice, tmp_path, **headers) as session, session.get("/v1/conversations") as answer:
        assert answer.status == 401


@pytest.mark.anyio
async def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    async with served(MemoryAccount("Alice"), tmp_path) as session:
        async with session.get("/v1/conversations/Nobody/messages") as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (404, "no-such-conversation")
        async with session.post("/v1/conversations/Nobody/messages", data=b"[]") as answer:
            assert answer.status == 400
        async with session.get("/v1/events", params={"after": "-1"}) as answer:
            assert answer.status == 400
