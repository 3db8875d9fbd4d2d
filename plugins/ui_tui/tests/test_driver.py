"""The program has the terminal: signals, and a terminal that goes away."""

from __future__ import annotations

import io
import os
import pty
import signal
import sys
import termios
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from balchat_ui_tui.driver import TerminalDriver, ToldToLeave

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.anyio

_TAKEN = (
    signal.SIGHUP,
    signal.SIGTERM,
    signal.SIGTSTP,
    signal.SIGCONT,
    signal.SIGTTOU,
    signal.SIGTTIN,
    signal.SIGWINCH,
)


class App(SimpleNamespace):
    """Keeps what the driver tells."""

    def __init__(self) -> None:
        super().__init__(told=[])

    async def _post_message(self, message: object) -> None:
        if isinstance(message, ToldToLeave):
            self.told.append(message.code)

    async def exit_code(self) -> int:
        with anyio.fail_after(20):
            while not self.told:
                await anyio.lowlevel.checkpoint()
        return self.told.pop()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Generator[int]:
    """A terminal of which the program has one end; the other one."""
    ours, theirs = pty.openpty()
    before = {number: signal.signal(number, lambda *_: None) for number in _TAKEN}
    with os.fdopen(theirs, "r+b", buffering=0) as raw:
        monkeypatch.setattr(sys, "__stdin__", raw)
        monkeypatch.setattr(sys, "__stderr__", io.TextIOWrapper(raw, write_through=True))
        yield ours
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_a_signal_or_a_terminal_that_is_gone_has_the_program_leave(terminal: int) -> None:
    app: Any = App()
    driver = TerminalDriver(app)
    echoes = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
    driver.start_application_mode()
    signal.raise_signal(signal.SIGTERM)
    assert await app.exit_code() == 128 + signal.SIGTERM
    driver.stop_application_mode()
    assert bool(termios.tcgetattr(terminal)[3] & termios.ECHO) is echoes
    driver.close()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "another program has the terminal"

    driver.start_application_mode()
    os.close(terminal)
    assert await app.exit_code() == 128 + signal.SIGHUP
    driver.write("nobody reads this")
    driver.stop_application_mode()
    driver.close()
