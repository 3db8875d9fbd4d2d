"""What is there at one moment and was not at another: tasks, threads, processes, descriptors, files."""

import os
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import anyio

from balchat_host.testing.audit.events import Events
from balchat_host.testing.audit.places import callers, made_by_test_tool, relevant, shown

_IDLE_WORKERS: Final = ("AnyIO worker thread", "Trio thread", "asyncio_")
"""How the threads are called that event loops keep for later."""
_GRACE: Final = 2.0
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


class Threads:
    """The threads that were there at first."""

    def __init__(self) -> None:
        self._before = set(threading.enumerate())

    def left(self, events: Events) -> Iterator[str]:
        """Say which were not, and go on. It blocks for a moment."""
        for thread in threading.enumerate():
            if thread in self._before or thread is threading.current_thread() or _is_idle(thread):
                continue
            thread.join(0 if thread.daemon and not events.threads.get(thread) else _GRACE)
            if thread.is_alive() and not _is_idle(thread):
                yield f"a thread: {thread.name}, made at {shown(events.threads.get(thread, ()))}"


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


def _is_idle(thread: threading.Thread) -> bool:
    return thread.name.startswith(_IDLE_WORKERS)


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
