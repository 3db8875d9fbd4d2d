"""The pages of people, in one browser: what they type and see."""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM: Final = "/usr/bin/chromium"
PATIENCE: Final = 60_000
"""Milliseconds in which something that goes over Tor comes."""


@contextmanager
def pages() -> Generator[Callable[[str], Page]]:
    """Yield what opens a link in a window of its own, which shares nothing with the others."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])

        def open_page(link: str) -> Page:
            page = browser.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB").new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(link)
            return page

        try:
            yield open_page
        finally:
            browser.close()


def write(page: Page, name: str, text: str) -> None:
    """Write to somebody by the page."""
    page.locator(".app-list").get_by_role("button", name=re.compile(f"^{name}")).click()
    field = page.get_by_role("textbox", name=f"Message to {name}")
    field.fill(text)
    field.press("Enter")


def see(page: Page, text: str) -> None:
    """Wait until a message is on the page."""
    expect(page.get_by_role("article").filter(has_text=text)).to_be_visible(timeout=PATIENCE)
