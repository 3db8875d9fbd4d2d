"""The page in a browser: its first paint, many messages and conversations, writing while many come, and a long day.

Times are medians, of turns that change places. Everything runs on this machine, the browser too.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from playwright.sync_api import Page, sync_playwright

from bench.figure import AtMost, Figure, NoMoreThan
from bench.web_served import Served, add_messages, add_people, bring_messages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from balchat_host.testing.peer import Peer
    from bench.room import Room

TITLE = "Web page"
NOTE = (
    "Chromium without a window, and the server of `balchat web` with an account in memory. First paint: against an"
    " empty page with the same vendor.js, both with an empty cache, under a name of their own, and with the header for"
    " which the browser begins a process for them. Keystroke to pixel: from a key to the picture that"
    " shows it, as the browser itself says (`InputLatency`); p95 of 200 keys in the rhythm of somebody who types fast,"
    " in turns with and without messages that come into the open conversation, 50 a second. The simulated day: 24 hours"
    " with 20 messages that come and 2 that are written, in two conversations, opened in turns; memory after a forced"
    " collection of what nothing refers to."
)
MANY, FEW = 100_000, 100
MANY_PEOPLE, FEW_PEOPLE = 1000, 10
ROUNDS = 7
TYPING_TURNS, KEYS_A_TURN, A_SECOND = 5, 40, 50
HOURS, HOURS_BEFORE = 24, 20
PAUSES = (60, 110, 80, 130, 70)
"""Milliseconds between two keys: those of somebody who types fast."""
_PAINT = """() => new Promise(done => new PerformanceObserver((list, observer) => {
  const paint = list.getEntriesByName("first-contentful-paint")[0];
  if (paint) { observer.disconnect(); done(paint.startTime); }
}).observe({ type: "paint", buffered: true }))"""
_OPEN = """name => new Promise(done => {
  const began = performance.now();
  [...document.querySelectorAll(".conversation")].find(e => e.textContent.includes(name)).click();
  const look = () => requestAnimationFrame(
    document.querySelector(".message") ? () => done(performance.now() - began) : look);
  look();
})"""
_FIND = """words => new Promise(done => {
  const field = document.querySelector("#search-conversations");
  const began = performance.now();
  field.value = words;
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  const look = () => requestAnimationFrame(
    document.querySelectorAll(".app-list .conversation").length === 1 ? () => done(performance.now() - began) : look);
  look();
})"""


def measure(room: Room) -> list[Figure]:
    del room
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        served = Served(Path(folder) / "messages")
        people = {name: served.do(served.account.befriend, name) for name in ("Few", "Many")}
        for name, count in (("Few", FEW), ("Many", MANY)):
            served.do(people[name].write, "Message 0")
            served.do(served.account.change, lambda unit, name=name, count=count: add_messages(unit, name, count))
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        figures = [*_first_paint(browser, served), *_people(browser, Path(folder))]
        page = _opened(browser, served)
        page.locator(".conversation", has_text="Few").wait_for()
        figures += [_opening(page), _scrolling(page), _typing(browser, page, served)]
        figures += _day(page, served, people)
        browser.close()
        served.stop()
        return figures


def _opened(browser: Browser, served: Served) -> Page:
    """Return the page in a window of its own, with an empty cache."""
    page = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
    page.goto(served.do(served.web.link))
    return page


def _first_paint(browser: Browser, served: Served) -> list[Figure]:
    times: dict[bool, list[float]] = {True: [], False: []}
    whole: list[float] = []
    for turn in range(2 * ROUNDS):
        ours = turn % 2 == 0
        page = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
        page.goto(served.do(served.web.link) if ours else served.empty)
        times[ours].append(page.evaluate(_PAINT))
        if ours:
            page.locator(".conversation").first.wait_for()
            whole.append(page.evaluate("performance.now()"))
        page.context.close()
    empty = median(times[False])
    return [
        _against("first paint", times[True], "an empty page with vendor.js", [empty], AtMost(1.5)),
        _against("the list is there", whole, "an empty page with vendor.js", [empty]),
    ]


def _people(browser: Browser, folder: Path) -> list[Figure]:
    """Two accounts that differ in how many people they know."""
    there: dict[int, list[float]] = {}
    found: dict[int, list[float]] = {}
    accounts: list[tuple[int, Served]] = []
    for count in (FEW_PEOPLE, MANY_PEOPLE):
        served = Served(folder / f"{count}")
        served.do(served.account.befriend, "Friend")
        served.do(served.account.change, lambda unit, count=count: add_people(unit, count - 1))
        accounts.append((count, served))
    for _ in range(ROUNDS):
        for count, served in accounts:
            page = _opened(browser, served)
            page.locator(".conversation").first.wait_for()
            there.setdefault(count, []).append(page.evaluate("performance.now()"))
            page.locator(".conversation").nth(3).wait_for()
            found.setdefault(count, []).append(page.evaluate(_FIND, "friend"))
            page.context.close()
    for _, served in accounts:
        served.stop()
    few, many = FEW_PEOPLE, MANY_PEOPLE
    return [
        _against("a list of 1,000 conversations is there", there[many], "of 10", there[few], AtMost(1.5)),
        _against("find one of 1,000 by its name", found[many], "of 10", found[few], AtMost(1.5)),
    ]


def _opening(page: Page) -> Figure:
    times: dict[str, list[float]] = {"Few": [], "Many": []}
    for turn in range(2 * ROUNDS):
        name = ("Few", "Many")[turn % 2]
        page.locator(".app-list .conversation", has_text="Notes to self").click()
        page.get_by_role("heading", name="Notes to self").wait_for(state="attached")
        times[name].append(page.evaluate(_OPEN, name))
    return _against("open a conversation of 100,000", times["Many"], "one of 100", times["Few"], AtMost(1.5))


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
    return _against("go to any day of 100,000", times["Many"], "of 100", times["Few"], AtMost(1.5))


def _typing(browser: Browser, page: Page, served: Served) -> Figure:
    page.locator(".app-list .conversation", has_text="Few").click()
    field = page.locator("#composer")
    # What one sends takes the view to the end, where it follows what comes.
    field.fill("Here I am.")
    field.press("Enter")
    page.locator(".message.own").last.wait_for()
    idle, busy, written, took = [], [], 0, 0.0
    for _ in range(TYPING_TURNS):
        idle += _keys(browser, page)
        writer = _Writer(served, "Few")
        began = perf_counter()
        busy += _keys(browser, page)
        written += writer.end()
        took += perf_counter() - began
    field.fill("")
    page.locator(".message.other").last.wait_for()
    return Figure(
        what=f"keystroke to pixel, p95, {written / took:.0f} messages a second",
        measured=_p95(busy),
        against="none",
        limit=_p95(idle),
        unit="ms",
        target=NoMoreThan(16, "ms"),
    )


def _keys(browser: Browser, page: Page) -> list[float]:
    page.locator("#composer").focus()
    browser.start_tracing(page=page, categories=["-*", "latencyInfo"])
    for number in range(KEYS_A_TURN):
        page.keyboard.press("x")
        page.wait_for_timeout(PAUSES[number % len(PAUSES)])
    events = json.loads(browser.stop_tracing())["traceEvents"]
    began: dict[str, float] = {}
    took: list[float] = []
    for each in sorted(events, key=lambda each: each["ts"]):
        if each["name"] == "InputLatency::KeyDown" and each["ph"] == "b":
            began[each["id"]] = each["ts"]
        elif each["name"] == "InputLatency::KeyDown":
            took.append((each["ts"] - began.pop(each["id"])) / 1000)
    return took


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


class _Writer:
    """Messages that come into a conversation from now on, so many a second whatever the machine's load.

    What makes and reads a message's envelope costs far more than what the page does with it, and shares our two cores:
    messages are put where the account has them when it has read them.
    """

    def __init__(self, served: Served, name: str) -> None:
        self._ending = threading.Event()
        self._written = 0
        self._thread = threading.Thread(target=self._write, args=(served, name))
        self._thread.start()

    def _write(self, served: Served, name: str) -> None:
        began = perf_counter()
        while not self._ending.wait(1 / A_SECOND):
            due = int((perf_counter() - began) * A_SECOND) - self._written
            served.do(served.account.change, lambda unit, due=due: bring_messages(unit, name, due))
            self._written += due

    def end(self) -> int:
        """Return how many came."""
        self._ending.set()
        self._thread.join()
        return self._written


def _day(page: Page, served: Served, people: dict[str, Peer]) -> list[Figure]:
    _hours(page, served, people, HOURS_BEFORE)
    before, nodes = _memory(page), page.evaluate("document.querySelectorAll('*').length")
    process = _resident()
    _hours(page, served, people, HOURS)
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
        Figure(
            what="memory of the process with server and account in memory",
            measured=_resident(),
            against=start,
            limit=process,
            unit="KiB",
        ),
    ]


def _hours(page: Page, served: Served, people: dict[str, Peer], count: int) -> None:
    field = page.locator("#composer")
    for hour in range(count):
        name = ("Few", "Many")[hour % 2]
        served.do(lambda name=name: [people[name].write(f"In the course of the day {n}") for n in range(20)])
        page.locator(".app-list .conversation", has_text=name).click()
        page.get_by_role("heading", name=name, exact=True).wait_for(state="attached")
        for number in range(2):
            field.fill(f"An answer {hour} {number}")
            field.press("Enter")
        # On a machine that does other things, what came in a storm before is not all drawn yet.
        page.locator(".message.own", has_text=f"An answer {hour} 1").last.wait_for(timeout=120_000)


def _memory(page: Page) -> float:
    """Return what the page's scripts hold, in KiB, once what nothing refers to is collected."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    return next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize") / 1024


def _resident() -> float:
    """Return the memory of this process, in KiB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return float(line.split()[1])


def _against(
    what: str, measured: list[float], against: str, limit: list[float], target: AtMost | None = None
) -> Figure:
    """Return medians side by side."""
    return Figure(what=what, measured=median(measured), against=against, limit=median(limit), unit="ms", target=target)
