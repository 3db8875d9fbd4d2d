"""`balchat web` as a person starts it: where it listens, how a browser gets the link, what a terminal asks."""

from __future__ import annotations

import socket
import stat
import time
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest
from balchat_ui_web import browser, program
from balchat_ui_web.browser import OwnWindow, RedirectFile, place_for_browser, remove_left_over
from balchat_ui_web.program import main
from balchat_ui_web.serving import listen

from balchat_host.api.errors import BadInput
from balchat_host.testing.memory_profiles import MemoryProfiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Served


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder of the test's own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.delenv("BROWSER", raising=False)
    return home


def deadline(true: Callable[[], bool]) -> None:
    """Wait until something is true of another process."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


LINK = "http://balchat-abcdefgh.localhost:1234/#t=secret&x=<y>"


def test_the_link_is_in_a_private_file_and_in_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(browser.webbrowser, "open", lambda url: shown.append(url) or True)
    file = RedirectFile(tmp_path, LINK)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert "#t=secret&amp;x=&lt;y&gt;" in file.path.read_text()
    browser.open_browser(file.path)
    assert shown == [file.path.as_uri()]
    assert "secret" not in shown[0]
    file.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_a_server_left_that_was_killed_is_removed(tmp_path: Path, home: Path) -> None:
    snap = home / "snap/firefox/common"
    snap.mkdir(parents=True)
    (tmp_path / "run").mkdir()
    for place in (tmp_path / "run", snap):
        RedirectFile(place, LINK)
        (place / "balchat-web-window-1").mkdir()
        (place / "balchat-web-window-1" / "History").touch()
        (place / "rpc.sock").touch()
    remove_left_over(tmp_path / "run")
    for place in (tmp_path / "run", snap):
        assert [path.name for path in place.iterdir()] == ["rpc.sock"]


def test_a_browser_from_a_snap_gets_the_file_where_it_can_read_it(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees no runtime directory and no hidden folder."""
    monkeypatch.setattr(browser, "_SNAP_DESKTOP_FILES", tmp_path)
    monkeypatch.setattr(browser.shutil, "which", lambda name: f"/usr/bin/{name}")
    asked = CompletedProcess([], 0, stdout="firefox_firefox.desktop\n")
    monkeypatch.setattr(browser.subprocess, "run", lambda *_, **__: asked)
    assert place_for_browser(tmp_path) == tmp_path, "no snap has that desktop file"
    (tmp_path / "firefox_firefox.desktop").touch()
    assert place_for_browser(tmp_path) == tmp_path, "the snap has no folder yet"
    own = home / "snap/firefox/common"
    own.mkdir(parents=True)
    assert place_for_browser(tmp_path) == own
    monkeypatch.setenv("BROWSER", "chromium")
    assert place_for_browser(tmp_path) == tmp_path, "the person has named another browser"
    monkeypatch.setattr(browser.shutil, "which", lambda name: f"/snap/bin/{name}")
    assert place_for_browser(tmp_path) == tmp_path, "that snap has no folder yet"
    (home / "snap/chromium/common").mkdir(parents=True)
    assert place_for_browser(tmp_path) == home / "snap/chromium/common"


def test_a_window_of_its_own_has_no_extensions_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "chromium"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/line\nexec sleep 60\n')
    program.chmod(0o700)
    monkeypatch.setattr(browser.shutil, "which", lambda name: str(program) if name == "chromium" else None)
    window = OwnWindow(tmp_path)
    file = RedirectFile(window.place, LINK)
    window.open(file.path)
    [kept] = tmp_path.glob("balchat-web-window-*")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    (kept / "History").touch()
    deadline(lambda: (tmp_path / "line").exists() and (tmp_path / "line").read_text().endswith("\n"))
    line = (tmp_path / "line").read_text().split()
    assert {"--disable-extensions", "--incognito", f"--user-data-dir={kept}", f"--app={file.path.as_uri()}"} <= {*line}
    assert not any("secret" in argument for argument in line)
    window.close()
    window.wait()
    assert not kept.exists()


def test_without_a_chromium_there_is_no_window_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser.shutil, "which", lambda _: None)
    with pytest.raises(BadInput, match="chromium"):
        OwnWindow(tmp_path)


def test_nobody_else_has_the_port_at_the_other_address() -> None:
    sockets = listen()
    port = sockets[0].getsockname()[1]
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as other, pytest.raises(OSError):  # noqa: PT011  # whichever
            other.bind(("::1", port))
        with pytest.raises(BadInput, match=str(port)):
            listen(port)
    finally:
        for each in sockets:
            each.close()


def test_a_port_that_is_taken_at_the_other_address_is_not_used() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as other:
        try:
            other.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        with pytest.raises(BadInput):
            listen(other.getsockname()[1])


def test_what_nobody_understands_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profiles = MemoryProfiles(tmp_path)
    assert main(profiles, ["--port", "80"]) == 2
    assert "unrecognized arguments" in capsys.readouterr().err
    assert main(profiles, ["--help"]) == 0
    assert "--no-browser" in capsys.readouterr().out


@pytest.mark.anyio
async def test_in_a_terminal_the_passphrase_is_asked_for_whether_the_account_runs_or_not(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serve(unlock="terminal").live() as served:
        for up in (True, False):
            typed = ["wrong one", "correct horse battery staple"]
            monkeypatch.setattr(program.getpass, "getpass", lambda _, typed=typed: typed.pop(0))
            await program._unlock(served.profile)
            assert typed == []
            if up:
                await served.end()
        await served.server.account.wait_until_running()
    assert capsys.readouterr().out.count("does not open the vault") == 2
