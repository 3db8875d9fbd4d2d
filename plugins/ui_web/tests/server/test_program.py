"""`balchat web` as a person starts it: where it listens, how a browser gets the link, what a terminal asks."""

from __future__ import annotations

import socket
import stat
from typing import TYPE_CHECKING

import pytest
from balchat_ui_web import browser, program
from balchat_ui_web.browser import RedirectFile, open_window, remove_left_over
from balchat_ui_web.program import main
from balchat_ui_web.serving import listen

from balchat_host.api.errors import BadInput
from balchat_host.testing.memory_profiles import MemoryProfiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Served

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


def test_what_a_server_left_that_was_killed_is_removed(tmp_path: Path) -> None:
    RedirectFile(tmp_path, LINK)
    (tmp_path / "rpc.sock").touch()
    remove_left_over(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rpc.sock"]


def test_a_window_of_its_own_has_no_extensions_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[list[str]] = []
    monkeypatch.setattr(browser.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "chromium" else None)
    monkeypatch.setattr(browser.subprocess, "Popen", lambda line, **_: lines.append(line))
    file = RedirectFile(tmp_path, LINK)
    open_window(file.path, tmp_path)
    [line] = lines
    assert line[:2] == ["/usr/bin/chromium", f"--app={file.path.as_uri()}"]
    assert {"--disable-extensions", "--incognito", f"--user-data-dir={tmp_path}/web-browser"} <= set(line)
    assert not any("secret" in argument for argument in line)
    monkeypatch.setattr(browser.shutil, "which", lambda _: None)
    with pytest.raises(BadInput, match="chromium"):
        open_window(file.path, tmp_path)


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
