"""What is there at one moment and was not at another: tasks, threads, processes, descriptors, files."""

import asyncio
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

import anyio

from balchat_host.testing.audit.events import Events
from balchat_host.testing.audit.places import Place, callers, made_by_test_tool, relevant, shown

_WORKERS: Final = {
    "_asyncio.py": ("run", {"get"}),  # anyio's, which wait for the next job in a queue
    "_thread_cache.py": ("_work", set[str]()),  # trio's
    "thread.py": ("_worker", set[str]()),  # of concurrent.futures
}
"""Of the threads that event loops keep for later, by their file: where they stand, and what they call there at rest."""
_WAKE_TASKS: Final = {"anyio._backends._asyncio", "asyncio.futures", "asyncio.tasks", "asyncio.timeouts"}
"""Modules whose timers end a task's wait. Such a timer is no more than its task, which may have been there at first."""
_WAITING_FOR_IO: Final = "get_events"
"""What trio does in a worker thread where it is the guest of another loop, as in tests by anyio."""
_frames: Final[Callable[[], dict[int, FrameType]]] = getattr(sys, "_current_frames")  # noqa: B009  # Python has no other
GRACE = 2.0
"""Seconds that a thread has to end: what ends in a moment of its own is no leak."""
_DESCRIPTORS: Final = Path("/proc/self/fd")
_THREADS: Final = Path("/proc/self/task")


class Tasks:
    """The tasks of this event loop that were there at first."""

    def __init__(self) -> None:
        self._before = {task.id for task in anyio.get_running_tasks()}

    def left(self) -> Iterator[str]:
        """Say which were not."""
        current = anyio.get_current_task().id
        for task in anyio.get_running_tasks():
            if task.id not in self._before and task.id != current:
                coroutine: Any = task.coro
                origin = getattr(coroutine, "cr_origin", None) or ()
                if not made_by_test_tool(origin):
                    yield f"a task: {task.name}, made at {shown(relevant(origin))}{_stands(coroutine)}"


class Timers:
    """The calls that this event loop was to make later at first. Only asyncio's has some."""

    def __init__(self) -> None:
        self._before = set(map(id, self._all()))

    def left(self) -> Iterator[str]:
        """Say which were not."""
        for timer in self._all():
            call: Any = timer._callback  # noqa: SLF001  # see below
            of_a_task = getattr(call, "__module__", "") in _WAKE_TASKS
            if id(timer) not in self._before and not of_a_task and not timer.cancelled():
                yield f"a timer, which calls {getattr(call, '__qualname__', 'something')} later"

    @staticmethod
    def _all() -> Sequence[asyncio.TimerHandle]:
        # A loop tells nobody of them.
        return list(getattr(asyncio._get_running_loop(), "_scheduled", ()))  # noqa: SLF001  # the public one raises on trio


class Threads:
    """The threads that were there at first."""

    def __init__(self) -> None:
        # Whoever makes this may be such a worker, and will be at rest.
        us = threading.current_thread()
        self._before = {thread: thread is not us and _has_work(thread) for thread in threading.enumerate()}

    def left(self, events: Events) -> Iterator[str]:
        """Say which were not, and go on. It blocks for a moment."""
        for thread in threading.enumerate():
            if thread in {threading.current_thread(), threading.main_thread()}:
                continue
            if thread not in self._before and not _ends_or_is_worker(thread):
                yield f"a thread: {thread.name}, made at {shown(events.threads.get(thread, ()))}"
            elif _is_worker(thread) and not self._before.get(thread) and not _comes_to_rest(thread):
                stack = _stack(thread)
                yield f"work that goes on in a worker thread, and stands at {shown(relevant(stack) or stack[:1])}"


class Descriptors:
    """The open files, sockets and child processes that were there at first. Where the system does not tell, none."""

    def __init__(self) -> None:
        self._before = set(_descriptors())
        self._children = set(_children())

    def left(self, events: Events) -> Iterator[str]:
        """Say which were not. It blocks for a moment."""
        made = {each.fileno(): place for each, place in list(events.sockets.items()) if each.fileno() >= 0}
        for number, *identity in set(_descriptors()) - self._before:
            del identity
            with suppress(OSError):
                target = str((_DESCRIPTORS / str(number)).readlink())
                what = "a socket" if target.startswith("socket:") else f"an open file ({target})"
                yield f"{what}, made at {shown(made.get(number) or events.opened.get(target, ()))}"
        for process in set(_children()) - self._children:
            yield f"a child process: {process}"


def files_left(events: Events, allowed: Sequence[Path]) -> Iterator[str]:
    """Say what was written and is still on the disk. What may stay in `allowed` folders is no more than files."""
    for path, place in events.written.items():
        with suppress(OSError):
            mode = os.lstat(path).st_mode
            speaks = stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode)
            if speaks or not _lies_in(Path(path), allowed):
                yield f"{'a socket on the disk' if speaks else 'something on the disk'}: {path}, made at {shown(place)}"


def _lies_in(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder.absolute()) for folder in folders)


def _stands(coroutine: Any) -> str:
    frame = getattr(coroutine, "cr_frame", None)
    return f", stands at {shown(list(callers(frame))[:1])}" if frame else ""


def _stack(thread: threading.Thread) -> list[Place]:
    stack = callers(_frames().get(thread.ident or 0))
    # Where calls that block are watched, one stands in the guard of the lock that it waits for.
    return [place for place in stack if Path(place[0]).name != "blockbuster.py"]


def _is_worker(thread: threading.Thread) -> bool:
    return any(_WORKERS.get(Path(file).name, ("",))[0] == function for file, _, function in _stack(thread))


def _ends_or_is_worker(thread: threading.Thread) -> bool:
    """Wait for a moment until a thread has ended, or is a worker thread. Return whether that came.

    A worker that has only begun, or has waited in vain for work and is about to end, stands nowhere that tells.
    """
    end = time.monotonic() + GRACE
    while thread.is_alive() and not _is_worker(thread):
        if time.monotonic() > end:
            return False
        thread.join(0.01)
    return True


def _has_work(thread: threading.Thread) -> bool:
    """Return whether it is a worker thread that has something to do."""
    called = ""
    for file, _, function in _stack(thread):
        if function == _WAITING_FOR_IO:
            return False
        stands, at_rest = _WORKERS.get(Path(file).name, ("", set[str]()))
        if stands == function:
            return called not in at_rest if at_rest else bool(called)
        called = function
    return False


def _comes_to_rest(thread: threading.Thread) -> bool:
    """Wait for a moment until a worker thread has nothing to do. Return whether that came."""
    end = time.monotonic() + GRACE
    while _has_work(thread):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _children() -> Iterator[int]:
    """Go through our child processes: each belongs to the thread that started it."""
    for thread in _THREADS.glob("*/children"):
        with suppress(OSError):
            yield from map(int, thread.read_text().split())


def _descriptors() -> Iterator[tuple[int, int, int]]:
    if _DESCRIPTORS.is_dir():
        for number in [int(path.name) for path in _DESCRIPTORS.iterdir()]:
            with suppress(OSError):  # that of the listing itself
                status = os.fstat(number)
                yield number, status.st_dev, status.st_ino
