"""Pictures: in blocks, by kitty's protocol, and in sixels."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios
import tty
from typing import TYPE_CHECKING, Any

import pytest
from balchat_ui_tui import terminal_pictures
from balchat_ui_tui.effects import OpenScreen
from balchat_ui_tui.files.picture import PictureCame, PicturePage
from balchat_ui_tui.settings import Pictures, TuiSettings

from tests.support.tui_terminal import Terminal, shown

if TYPE_CHECKING:
    from balchat_host.testing.memory_profiles import MemoryProfiles

images = pytest.importorskip("PIL.Image", reason="pictures are an extra")
FIRST, SECOND = "\U0010eeee\u0305\u0305", "\U0010eeee\u0305\u030d"
"""Where kitty draws a picture's first two cells; a mark with the picture's number comes after each."""


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What draws by the terminal's protocol, after it has asked the terminal."""
    pytest.importorskip("textual_image", reason="pictures by the terminal's own protocol are an extra")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delitem(sys.modules, terminal_pictures.LIBRARY, raising=False)
    terminal_pictures.ask_terminal()
    return sys.modules[terminal_pictures.LIBRARY]


async def drawn(profiles: MemoryProfiles, pictures: Pictures) -> tuple[Terminal, str]:
    """Return what the terminal gets for a red picture."""
    octets = io.BytesIO()
    images.new("RGB", (40, 40), "red").save(octets, "WEBP")
    async with shown(profiles, settings=TuiSettings(pictures=pictures)) as screen:
        screen.app.session.open_screen(OpenScreen("files.picture", {"file": "f", "name": "a.png"}), screen.app.session)
        await screen.shows("a.png")
        assert isinstance(screen.app.screen, PicturePage)
        screen.app.screen.dispatch(PictureCame(octets=octets.getvalue()))
        await screen.until(lambda: not screen.app.screen.query_one(".picture-note").display)
        await screen.pilot.pause()
        return screen, screen.text


@pytest.mark.anyio
async def test_in_a_terminal_with_the_protocol_of_kitty_it_is_drawn_by_that(
    profiles: MemoryProfiles, library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(library, "AutoRenderable", library.TGPRenderable)
    monkeypatch.setattr(sys, "__stdout__", written)
    _, text = await drawn(profiles, Pictures.TERMINAL)
    assert "\x1b_G" in written.getvalue()
    assert re.search(f"{FIRST}.{SECOND}.", text)
    assert "more marks" not in text


@pytest.mark.anyio
async def test_in_a_terminal_with_sixels_it_is_drawn_in_them(
    profiles: MemoryProfiles, library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "Image", library.SixelImage)
    _, text = await drawn(profiles, Pictures.TERMINAL)
    assert "\x1bP" in text
    assert "␛" not in text


@pytest.mark.anyio
@pytest.mark.parametrize("pictures", [Pictures.BLOCKS, Pictures.TERMINAL])
async def test_elsewhere_it_is_drawn_in_blocks(profiles: MemoryProfiles, library: Any, pictures: Pictures) -> None:
    _, text = await drawn(profiles, pictures)
    assert "▀" * 20 in text
    assert "\x1b" not in text


def test_without_colours_the_terminal_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delitem(sys.modules, terminal_pictures.LIBRARY, raising=False)
    terminal_pictures.ask_terminal()
    assert terminal_pictures.widget() is None


ASKED = """
import sys
from balchat_ui_tui import terminal_pictures
terminal_pictures.ask_terminal()
widget = terminal_pictures.widget()
sys.stderr.write(f"{widget.__module__}.{widget.__name__}" if widget else "none")
"""


@pytest.mark.parametrize(
    ("answers", "protocol"),
    [
        pytest.param("\x1b[?62;4;22c", "textual_image.widget.sixel.Image", id="xterm with sixels"),
        pytest.param("\x1b[?62;22c\x1b_Gi=1;OK\x1b\\", "textual_image.widget.TGPImage", id="kitty"),
        pytest.param("", "none", id="one that says nothing at all"),
    ],
)
def test_a_terminal_is_asked_what_it_can_show(answers: str, protocol: str) -> None:
    """The terminal's answers lie there before they are asked for: how fast it is does not matter."""
    pytest.importorskip("textual_image", reason="pictures by the terminal's own protocol are an extra")
    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)
        # With pixels where the terminal answers: the library asks for the size of a cell first.
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, *((800, 480) if answers else (0, 0))))
        os.write(ours, answers.encode())
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        said = subprocess.run(
            [sys.executable, "-c", ASKED], check=True, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, text=True,
            env=environment,
        ).stderr  # fmt: skip
        asked = os.read(ours, 4096)
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"\x1b[c" in asked
    assert said == protocol
