"""What terminals understand besides what Textual says to them: a title."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from textual.app import App

_KEEP: Final = "\x1b[22;2t"
_BACK: Final = "\x1b[23;2t"
"""xterm's window operations: keep the title, and put it back."""


def keep_title(app: "App[int]") -> None:
    """Have the terminal remember the title that it has now."""
    _write(app, _KEEP)


def put_title_back(app: "App[int]") -> None:
    """Have the terminal show the title that it had before."""
    _write(app, _BACK)


def set_title(app: "App[int]", name: str, unread: int) -> None:
    """Have the terminal show a title: a name, and a number of what is unread. No text of others comes in it."""
    _write(app, f"\x1b]2;{f'({unread}) ' if unread else ''}{name}\x1b\\")


def _write(app: "App[int]", sequence: str) -> None:
    driver = app._driver  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # Textual has no other way to say this
    if driver is not None and not driver.is_headless:
        driver.write(sequence)
