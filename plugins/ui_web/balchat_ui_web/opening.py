"""Opens a window with a link that was just made, and tells the person at the terminal where that does not work."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from balchat_ui_web.browser import OwnWindow, RedirectFile, open_browser, place_for_browser
from balchat_ui_web.sessions import LINK_SECONDS

_SOON: Final = 10.0
"""Seconds after which a browser that has shown nothing has most likely not read the file."""


async def open_window(
    link: str, opened: Callable[[], Awaitable[object]], directory: Path, asked: argparse.Namespace
) -> None:
    """Open a window, and return once `opened` does, or the link is good no more; one of its own, once it is closed.

    `asked` is the command line. Raise BadInput.
    """
    if asked.no_browser or asked.print_link:
        _offer("This link opens one window", link, LINK_SECONDS)
    if asked.no_browser:
        with anyio.move_on_after(LINK_SECONDS):
            await opened()
    elif asked.window:
        await _in_own_window(link, opened, directory)
    else:
        await _in_browser(link, opened, directory, told=asked.print_link)


async def _in_browser(link: str, opened: Callable[[], Awaitable[object]], directory: Path, *, told: bool) -> None:
    place = await to_thread.run_sync(place_for_browser, directory)
    file = await to_thread.run_sync(RedirectFile, place, link)
    try:
        if not await to_thread.run_sync(open_browser, file.path):
            _offer("No browser could be opened. Open this link in one", link, LINK_SECONDS)
            told = True
        await _wait(link, opened, told=told)
    finally:
        file.remove()


async def _in_own_window(link: str, opened: Callable[[], Awaitable[object]], directory: Path) -> None:
    window = await to_thread.run_sync(OwnWindow, directory)
    try:
        file = await to_thread.run_sync(RedirectFile, window.place, link)
        try:
            await to_thread.run_sync(window.open, file.path)
            await _wait(link, opened, told=False)
        finally:
            file.remove()
        await to_thread.run_sync(window.wait, abandon_on_cancel=True)
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(window.close)


async def _wait(link: str, opened: Callable[[], Awaitable[object]], *, told: bool) -> None:
    """Wait for the window; where none comes soon, give the link itself."""
    with anyio.move_on_after(LINK_SECONDS):
        with anyio.move_on_after(_SOON) as soon:
            await opened()
        if not soon.cancelled_caught:
            return
        if not told:
            words = "No window has come yet: the browser may not be allowed to read our file. Open this link in it"
            _offer(words, link, LINK_SECONDS - _SOON)
        await opened()


def _offer(words: str, link: str, seconds: float) -> None:
    sys.stdout.write(f"{words}, within {seconds:.0f} seconds:\n{link}\n")
    sys.stdout.flush()
