"""The page in a real browser, on an account in memory, with people at its other end whom the test plays.

One browser for this folder; one account and one page for each module that asks for `world` and `page`; a test that
needs another one asks for `new_world` or `new_page`. A page's errors, and what its content security policy refused,
fail the test that caused them.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from balchat_ui_web.page_files import load_page
from balchat_ui_web.serving import WebServer, listen, serving
from balchat_ui_web.settings import WebSettings
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from balchat_host.testing.memory_profiles import MemoryProfiles
from tests.support.staged_page import Staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from balchat_host.testing.peer import Peer

CHROMIUM = "/usr/bin/chromium"


class Server:
    """The web server of `balchat web` with an account in memory, in a thread with an event loop of its own."""

    def __init__(self, **settings: Any) -> None:
        self._folder = TemporaryDirectory(prefix="web-")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._ending = asyncio.Event()
        self._serving = asyncio.run_coroutine_threadsafe(self._serve(settings, ready := threading.Event()), self._loop)
        ready.wait(30)

    async def _serve(self, settings: dict[str, Any], ready: threading.Event) -> None:
        try:
            self.profiles = MemoryProfiles(Path(self._folder.name))
            self.profile = self.profiles.profile()
            self.account = self.profile.make("Alice", plugins={"ui_web": WebSettings})
            self.profile.running = True
            sockets = listen()
            port = sockets[0].getsockname()[1]
            chosen = WebSettings(lock_minutes=0, **settings)
            page = await asyncio.to_thread(load_page, self.profiles.version)
            self.web = WebServer(self.profiles, self.profile, chosen, page, port)
            async with serving(self.web, sockets) as self._connections:
                ready.set()
                await self._ending.wait()
        finally:
            ready.set()

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call something where the account lives; return what it returns."""

        async def inside() -> Any:
            result = function(*arguments)
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(60)

    @property
    def url(self) -> str:
        """Where a window begins; another one each time."""
        return self.do(self.web.link)

    def cut(self) -> None:
        """Cut every connection."""
        self.do(lambda: [each.abort() for each in [*self._connections._open]])

    def refuse(self) -> None:
        """Take no connection any more, and cut those that there are."""
        self._connections._most, self._most = 0, self._connections._most
        self.cut()

    def take_again(self) -> None:
        """Take connections again."""
        self._connections._most = self._most

    def stop(self) -> None:
        self.do(self._ending.set)
        self._serving.result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._folder.cleanup()


class World:
    """One account, the people whom it knows, and the server of its page."""

    def __init__(self) -> None:
        self.server = Server()
        self.account = self.server.account
        self.do = self.server.do

    def befriend(self, name: str) -> Peer:
        return self.do(self.account.befriend, name)

    def write(self, peer: Peer, *texts: str) -> None:
        """Have somebody write to us."""
        self.do(lambda: [peer.write(text) for text in texts])

    def call(self, method: str, **params: Any) -> Any:
        """Call the account as another front end would."""
        area, name = method.split(".")
        return (
            self.do(getattr(getattr(self.account.app, area), name), **params)
            if not params
            else self.do(lambda: getattr(getattr(self.account.app, area), name)(**params))
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole run: while Playwright is there, an event loop runs in this thread, and nothing else may block.
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def new_world() -> Iterator[Callable[[], World]]:
    made: list[World] = []

    def make() -> World:
        made.append(World())
        return made[-1]

    yield make
    for each in made:
        each.server.stop()


@pytest.fixture(scope="module")
def world(new_world: Callable[[], World]) -> World:
    """The account of a module's tests."""
    return new_world()


@pytest.fixture(scope="module")
def faults() -> list[str]:
    """What went wrong in pages of the module and is not yet told."""
    return []


@pytest.fixture(autouse=True)
def no_faults(faults: list[str]) -> Iterator[None]:
    yield
    told = [*faults]
    faults.clear()
    assert not told


@pytest.fixture(scope="module")
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**({"viewport": {"width": 1200, "height": 800}, "locale": "en-GB"} | options))
        context.set_default_timeout(10_000)
        made.append(context)
        return context

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def new_page(new_context: Callable[..., BrowserContext], faults: list[str]) -> Callable[..., Page]:
    """Opens the page of a world in a window of its own, or in another tab of `context`."""

    def open_page(world: World, context: BrowserContext | None = None, **options: Any) -> Page:
        page = (context or new_context(**options)).new_page()

        def said(message: ConsoleMessage) -> None:
            # A connection that a test cuts is told by the browser, too.
            if message.type in {"error", "warning"} and "WebSocket connection" not in message.text:
                faults.append(message.text)

        page.on("console", said)
        page.on("pageerror", lambda error: faults.append(error.stack or str(error)))
        page.goto(world.server.url)
        return page

    return open_page


@pytest.fixture(scope="module")
def page(new_page: Callable[..., Page], world: World) -> Page:
    """The page of a module's tests."""
    return new_page(world)


@pytest.fixture(autouse=True, scope="session")
def patience() -> None:
    expect.set_options(timeout=10_000)


@pytest.fixture(scope="module")
def stage() -> Staged:
    """An account that is played: what it answers is the test's to say."""
    return Staged()


@pytest.fixture(scope="module")
def played(stage: Staged, new_context: Callable[..., BrowserContext], faults: list[str]) -> Page:
    """The page on the account that is played, one for all tests of a module."""
    page = stage.open(new_context(timezone_id="UTC", reduced_motion="reduce"))
    page.on("pageerror", lambda error: faults.append(error.stack or str(error)))
    return page
