"""Which windows are signed in, by secrets alone: from link to bearer, from locked to open again.

A link's token is exchanged for a bearer, which one window keeps. A screen lock ends every bearer at once: what a window
then holds opens nothing, but says which window asks for the passphrase. A link that is made while the screen is locked
opens a window that is locked, too. `sign_in`, `reopen` and `lock` are all the ways there are. Nothing is written
anywhere.

One thing goes on in a window that is locked: octets of files that it had begun to write may still come.
"""

import secrets
from collections.abc import Callable, Iterator
from typing import Final

from balchat_host.api.bell import Bell
from balchat_ui_web.errors import LinkInvalid, ScreenLocked, SignedOut
from balchat_ui_web.one_time import SIZE, OneTime, digest

LINK_SECONDS: Final = 60
WRONG_LINKS: Final = 5
"""Wrong tokens after which the person at the terminal is told. They end nothing: any program here can send some."""
MOST_WINDOWS: Final = 16
_MOST_LINKS: Final = 8
_MOST_LOCKED: Final = 64
"""Windows that a lock has ended and that may still ask for the passphrase; of more, the oldest is signed out."""

_MOST_UPLOADS: Final = 64
"""Files that one window writes at a time."""
UPLOAD_SECONDS: Final = 60
"""Seconds after the last piece of a file in which a locked window may go on with it."""

SIGNED_OUT: Final = 4401
LOCKED: Final = 4423
"""The codes with which a WebSocket is closed."""


class Window:
    """One window that is signed in, and the WebSockets that it has open."""

    def __init__(self) -> None:
        self.sockets: set[Callable[[int], None]] = set()
        """Each closes one, with a code."""
        self.uploads: dict[str, float] = {}
        """The files that it writes, and when their last pieces came."""

    def write(self, file: str, now: float) -> None:
        """Take note that a piece of a file has come."""
        self.uploads.pop(file, None)
        if len(self.uploads) >= _MOST_UPLOADS:
            del self.uploads[next(iter(self.uploads))]
        self.uploads[file] = now

    def close(self, code: int) -> None:
        """Close its WebSockets."""
        for close in [*self.sockets]:
            close(code)


class Sessions:
    """The windows of a server. `guessed` is called when somebody has tried as many wrong links as may be."""

    def __init__(self, clock: Callable[[], float], guessed: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self._links = OneTime[str](LINK_SECONDS, _MOST_LINKS, clock)
        self._guessed = guessed
        self._wrong = 0
        self._windows: dict[bytes, Window] = {}
        self._locked: dict[bytes, Window] = {}
        self._screen_locked = False
        self.signed_in = Bell()
        """Rings when a link has opened a window."""

    @property
    def windows(self) -> int:
        """How many are signed in."""
        return len(self._windows)

    def new_link(self) -> str:
        """Return a token for one window."""
        self._wrong = 0
        return self._links.make("a window")

    def sign_in(self, token: str) -> str:
        """Exchange a token for a bearer. Raise LinkInvalid."""
        if self._links.use(token) is None:
            self._wrong += 1
            if self._wrong == WRONG_LINKS:
                self._guessed()
            raise LinkInvalid
        self.signed_in.ring()
        if not self._screen_locked:
            return self._new_bearer()
        bearer = secrets.token_urlsafe(SIZE)
        self._keep_locked(digest(bearer), Window())
        return bearer

    def require(self, bearer: str) -> Window:
        """Return the window of a bearer. Raise ScreenLocked, SignedOut."""
        key = digest(bearer)
        if key in self._locked:
            raise ScreenLocked
        if key not in self._windows:
            raise SignedOut
        return self._windows[key]

    def require_upload(self, bearer: str, file: str) -> None:
        """Take note that a window writes a file; a locked one may only go on. Raise ScreenLocked, SignedOut."""
        now, key = self._clock(), digest(bearer)
        window = self._windows.get(key)
        if window is None:
            window = self._locked.get(key)
            if window is None:
                raise SignedOut
            if now - window.uploads.get(file, float("-inf")) > UPLOAD_SECONDS:
                raise ScreenLocked
        window.write(file, now)

    def require_locked(self, bearer: str) -> None:
        """Raise SignedOut unless a bearer is one that the screen lock ended."""
        if digest(bearer) not in self._locked:
            raise SignedOut

    def lock(self) -> None:
        """Lock the screen of every window."""
        self._screen_locked = True
        self._links.end_all()
        for key, window in self._windows.items():
            self._keep_locked(key, window)
            window.close(LOCKED)
        self._windows.clear()

    def reopen(self, bearer: str) -> str:
        """Exchange a locked window's bearer for a new one: the passphrase was right. Raise SignedOut."""
        self.require_locked(bearer)
        del self._locked[digest(bearer)]
        self._screen_locked = False
        return self._new_bearer()

    def sign_out(self, bearer: str) -> None:
        """End one window. Raise SignedOut."""
        key = digest(bearer)
        self._locked.pop(key, None)
        window = self._windows.pop(key, None)
        if window is None:
            raise SignedOut
        window.close(SIGNED_OUT)

    def _keep_locked(self, key: bytes, window: Window) -> None:
        while len(self._locked) >= _MOST_LOCKED:
            del self._locked[next(iter(self._locked))]
        self._locked[key] = window

    def _new_bearer(self) -> str:
        for key in self._least_used():
            self._windows.pop(key).close(SIGNED_OUT)
        bearer = secrets.token_urlsafe(SIZE)
        self._windows[digest(bearer)] = Window()
        return bearer

    def _least_used(self) -> Iterator[bytes]:
        over = len(self._windows) - MOST_WINDOWS + 1
        if over > 0:
            yield from sorted(self._windows, key=lambda key: bool(self._windows[key].sockets))[:over]
