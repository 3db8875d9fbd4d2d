"""What Python tells of sockets, files and threads as they are made (PEP 578), with the place where that was.

An audit hook cannot be removed, so there is one for the whole process, and it does nothing while nobody watches.
"""

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from inspect import currentframe
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from anyio import to_thread

from balchat_host.testing.audit.places import Place, callers, here, made_by_test_tool, relevant, shown
from balchat_host.testing.waiting import in_real_time

RunSync: TypeAlias = Callable[..., Coroutine[Any, Any, Any]]

# As they are before blockbuster wraps them; neither follows links.
_absolute: Final = os.path.abspath
_exists: Final = os.path.lexists
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_PASSING: Final = ("__pycache__", ".hypothesis", ".pytest_cache", ".pyc", ".coverage")
_SHARED_MEMORY: Final = "/dev/shm/"  # noqa: S108  # nothing is made there
_INTERNET: Final = (socket.AF_INET, socket.AF_INET6)
_PROGRAMS: Final = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.spawn", "os.fork"})
_NAMES: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_TELLING: Final = {
    **dict.fromkeys(_PROGRAMS, "a program's arguments or environment"),
    **dict.fromkeys(_NAMES, "a name that is looked up"),
    "syslog.syslog": "a line of the system's log",
}
"""What is given to others by an event: everybody on the machine, or whoever resolves names, can see it."""
_FOREIGN: Final = _NAMES | {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}
_LINKS: Final = frozenset({"os.symlink", "os.link"})
_CODE: Final = (".py", ".pyc", ".so")
"""What Python opens when it imports, or shows a line of a traceback."""


class Events:
    """What was made since it was started.

    `inside` names files of code that may use the internet only through the host; `through` is the host's own file.
    `hear` gets what is told to others: what it is, where, and the text.
    """

    def __init__(self, hear: Callable[[str, str, str], None]) -> None:
        self._hear = hear
        self.sockets: WeakKeyDictionary[socket.socket, list[Place]] = WeakKeyDictionary()
        self.threads: WeakKeyDictionary[threading.Thread, list[Place]] = WeakKeyDictionary()
        self.opened: dict[str, list[Place]] = {}
        """By path, where it was opened last."""
        self.written: dict[str, list[Place]] = {}
        """By path, where it was made or opened for writing."""
        self.past_dial: list[str] = []
        """What code that may not has done with the internet."""
        self.opened_in_loop: list[str] = []
        """Which files code of `inside` has opened in the event loop, and where."""
        self.inside: set[str] = set()
        self.through = ""
        self._run_sync: RunSync = to_thread.run_sync

    def start(self) -> None:
        """Take note from now on."""
        self._run_sync = to_thread.run_sync
        to_thread.run_sync = _remembering(self._run_sync)
        threading.Thread.start = self._start_thread  # pyright: ignore[reportAttributeAccessIssue]  # it is called the same
        _watching.append(self)

    def stop(self) -> None:
        """Take note no more."""
        _watching.remove(self)
        to_thread.run_sync = self._run_sync
        threading.Thread.start = _start_thread

    def note(self, event: str, given: tuple[Any, ...]) -> None:
        """Take note of one event, if it is of interest."""
        if event in _TELLING:
            self._hear(_TELLING[event], f"given to {event} at {shown(self._place())}", repr(given))
        if event == "open":
            self._note_open(*given)
        elif event == "socket.__new__":
            self.sockets[given[0]] = self._place()
        elif event == "sqlite3.connect" or (event == "os.mkdir" and not _exists(given[0])):
            self._note_written(given[0])
        elif event in _LINKS:
            self._note_written(given[1])
        elif event in _FOREIGN:
            self._note_foreign(event, given)
            if event == "socket.bind" and given[0].family == socket.AF_UNIX and given[1]:
                self._note_written(given[1])
        elif event in _PROGRAMS:
            self._note_program(event)
        elif event == "os.rename" and (places := self.written.get(_path(given[0]))) is not None:
            self.written[_path(given[1])] = places

    def _note_open(self, path: object, mode: object, flags: int) -> None:
        del mode
        if isinstance(path, str | bytes | os.PathLike):
            place = self.opened[_path(path)] = self._place()
            if flags & _WRITES:
                self._note_written(path, place)
            if self.inside and place and _in_asyncio() and not _path(path).endswith(_CODE):
                self._note_opened_in_loop(place)

    def _note_opened_in_loop(self, place: list[Place]) -> None:
        if place[0][0].startswith(tuple(self.inside)):
            self.opened_in_loop.append(shown(place))

    def _note_written(self, path: Any, place: list[Place] | None = None) -> None:
        text = _path(path)
        if text.startswith("file:"):  # as SQLite takes them
            text = text.removeprefix("file:").partition("?")[0]
        if text.startswith(("/dev/", "/proc/", "\0", ":memory:")) and not text.startswith(_SHARED_MEMORY):
            return
        if not text or any(part in text for part in _PASSING):
            return
        if not made_by_test_tool(callers(currentframe())):
            self.written[_absolute(text)] = self._place() if place is None else place

    def _note_foreign(self, event: str, given: tuple[Any, ...]) -> None:
        if not self.inside:
            return
        # What a worker thread does is done by whoever has sent it there.
        files = [place[0] for place in (*callers(currentframe()), *_sent_from.get())]
        if self.through in files:
            return
        named = any(file.startswith(tuple(self.inside)) for file in files)
        place = self._place()
        internet = event in _NAMES or given[0].family in _INTERNET
        if named or (internet and not place):
            self.past_dial.append(f"{event.removeprefix('socket.')} at {shown(place)}")

    def _note_program(self, event: str) -> None:
        if any(place[0].startswith(tuple(self.inside)) for place in callers(currentframe()) if self.inside):
            self.past_dial.append(f"another program is started: {event} at {shown(self._place())}")

    @property
    def _start_thread(self) -> Callable[[threading.Thread], None]:
        def start(thread: threading.Thread) -> None:
            place = self.threads[thread] = here()
            self._hear("a thread's name", f"started at {shown(place)}", thread.name)
            _start_thread(thread)

        return start

    @staticmethod
    def _place() -> list[Place]:
        # A worker thread's own stack may end in the function that it was given, and that may be Python's own.
        return relevant(callers(currentframe())) or _sent_from.get()


_watching: Final[list[Events]] = []
_start_thread: Final = threading.Thread.start
_sent_from: Final[ContextVar[list[Place]]] = ContextVar("_sent_from", default=[])  # noqa: B039  # nobody changes it
"""Where what a worker thread does was sent to it."""


def _remembering(run_sync: RunSync) -> RunSync:
    """Return `run_sync`, which then remembers where it was called, and takes its time on a clock that jumps."""

    async def remembering(*given: Any, **named: Any) -> Any:
        token = _sent_from.set(here())
        try:
            with in_real_time():
                return await run_sync(*given, **named)
        finally:
            _sent_from.reset(token)

    return remembering


def _in_asyncio() -> bool:
    """Return whether an event loop of asyncio runs in this thread."""
    return asyncio._get_running_loop() is not None  # noqa: SLF001  # the public one raises where there is none


def _path(path: Any) -> str:
    return os.fsdecode(path)


def _hook(event: str, given: tuple[Any, ...]) -> None:
    for events in _watching:
        try:
            events.note(event, given)
        except (TypeError, ValueError, AttributeError):  # an event of another shape, in another Python
            continue


sys.addaudithook(_hook)
