"""Opens a window of the page: in the browser that a person has, or in one without extensions and history.

The link goes through a file that only this user can read, not through a command line, which everybody can. A browser
from a snap sees neither the runtime directory nor any hidden folder, so its file lies in the folder that the snap has
for itself.
"""

import html
import os
import secrets
import shutil
import subprocess
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from balchat_host.api.errors import BadInput

CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "brave-browser")
_SNAPS: Final = Path("/snap/bin")
_SNAP_PROGRAM: Final = Path("/usr/bin/snap")
_SNAP_DESKTOP_FILES: Final = Path("/var/lib/snapd/desktop/applications")
_ASKING_SECONDS: Final = 5
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
        self.path = directory / f"balchat-web-{secrets.token_hex(8)}.html"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, mode=0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_PAGE.format(url=html.escape(url, quote=True)))

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def remove_left_over(directory: Path) -> None:
    """Remove what a server has left that was killed: files that lead nowhere any more, and what a window has kept."""
    for place in (directory, *_folders_of_snaps()):
        for path in place.glob("balchat-web-*.html"):
            path.unlink(missing_ok=True)
        for path in place.glob("balchat-web-window-*"):
            shutil.rmtree(path, ignore_errors=True)


def place_for_browser(directory: Path) -> Path:
    """Return where the person's browser can read a file: in `directory`, unless it cannot see that."""
    snap = _default_snap()
    return _folder_of(snap) or directory if snap else directory


def open_browser(file: Path) -> bool:
    """Show a file in the person's browser; return whether there is one."""
    return webbrowser.open(file.as_uri())


class OwnWindow:
    """A window without extensions, in a browser of its own that keeps what it keeps in a folder, until it is closed."""

    def __init__(self, directory: Path) -> None:
        """Find the browser. Raise BadInput."""
        program = next((found for each in CHROMIUMS if (found := shutil.which(each))), None)
        if program is None:
            raise BadInput(what="--window", problem=f"it needs one of {', '.join(CHROMIUMS)}")
        snap = _snap_of(Path(program))
        self.place = (_folder_of(snap) if snap else None) or directory
        """Where it can read a file."""
        self._program = program
        self._kept = self.place / f"balchat-web-window-{secrets.token_hex(8)}"
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, file: Path) -> None:
        """Show a file."""
        self._kept.mkdir(mode=0o700)
        line = [self._program, f"--app={file.as_uri()}", f"--user-data-dir={self._kept}", "--incognito"]
        line += ["--no-first-run", "--disable-sync", "--disable-extensions", "--disable-background-networking"]
        line += ["--disable-component-update"]
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen(line, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)

    def wait(self) -> None:
        """Return when the person has closed it. Blocks."""
        if self._process is not None:
            self._process.wait()

    def close(self) -> None:
        """Close it, and remove what it has kept. Blocks."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        shutil.rmtree(self._kept, ignore_errors=True)


def _default_snap() -> str | None:
    """Return the snap that the person's browser comes from, None for any other browser."""
    if named := os.environ.get("BROWSER"):
        program = shutil.which(named.partition(":")[0])
        return _snap_of(Path(program)) if program else None
    asking = shutil.which("xdg-settings")
    if asking is None:
        return None
    try:
        asked = subprocess.run(
            [asking, "get", "default-web-browser"],
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=_ASKING_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return None
    name = Path(asked.stdout.strip()).name
    return name.partition("_")[0] if name and (_SNAP_DESKTOP_FILES / name).exists() else None


def _snap_of(program: Path) -> str | None:
    is_snap = program.parent == _SNAPS or program.resolve() == _SNAP_PROGRAM
    return program.name.partition(".")[0] if is_snap else None


def _folder_of(snap: str) -> Path | None:
    """Return the folder that a snap has for itself in ours, if it is there and ours."""
    folder = Path.home() / "snap" / snap / "common"
    try:
        return folder if folder.is_dir() and folder.stat().st_uid == os.geteuid() else None
    except OSError:
        return None


def _folders_of_snaps() -> Iterator[Path]:
    return (Path.home() / "snap").glob("*/common")
