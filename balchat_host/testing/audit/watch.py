"""The audit itself: starts all that watches, and puts together what it found."""

import sys
import threading
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from anyio import get_running_tasks, to_thread
from anyio.lowlevel import checkpoint

from balchat_host.testing.audit.blocking import BlockingWatch, package_of
from balchat_host.testing.audit.events import Events
from balchat_host.testing.audit.leftovers import Descriptors, Tasks, Threads, Timers, files_left
from balchat_host.testing.audit.logs import LogWatch
from balchat_host.testing.audit.state import Globals, ProcessState

T = TypeVar("T")

_OURS: Final = "balchat_host.testing."
"""What is made for tests may work in the event loop: a vault in memory does."""
_ORIGIN_DEPTH: Final = 12
"""How many callers a coroutine remembers: enough to get from anyio's task groups to who started the task."""
_SETTLING: Final = 10
"""Turns of the event loop in which what was closed is gone: transports of asyncio close in the turn after."""


class Leak(AssertionError):
    """Something was left behind, or done that a plugin must not do."""


class Audit:
    """What one test is watched for. Made by `audited`."""

    def __init__(self) -> None:
        self.logs = LogWatch()
        self.events = Events(self.logs.hear)
        self.blocking = BlockingWatch()
        self.globals: list[Globals] = []

    def start(self) -> None:
        """Watch from now on."""
        self.events.start()
        self.logs.start()
        self.blocking.start()
        _running.append(self)

    def stop(self) -> None:
        """Watch no more."""
        _running.remove(self)
        self.blocking.stop()
        self.logs.stop()
        self.events.stop()

    def done(self) -> Iterator[str]:
        """Say what was done."""
        yield from self.logs.telling()
        yield from self.blocking.calls
        for place in self.events.opened_in_loop:
            yield f"a call that blocks the event loop: a file is opened at {place}"
        for call in self.events.past_dial:
            yield f"a connection past TransportContext.dial and publish: {call}"
        for globals_of in self.globals:
            yield from globals_of.changed()


_running: Final[list[Audit]] = []


def confide(what: str, octets: bytes, *, shortened: bool = False) -> None:
    """Say what is private, so that an audit that runs finds it in logs. Short octets are not looked for.

    What is random, as keys and addresses are, is found `shortened`, too.
    """
    for audit in _running:
        audit.logs.confide(what, octets, shortened=shortened)


def overhear(kind: str, place: str, text: str, *, may_hold: Collection[str] = ()) -> None:
    """Have an audit that runs look at a text as it looks at log lines: at that of an error, or at a task's name."""
    for audit in _running:
        audit.logs.hear(kind, place, text, may_hold=may_hold)


def overhear_names() -> None:
    """Have the audit look at the names of tasks and threads: they stand in tracebacks, and in logs."""
    for task in get_running_tasks():
        overhear("a task's name", "while the plugin ran", task.name or "")
    for thread in threading.enumerate():
        overhear("a thread's name", "while the plugin ran", thread.name)


def watched(plugin: T, *, through: str = "") -> T:
    """Watch the package of a plugin's object for calls that block, and return the object.

    With `through`, the file of the host that it has to dial through, watch it for connections past that.
    """
    if any(each.__module__.startswith(_OURS) for each in type(plugin).__mro__):
        return plugin
    for audit in _running:
        package = package_of(plugin)
        audit.blocking.watch(package)
        audit.logs.look_at_outputs()
        if through:
            if package.__name__ not in [each.package for each in audit.globals]:
                audit.globals.append(Globals(package.__name__))
            audit.events.inside.add(str(package.__path__[0] if hasattr(package, "__path__") else package.__file__))
            audit.events.through = through
    return plugin


def folders_of(request: pytest.FixtureRequest) -> Sequence[Path]:
    """Return the folders of a test's fixture `bench` in which files may stay; none where it could not be made."""
    bench: Any = getattr(request.node, "funcargs", {}).get("bench")
    return bench.folders() if hasattr(bench, "folders") else ()


@asynccontextmanager
async def audited(*, folders: Callable[[], Sequence[Path]] = tuple) -> AsyncGenerator[Audit]:
    """Audit what happens in the block. `folders`, asked at the end, are those in which files may stay.

    Raise Leak, unless the block itself has failed.
    """
    audit = Audit()
    threads, descriptors = await to_thread.run_sync(lambda: (Threads(), Descriptors()))
    tasks, timers, process = Tasks(), Timers(), ProcessState()
    depth = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(_ORIGIN_DEPTH)
    audit.start()
    try:
        yield audit
        for _ in range(_SETTLING):
            await checkpoint()
        found = [*tasks.left(), *timers.left(), *process.changed()]
    finally:
        sys.set_coroutine_origin_tracking_depth(depth)
        audit.stop()

    found += await to_thread.run_sync(_left, audit, threads, descriptors, folders)
    _require_nothing([*found, *audit.done()])


@contextmanager
def audited_without_loop(*, folders: Callable[[], Sequence[Path]] = tuple) -> Generator[Audit]:
    """Do what `audited` does, for a test that runs no event loop, or one of its own."""
    audit = Audit()
    threads, descriptors, process = Threads(), Descriptors(), ProcessState()
    audit.start()
    try:
        yield audit
        found = [*process.changed()]
    finally:
        audit.stop()
    _require_nothing([*found, *_left(audit, threads, descriptors, folders), *audit.done()])


def _left(
    audit: Audit, threads: Threads, descriptors: Descriptors, folders: Callable[[], Sequence[Path]]
) -> Sequence[str]:
    """Say what is left. It blocks for a moment."""
    events = audit.events
    return [*threads.left(events), *descriptors.left(events), *files_left(events, folders())]


def _require_nothing(found: Sequence[str]) -> None:
    if found:
        raise Leak("\n- ".join([f"{len(found)} found where there should be nothing:", *dict.fromkeys(found)]))
