"""Opens a window of the page: in the browser that a person has, or in one without extensions and history.

The link goes through a file that only this user can read, not through a command line, which everybody can.
"""

import html
import os
import secrets
import shutil
import subprocess
import webbrowser
from pathlib import Path
from typing import Final

from balchat_host.api.errors import BadInput

CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "brave-browser")
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>balchat</title>
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={url}">
<p><a href="{url}" rel="noreferrer">balchat</a></p>
</html>
"""


class RedirectFile:
    """A file in a private directory that leads a browser to a link. It is gone at the end of the context."""

    def __init__(self, directory: Path, url: str) -> None:
        self.path = directory / f"web-{secrets.token_hex(8)}.html"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, mode=0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_PAGE.format(url=html.escape(url, quote=True)))

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def remove_left_over(directory: Path) -> None:
    """Remove what a server has left that was killed: files that lead nowhere any more."""
    for path in directory.glob("web-*.html"):
        path.unlink(missing_ok=True)


def open_browser(file: Path) -> bool:
    """Show a file in the person's browser; return whether there is one."""
    return webbrowser.open(file.as_uri())


def open_window(file: Path, directory: Path) -> subprocess.Popen[bytes]:
    """Show a file in a window without extensions, whose browser keeps what it keeps in `directory`. Raise BadInput."""
    program = next((found for each in CHROMIUMS if (found := shutil.which(each))), None)
    if program is None:
        raise BadInput(what="--window", problem=f"it needs one of {', '.join(CHROMIUMS)}")
    kept = directory / "web-browser"
    kept.mkdir(mode=0o700, exist_ok=True)
    line = [program, f"--app={file.as_uri()}", f"--user-data-dir={kept}", "--no-first-run", "--disable-sync"]
    line += ["--disable-extensions", "--disable-background-networking", "--disable-component-update", "--incognito"]
    return subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
