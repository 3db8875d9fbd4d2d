"""What `bench.web` measures in a browser: the server with its account in memory, and an empty page, in a thread."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import balchat_ui_web
from aiohttp import web
from balchat_ui_web.page_files import load_page
from balchat_ui_web.serving import WebServer, listen, serving
from balchat_ui_web.settings import WebSettings

from balchat_host.core import event_log
from balchat_host.testing.memory_profiles import MemoryProfiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from balchat_host.core.unit_of_work import UnitOfWork

_EMPTY = b"<!doctype html><title>empty</title><script type=module src=/vendor.js></script><p>Here."
_MESSAGES = """
WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place WHERE n < ?),
first AS (
    SELECT message.* FROM message JOIN contact ON contact.conversation = message.conversation
    WHERE contact.name = ? ORDER BY message.seq LIMIT 1
)
INSERT INTO message (id, conversation, author, sent_at, received_at, content_type, disposition, text, content)
SELECT randomblob(32), conversation, author, sent_at + n * 60000, received_at + n * 60000, content_type, disposition,
    'Message ' || n, content
FROM place, first ORDER BY n
"""
_COMING = """
INSERT INTO message (id, conversation, author, sent_at, received_at, content_type, disposition, text, content)
SELECT randomblob(32), conversation, author, sent_at + 1000, received_at + 1000, content_type, disposition,
    'Coming ' || seq, content
FROM message WHERE (conversation, author) = (SELECT conversation, peer FROM contact WHERE name = ?)
ORDER BY seq DESC LIMIT 1 RETURNING conversation, seq
"""
_PLACES = "WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place WHERE n < ?) "
_PEOPLE = (
    """
    INSERT INTO conversation (id, conversation_id, kind)
    SELECT 10000 + id, randomblob(16), 'direct' FROM peer WHERE id NOT IN (SELECT peer FROM member)
    """,
    "INSERT INTO member SELECT id, id - 10000 FROM conversation WHERE id > 10000",
    """
    INSERT INTO member SELECT conversation.id, member.peer FROM conversation, member
    WHERE conversation.id > 10000 AND member.conversation = (SELECT id FROM conversation WHERE kind = 'self')
    """,
    """
    INSERT INTO contact (peer, conversation, name, name_key)
    SELECT id - 10000, id, 'Person ' || (id - 10000), 'person ' || (id - 10000)
    FROM conversation WHERE id > 10000
    """,
    """
    INSERT INTO first_contact (peer, phase) SELECT peer, (SELECT phase FROM first_contact LIMIT 1) FROM contact
    WHERE peer NOT IN (SELECT peer FROM first_contact)
    """,
)


def add_messages(unit: UnitOfWork, name: str, count: int) -> None:
    """Copy the only message with somebody until there are `count`."""
    unit.tx.execute(_MESSAGES, (count - 1, name))


def bring_messages(unit: UnitOfWork, name: str, count: int) -> None:
    """Have messages come from somebody: they stand there, and front ends are told."""
    for _ in range(count):
        conversation, seq = unit.tx.query(_COMING, (name,))[0]
        event_log.append_message(unit, cast("int", conversation), cast("int", seq))


def add_people(unit: UnitOfWork, count: int) -> None:
    """Add contacts to whom nothing was ever said."""
    unit.tx.execute(f"{_PLACES} INSERT INTO peer (account_key) SELECT randomblob(32) FROM place", (count,))
    for statement in _PEOPLE:
        unit.tx.execute(statement)


class Served:
    """The server with its account, and beside it the empty page, in a thread."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._profiles = MemoryProfiles(folder)
        self.profile = self._profiles.profile()
        self.account = self.profile.make("Alice", plugins={"ui_web": WebSettings})
        self.profile.running = True
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self._ending = asyncio.Event()
        ready = threading.Event()
        asyncio.run_coroutine_threadsafe(self._serve(ready), self.loop)
        ready.wait(60)

    async def _serve(self, ready: threading.Event) -> None:
        sockets = listen()
        settings = WebSettings(lock_minutes=0)
        page = load_page(self._profiles.version)
        self.web = WebServer(self._profiles, self.profile, settings, page, sockets[0].getsockname()[1])
        empty = web.Application()
        vendor = (Path(balchat_ui_web.__file__).parent / "page" / "vendor.js").read_bytes()
        # With the header for which a browser begins another process, as for our page.
        apart = {"Cross-Origin-Opener-Policy": "same-origin"}
        empty.router.add_get("/", lambda _: _answer(_EMPTY, "text/html", apart))
        empty.router.add_get("/vendor.js", lambda _: _answer(vendor, "text/javascript"))
        runner = web.AppRunner(empty, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.empty = f"http://empty.localhost:{runner.addresses[0][1]}/"
        async with serving(self.web, sockets):
            ready.set()
            await self._ending.wait()
        await runner.cleanup()

    def stop(self) -> None:
        """End the server."""
        self.do(self._ending.set)

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        async def inside() -> Any:
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(inside(), self.loop).result(600)


async def _answer(body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=body, content_type=kind, headers=headers)
