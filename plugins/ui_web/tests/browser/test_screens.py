"""Every screen: nothing that shuts people out, in both themes, and at 320 pixels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.support.staged_page import Staged
from tests.support.staged_page.screens import NAMES, go

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

SNAPSHOTS = Path(__file__).parent / "snapshots"
NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    options = {"locale": "en-GB", "timezone_id": "UTC", "color_scheme": "light", "reduced_motion": "reduce"}
    made = browser.new_context(viewport=WIDE, **options)
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture(scope="module")
def stage() -> Staged:
    return Staged()


@pytest.fixture(scope="module")
def page(context: BrowserContext, stage: Staged) -> Page:
    """One page for all screens: those after which nothing goes on come last."""
    return stage.open(context)


def wider_than_its_window(page: Page) -> list[str]:
    """Return what reaches beyond the window, or is wider than what holds it and cannot be scrolled to."""
    return page.evaluate("""() => [...document.querySelectorAll('body *')].filter((element) => {
        const box = element.getBoundingClientRect();
        if (!box.width || element.closest('.unseen, svg, pre, [aria-hidden=true]')) return false;
        return box.right > innerWidth + 1 || box.left < -1;
    }).map((element) => `${element.tagName}.${element.className}`)""")


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_shuts_nobody_out(page: Page, stage: Staged, name: str):
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    go(page, stage, name)
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert not found.violations_count, found.generate_report()
    page.emulate_media(color_scheme="dark")
    found = Axe().run(page, options={"runOnly": ["color-contrast"]})
    assert not found.violations_count, found.generate_report()
    assert_reads_as_before(page, name)
    page.set_viewport_size(NARROW)
    assert wider_than_its_window(page) == []


def assert_reads_as_before(page: Page, name: str) -> None:
    """Hold the tree that screen readers get to its snapshot; `UPDATE_SNAPSHOTS=1` writes it: look at what changed."""
    part = page.locator(".app-side" if page.locator(".app-side").count() else "main").first
    read = part.aria_snapshot() + "\n"
    file = SNAPSHOTS / f"{name}.yaml"
    if "UPDATE_SNAPSHOTS" in os.environ:
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(read)
    assert read == file.read_text()
