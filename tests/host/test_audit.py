"""The audit of the kits finds what is left behind or done, and says where that was made."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from secrets import token_bytes

import anyio
import pytest
from anyio import to_thread
from blockbuster import BlockingError

from balchat_host.testing.audit import Leak, audited, confide, leftovers, watched
from balchat_host.testing.audit.events import Events
from balchat_host.testing.audit.leftovers import Threads

HERE = re.escape(__file__)
SECRET = token_bytes(32)


class Pigeon:
    """A plugin that does what it must not. What it keeps is ended by the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: list[object] = []
        self.end = threading.Event()

    async def leave_a_task(self) -> None:
        self.kept.append(asyncio.create_task(self._watch()))

    async def _watch(self) -> None:
        await anyio.sleep_forever()

    async def leave_a_thread(self) -> None:
        thread = threading.Thread(target=self.end.wait)
        thread.start()
        self.kept.append(thread)

    async def leave_a_socket(self) -> None:
        self.kept.append(socket.socket(socket.AF_UNIX))

    async def leave_an_open_file(self) -> None:
        self.kept.append(await to_thread.run_sync((self.folder / "already").open))

    async def leave_a_file(self) -> None:
        await to_thread.run_sync((self.folder / "state").write_text, "where I was")

    async def leave_a_file_by_a_rename(self) -> None:
        def write() -> None:
            (self.folder / "state.new").write_text("where I was")
            (self.folder / "state.new").rename(self.folder / "state")

        await to_thread.run_sync(write)

    async def leave_a_folder(self) -> None:
        await to_thread.run_sync((self.folder / "cache").mkdir)

    async def leave_a_process(self) -> None:
        command = [sys.executable, "-c", "input()"]
        self.kept.append(await to_thread.run_sync(partial(subprocess.Popen, command, stdin=subprocess.PIPE)))

    async def log_octets(self) -> None:
        logging.getLogger("pigeon").debug("carrying %s", SECRET.hex())

    async def log_an_exception(self) -> None:
        logging.getLogger("pigeon").error("it fell down", exc_info=ValueError(SECRET))

    async def block(self) -> None:
        watched(self)
        time.sleep(0)  # noqa: ASYNC251  # that is the fault

    async def block_and_hide_it(self) -> None:
        watched(self)
        with suppress(BlockingError):
            os.rmdir(self.folder / "nothing")  # noqa: PTH106  # that is the fault

    async def dial_by_itself(self) -> None:
        watched(self, through="the host's file")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as mine:
            mine.setblocking(False)
            mine.connect_ex(("127.0.0.1", 9))

    async def dial_by_anyio(self) -> None:
        watched(self, through="the host's file")
        with suppress(OSError):
            await anyio.connect_tcp("127.0.0.1", 9)

    async def clean_up(self) -> None:
        self.end.set()
        for each in self.kept:
            match each:
                case asyncio.Task():
                    each.cancel()
                case threading.Thread():
                    await to_thread.run_sync(each.join)
                case subprocess.Popen():
                    await to_thread.run_sync(each.communicate)
                case _:
                    each.close()


@pytest.fixture
def anyio_backend() -> str:
    # blockbuster can only watch asyncio's loop.
    return "asyncio"


@pytest.fixture
def pigeon(tmp_path: Path) -> Pigeon:
    (tmp_path / "already").touch()
    return Pigeon(tmp_path)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("does", "what"),
    [
        ("leave_a_task", "a task: "),
        ("leave_a_thread", "a thread: "),
        ("leave_a_socket", "a socket, "),
        ("leave_an_open_file", "an open file "),
        ("leave_a_file", "something on the disk: .*/state, "),
        ("leave_a_file_by_a_rename", "something on the disk: .*/state, "),
        ("leave_a_folder", "something on the disk: .*/cache, "),
        ("log_octets", "a log line with a key in it"),
        ("log_an_exception", "a log line with a key in it"),
        ("block", "a call that blocks the event loop: time.sleep "),
        ("block_and_hide_it", "a call that blocks the event loop: os.rmdir "),
        ("dial_by_itself", "a connection past .*: connect "),
    ],
)
async def test_what_is_left_or_done_is_named_with_its_place(pigeon: Pigeon, does: str, what: str) -> None:
    assert re.search(rf"(?s)\n- {what}.*{HERE}:\d+ \((\w*{does}|write)\)", await found(pigeon, does))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("does", "what"), [("leave_a_process", "a child process"), ("dial_by_anyio", "connect at a place")]
)
async def test_what_has_no_place_of_its_own_is_named(pigeon: Pigeon, does: str, what: str) -> None:
    assert what in await found(pigeon, does)


async def found(pigeon: Pigeon, does: str) -> str:
    """Audit something that it does, and return what is found."""
    try:
        async with audited():
            confide("a key", SECRET)
            with suppress(BlockingError):
                await getattr(pigeon, does)()
    except Leak as leak:
        return str(leak)
    finally:
        await pigeon.clean_up()
    return "nothing"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_nothing_is_found_where_all_is_well(tmp_path: Path, anyio_backend: str) -> None:
    async with audited(folders=lambda: [tmp_path]):
        confide("a key", SECRET)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            await to_thread.run_sync((tmp_path / "state").write_text, "where I was")
            logging.getLogger("pigeon").info("all is well")
            with tempfile.TemporaryDirectory() as folder:
                listener = await anyio.create_unix_listener(Path(folder) / "socket")
                async with listener, await anyio.connect_unix(Path(folder) / "socket"), await listener.accept():
                    pass
            tasks.cancel_scope.cancel()


def test_a_worker_that_only_begins_or_is_about_to_end_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, end = Threads(), threading.Event()
    worker = threading.Thread(target=end.wait, daemon=True)
    worker.start()
    looks = iter([False, False])
    monkeypatch.setattr(leftovers, "_is_worker", lambda thread: next(looks, thread is worker))
    monkeypatch.setattr(leftovers, "_has_work", lambda thread: False)
    assert list(threads.left(Events(lambda *_: None))) == []
    assert list(looks) == []
    end.set()
    worker.join()


@pytest.mark.anyio
async def test_a_failure_of_the_test_itself_comes_first(pigeon: Pigeon) -> None:
    with pytest.raises(ZeroDivisionError):
        await fail_after(pigeon)
    await pigeon.clean_up()


async def fail_after(pigeon: Pigeon) -> None:
    async with audited():
        await pigeon.leave_a_socket()
        raise ZeroDivisionError
