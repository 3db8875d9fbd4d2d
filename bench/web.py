"""The page in a browser: its first paint, a conversation of 100,000 messages, writing while many come, and a long day.

Times are medians, of turns that change places. Everything runs on this machine, the browser too.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

import balchat_ui_web
from aiohttp import web
from balchat_ui_web.page_files import load_page
from balchat_ui_web.serving import WebServer, listen, serving
from balchat_ui_web.settings import WebSettings
from playwright.sync_api import Page, sync_playwright

from balchat_host.testing.memory_profiles import MemoryProfiles
from bench.figure import AtMost, Figure, NoMoreThan

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.core.unit_of_work import UnitOfWork
    from balchat_host.testing.peer import Peer
    from bench.room import Room

TITLE = "Web page"
NOTE = (
    "Chromium without a window, and the server of `balchat web` with an account in memory. First paint: against an"
    " empty page with the same vendor.js. Keystroke to pixel: from a key to the frame after it, p95, while 50 messages"
    " a second come into the open conversation. The simulated day: 960 messages that come and 96 that are written, in"
    " two conversations, which are opened in turns 48 times."
)
MANY, FEW = 100_000, 100
ROUNDS = 7
_EMPTY = b"<!doctype html><title>empty</title><script type=module src=/vendor.js></script><p>Here."
_PAINT = """() => new Promise(done => new PerformanceObserver((list, observer) => {
  const paint = list.getEntriesByName("first-contentful-paint")[0];
  if (paint) { observer.disconnect(); done(paint.startTime); }
}).observe({ type: "paint", buffered: true }))"""
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
_KEYS = """() => {
  window.slow = [];
  document.addEventListener("keydown", () => {
    const began = performance.now();
    requestAnimationFrame(() => { const channel = new MessageChannel();
      channel.port1.onmessage = () => window.slow.push(performance.now() - began); channel.port2.postMessage(0); });
  }, true);
}"""


class Served:
    """The server with its account, and beside it the empty page, in a thread."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._profiles = MemoryProfiles(folder)
        self.profile = self._profiles.profile()
        self.account = self.profile.make("Alice", plugins={"ui_web": WebSettings})
        self.profile.running = True
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.stop = asyncio.Event()
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
        empty.router.add_get("/", lambda _: _answer(_EMPTY, "text/html"))
        empty.router.add_get("/vendor.js", lambda _: _answer(vendor, "text/javascript"))
        runner = web.AppRunner(empty, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.empty = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with serving(self.web, sockets):
            ready.set()
            await self.stop.wait()
        await runner.cleanup()

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        async def inside() -> Any:
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(inside(), self.loop).result(600)


async def _answer(body: bytes, kind: str) -> web.Response:
    return web.Response(body=body, content_type=kind)


def measure(room: Room) -> list[Figure]:
    del room
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        served = Served(Path(folder))
        people = {name: served.do(served.account.befriend, name) for name in ("Few", "Many")}
        for name, count in (("Few", FEW), ("Many", MANY)):
            served.do(people[name].write, "Message 0")
            served.do(served.account.change, lambda unit, name=name, count=count: _fill(unit, name, count))
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1200, "height": 800})
        figures = _first_paint(context, served)
        page = context.new_page()
        page.goto(served.do(served.web.link))
        page.locator(".conversation", has_text="Few").wait_for()
        figures += [_opening(page), _scrolling(page), _typing(page, served, people["Few"])]
        figures += _day(page, served, people)
        browser.close()
        served.do(served.stop.set)
        return figures


def _fill(unit: UnitOfWork, name: str, count: int) -> None:
    unit.tx.execute(_MESSAGES, (count - 1, name))


def _first_paint(context: Any, served: Served) -> list[Figure]:
    times: dict[bool, list[float]] = {True: [], False: []}
    whole: list[float] = []
    for turn in range(2 * ROUNDS):
        ours = turn % 2 == 0
        page = context.new_page()
        page.goto(served.do(served.web.link) if ours else served.empty)
        times[ours].append(page.evaluate(_PAINT))
        if ours:
            page.locator(".conversation").first.wait_for()
            whole.append(page.evaluate("performance.now()"))
        page.close()
    against, limit = "an empty page with vendor.js", median(times[False])
    return [
        Figure(
            what="first paint",
            measured=median(times[True]),
            against=against,
            limit=limit,
            unit="ms",
            target=AtMost(1.5),
        ),
        Figure(what="the list is there", measured=median(whole), against=against, limit=limit, unit="ms"),
    ]


def _timed(page: Page, name: str) -> float:
    page.locator(".app-list .conversation", has_text="Notes to self").click()
    page.get_by_role("heading", name="Notes to self").wait_for(state="attached")
    return page.evaluate(
        """name => new Promise(done => {
          const began = performance.now();
          [...document.querySelectorAll(".conversation")].find(e => e.textContent.includes(name)).click();
          const look = () => requestAnimationFrame(
            document.querySelector(".message") ? () => done(performance.now() - began) : look);
          look();
        })""",
        name,
    )


def _opening(page: Page) -> Figure:
    times: dict[str, list[float]] = {"Few": [], "Many": []}
    for turn in range(2 * ROUNDS):
        name = ("Few", "Many")[turn % 2]
        times[name].append(_timed(page, name))
    return Figure(
        what="open a conversation of 100,000",
        measured=median(times["Many"]),
        against="one of 100",
        limit=median(times["Few"]),
        unit="ms",
        target=AtMost(1.5),
    )


def _jump(page: Page, name: str, day: str) -> float:
    page.locator(".app-list .conversation", has_text=name).click()
    page.get_by_role("button", name="Conversation menu").click()
    page.get_by_role("menuitem", name="Go to a day").click()
    page.get_by_label("Day", exact=True).fill(day)
    began = perf_counter()
    page.get_by_role("button", name="Go there").click()
    page.locator(".message.marked").wait_for(state="attached")
    took = (perf_counter() - began) * 1000
    page.locator(".message.marked").wait_for(state="detached")
    return took


def _scrolling(page: Page) -> Figure:
    times: dict[str, list[float]] = {"Few": [], "Many": []}
    for day in ("2027-01-15", "2027-02-14", "2027-03-15"):
        times["Few"].append(_jump(page, "Few", "2027-01-15"))
        times["Many"].append(_jump(page, "Many", day))
    return Figure(
        what="go to any day of 100,000",
        measured=median(times["Many"]),
        against="of 100",
        limit=median(times["Few"]),
        unit="ms",
        target=AtMost(1.5),
    )


def _typing(page: Page, served: Served, peer: Peer) -> Figure:
    page.locator(".app-list .conversation", has_text="Few").click()
    field = page.locator("#composer")
    field.fill("")
    page.evaluate(_KEYS)
    times: dict[str, float] = {}
    for name in ("idle", "busy"):
        page.evaluate("window.slow = []")
        ending = threading.Event()
        writer = threading.Thread(target=_write_on, args=(served, peer, ending))
        if name == "busy":
            writer.start()
        for _ in range(100):
            field.press("x")
        ending.set()
        if name == "busy":
            writer.join()
        slow = sorted(page.evaluate("window.slow"))
        times[name] = slow[int(len(slow) * 0.95)]
    field.fill("")
    return Figure(
        what="keystroke to pixel, 50 messages a second",
        measured=times["busy"],
        against="idle",
        limit=times["idle"],
        unit="ms",
        target=NoMoreThan(16, "ms"),
    )


def _write_on(served: Served, peer: Peer, ending: threading.Event) -> None:
    number = 0
    while not ending.wait(0.02):
        number += 1
        served.do(peer.write, f"Coming {number}")


def _memory(page: Page) -> float:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return session.send("Runtime.getHeapUsage")["usedSize"] / 1024


def _day(page: Page, served: Served, people: dict[str, Peer]) -> list[Figure]:
    for _ in range(2):
        _hours(page, served, people)
    before, nodes = _memory(page), page.evaluate("document.querySelectorAll('*').length")
    for _ in range(4):
        _hours(page, served, people)
    after = page.evaluate("document.querySelectorAll('*').length")
    start, target = "after its start", AtMost(1.1)
    return [
        Figure(
            what="memory of the page after a simulated day",
            measured=_memory(page),
            against=start,
            limit=before,
            unit="KiB",
            target=target,
        ),
        Figure(
            what="elements of the page after it", measured=after, against=start, limit=nodes, unit="", target=target
        ),
    ]


def _hours(page: Page, served: Served, people: dict[str, Peer]) -> None:
    for name in ("Few", "Many") * 4:
        for number in range(20):
            served.do(people[name].write, f"In the course of the day {number}")
        page.locator(".app-list .conversation", has_text=name).click()
        field = page.locator("#composer")
        for number in range(2):
            field.fill(f"An answer {number}")
            field.press("Enter")
    page.wait_for_timeout(500)
