"""Make the pictures of the web page in docs/images: the same ones each time, of an account that is played.

Nothing of an account of yours is in them, and nothing is fetched. `make web-pictures` runs it. Debian's Chromium draws,
Pillow makes the files small.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.staged_page import Staged  # noqa: E402  # the path of the tests comes first
from tests.support.staged_page.screens import go  # noqa: E402  # after the path is set

if TYPE_CHECKING:
    from collections.abc import Iterable

IMAGES: Final = ROOT / "docs" / "images"
CHROMIUM: Final = "/usr/bin/chromium"
MOST: Final = 1_500_000
"""Octets that all of the pictures may have together."""

WIDE: Final = {"width": 1360, "height": 860}
PHONE: Final = {"width": 390, "height": 780}

PICTURES: Final = (
    ("chat", WIDE, "light", ("chat",)),
    ("chat-dark", WIDE, "dark", ("contact",)),
    ("phone", PHONE, "light", ("conversations", "chat", "code", "network")),
    ("phone-dark", PHONE, "dark", ("conversations", "chat-right-to-left", "verify", "unlock")),
    ("settings", WIDE, "light", ("settings",)),
)
"""The name of each picture, the window, the theme, and the screens that stand side by side in it."""


def main() -> int:
    """Make every picture. Return 1 where together they are too large."""
    made: list[Path] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, size, theme, screens in PICTURES:
            made.append(_save(f"web-{name}", _side_by_side(_shots(browser, size, theme, screens))))
        made.extend(_save(f"web-design-{theme}", _sheet(browser, theme)) for theme in ("light", "dark"))
        browser.close()
    octets = sum(each.stat().st_size for each in made)
    print(f"{len(made)} pictures, {octets / 1000:.0f} kB")
    return 0 if octets <= MOST else 1


def _open(browser: Browser, size: dict[str, int], theme: str) -> tuple[Page, Staged]:
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        device_scale_factor=1.5,
        locale="en-GB",
        timezone_id="UTC",
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(30_000)
    stage = Staged()
    page = stage.open(context)
    return page, stage


def _shots(browser: Browser, size: dict[str, int], theme: str, screens: Iterable[str]) -> list[Image.Image]:
    page, stage = _open(browser, size, theme)
    shots: list[Image.Image] = []
    for screen in screens:
        go(page, stage, screen)
        page.evaluate("document.activeElement?.blur()")
        page.wait_for_function("[...document.images].every((image) => image.complete)")
        shots.append(_shot(page))
    page.context.close()
    return shots


def _shot(page: Page, *, full: bool = False) -> Image.Image:
    return Image.open(BytesIO(page.screenshot(full_page=full, animations="disabled", caret="hide"))).convert("RGB")


def _sheet(browser: Browser, theme: str) -> Image.Image:
    page, _ = _open(browser, {"width": 1184, "height": 900}, theme)
    page.evaluate("import('/assets/x/sheet.js')")
    page.locator(".sheet").wait_for()
    shot = _shot(page, full=True)
    page.context.close()
    return shot


def _side_by_side(shots: list[Image.Image]) -> Image.Image:
    if len(shots) == 1:
        return shots[0]
    gap = 24
    width = sum(each.width for each in shots) + gap * (len(shots) + 1)
    whole = Image.new("RGB", (width, shots[0].height + 2 * gap), (128, 124, 118))
    left = gap
    for each in shots:
        whole.paste(each, (left, gap))
        left += each.width + gap
    return whole


def _save(name: str, image: Image.Image) -> Path:
    path = IMAGES / f"{name}.webp"
    image.save(path, "WEBP", quality=84, method=6)
    return path


if __name__ == "__main__":
    sys.exit(main())
