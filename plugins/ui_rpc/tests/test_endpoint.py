"""The socket lies where only its owner can reach it, and one process serves it."""

from __future__ import annotations

import ctypes
import os
import socket
import stat
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest
from anyio import to_thread
from balchat_ui_rpc import endpoint, peer
from balchat_ui_rpc.endpoint import listen, reach, remove, socket_path
from balchat_ui_rpc.plugin import connect
from balchat_ui_rpc.server import accept_each

from balchat_host.api.errors import AlreadyRunning, SocketUnusable

if TYPE_CHECKING:
    from balchat_host.api.frontend import FrontEndContext
    from conftest import Bench, Serving


def look(directory: Path) -> dict[str, str]:
    return {found.name: stat.filemode(found.lstat().st_mode) for found in directory.iterdir()}


def leave_dead_socket(path: Path) -> None:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()


@pytest.fixture
def path(context: FrontEndContext) -> Path:
    return socket_path(context)


@pytest.mark.anyio
async def test_only_the_owner_reaches_it_and_it_goes_with_the_server(serving: Serving, path: Path) -> None:
    assert look(path.parent) == {path.name: "srw-------"}
    await serving.stop()
    assert look(path.parent) == {}


@pytest.mark.anyio
async def test_a_dead_socket_is_replaced(bench: Bench, path: Path) -> None:
    leave_dead_socket(path)
    assert await connect(bench.context, None) is None
    await bench.serve()
    assert await (await bench.connect()).events.cursor() == 0


@pytest.mark.anyio
async def test_a_living_one_is_not(served: Bench) -> None:
    with pytest.raises(AlreadyRunning):
        await anyio.to_thread.run_sync(listen, served.context)
    assert await (await served.connect()).events.cursor() == 0


def test_a_busy_one_lives_too(context: FrontEndContext) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(socket_path(context)))
        busy.listen(0)
        waiting.connect(str(socket_path(context)))
        with pytest.raises(AlreadyRunning):
            listen(context)


@pytest.mark.anyio
async def test_the_socket_of_a_successor_stays(serving: Serving, path: Path) -> None:
    leave_dead_socket(path)
    await serving.stop()
    assert path.name in look(path.parent)


def test_what_is_no_socket_is_left_alone(context: FrontEndContext) -> None:
    socket_path(context).write_text("precious")
    with pytest.raises(SocketUnusable, match="no socket"):
        listen(context)
    assert socket_path(context).read_text() == "precious"


def test_a_path_too_long_for_a_socket_is_refused(context: FrontEndContext) -> None:
    deep = context.runtime_directory / ("x" * 100)
    deep.mkdir(mode=0o700)
    with pytest.raises(SocketUnusable, match="longer than"):
        listen(replace(context, runtime_directory=deep))


class TestAnUnsafeDirectory:
    """Neither end uses a directory that others can get into."""

    def refused(self, context: FrontEndContext, why: str) -> None:
        for use in (listen, reach):
            with pytest.raises(SocketUnusable, match=why):
                use(context)

    def test_open_to_others(self, context: FrontEndContext) -> None:
        for mode in (0o701, 0o710, 0o750, 0o777):
            context.runtime_directory.chmod(mode)
            self.refused(context, f"mode {mode:04o}")
        context.runtime_directory.chmod(0o700)

    def test_a_link(self, context: FrontEndContext) -> None:
        real = context.runtime_directory / "real"
        real.mkdir(mode=0o700)
        link = context.runtime_directory / "link"
        link.symlink_to(real)
        self.refused(replace(context, runtime_directory=link), "no link")

    def test_a_file(self, context: FrontEndContext) -> None:
        file = context.runtime_directory / "file"
        file.touch(mode=0o600)
        self.refused(replace(context, runtime_directory=file), "must be a directory")

    def test_of_somebody_else(self, context: FrontEndContext, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 54321)
        self.refused(context, "another user's")

    def test_absent(self, context: FrontEndContext) -> None:
        absent = replace(context, runtime_directory=context.runtime_directory / "absent")
        with pytest.raises(SocketUnusable, match="no directory"):
            listen(absent)
        assert reach(absent) is None


class TestTheOtherEnd:
    """Whose process is there, as the system says."""

    def test_it_is_known(self) -> None:
        one, other = socket.socketpair()
        with one, other:
            assert peer.peer_uid(one) == os.geteuid()
            peer.check_peer(one)

    def test_where_there_is_no_peercred_the_c_library_knows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def getpeereid(_: int, uid: ctypes.c_uint32, __: ctypes.c_uint32) -> int:
            ctypes.cast(uid, ctypes.POINTER(ctypes.c_uint32)).contents.value = 4711
            return 0

        monkeypatch.delattr(socket, "SO_PEERCRED")
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace(getpeereid=getpeereid))
        one, other = socket.socketpair()
        with one, other:
            assert peer.peer_uid(one) == 4711
            with pytest.raises(SocketUnusable, match="another user"):
                peer.check_peer(one)

    def test_when_the_c_library_fails_nobody_is_let_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(socket, "SO_PEERCRED")
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace(getpeereid=lambda *_: -1))
        one, other = socket.socketpair()
        with one, other, pytest.raises(SocketUnusable, match="who"):
            peer.check_peer(one)


def test_a_socket_that_cannot_be_made_is_not_left_half_made(
    context: FrontEndContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as refusing:
        refusing.setattr(Path, "chmod", refuse)
        with pytest.raises(SocketUnusable, match="not permitted"):
            listen(context)
    bound = listen(context)
    bound.socket.close()


def test_a_client_waits_in_the_queue_but_not_for_ever(
    context: FrontEndContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "_PATIENCE", 0)
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(socket_path(context)))
        busy.listen(0)
        waiting.connect(str(socket_path(context)))
        with pytest.raises(SocketUnusable):
            reach(context)


@pytest.mark.anyio
async def test_a_lasting_failure_to_accept_is_told(context: FrontEndContext) -> None:
    bound = await to_thread.run_sync(listen, context)
    bound.socket.close()
    with pytest.raises(SocketUnusable, match="no longer takes"):
        await accept_each(bound, lambda _: None)


def test_removing_what_is_gone_does_no_harm(context: FrontEndContext) -> None:
    bound = listen(context)
    bound.socket.close()
    for _ in range(2):
        remove(bound)
