"""The bridge obeys the kit of front ends, and carries messages both ways."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_ui_bridge.plugin import BridgeSettings, make

from balchat_host.testing.front_end_kit import FrontEndBench, FrontEndCapabilities, FrontEndKit
from balchat_host.testing.front_end_kit.people import BOB, CAROL, DAVE
from balchat_host.testing.memory_account import MemoryAccount

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from balchat_host.api.frontend import FrontEnd, FrontEndContext
    from balchat_host.testing.peer import Peer

ROOMS = {BOB: "one", CAROL: "two", DAVE: "three"}
"""The people whom the kit plays."""


class Bench(FrontEndBench):
    """What it does about a message lies in the room."""

    capabilities = FrontEndCapabilities(answers=False)

    def __init__(self, folder: Path, rooms: dict[str, str] | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.rooms = rooms or ROOMS

    def front_end(self, context: FrontEndContext) -> FrontEnd:
        return make(context, BridgeSettings(folder=str(self.folder), rooms=self.rooms))

    def reactions(self, account: MemoryAccount, peer: Peer) -> int:
        posted = self.folder.glob(f"{self.rooms[peer.name]}/out/*.json")
        return sum(json.loads(file.read_text())["text"] == self.prompt for file in posted)

    def folders(self) -> Sequence[Path]:
        return [self.folder]


class TestBridge(FrontEndKit):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> FrontEndBench:
        return Bench(tmp_path)


@pytest.mark.anyio
async def test_what_is_written_in_a_room_reaches_the_contact_once(tmp_path: Path) -> None:
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")
    bench = Bench(tmp_path, {"Bob": "climbing", "Gone": "nobody"})
    for room, text in (("climbing", "at six?"), ("nobody", "hello?")):
        (tmp_path / room / "in").mkdir(parents=True)
        (tmp_path / room / "in" / "1.json").write_text(json.dumps({"sender": "@zoe", "text": text}))
    (tmp_path / "climbing" / "in" / "0.json").write_text("nonsense")
    for _ in range(2):
        async with anyio.create_task_group() as tasks:
            await tasks.start(bench.front_end(bench.context()).run, alice.app)
            with anyio.fail_after(60):
                while await anyio.to_thread.run_sync(lambda: list(tmp_path.glob("*/in/*"))):
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    bob.receive()
    assert bob.heard == ["@zoe: at six?"]
