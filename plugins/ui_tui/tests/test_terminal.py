"""What the terminal and the person's editor get besides the screen: a bell, a title, colours of its own, a file."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from balchat_ui_tui import app as app_module
from balchat_ui_tui.external_editor import editor, write_elsewhere
from balchat_ui_tui.grapheme_mode import GraphemeMode
from balchat_ui_tui.settings import Theme, TuiSettings
from balchat_ui_tui.terminal import set_title

from balchat_host.api.errors import BadInput
from tests.support.tui_terminal import ENGLISH as T
from tests.support.tui_terminal import Terminal, shown

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import App

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfiles

pytestmark = pytest.mark.anyio


class Written:
    """A terminal's driver that keeps what is written."""

    is_headless = False

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


class Tui:
    """What the editor needs of the program."""

    t = T

    def suspend(self) -> nullcontext[None]:
        return nullcontext()


def test_the_title_has_a_number_and_nothing_else() -> None:
    driver = Written()
    app: Any = type("", (), {"_driver": driver})()
    set_title(app, "balchat", 2)
    set_title(app, "balchat", 0)
    assert driver.text == "\x1b]2;(2) balchat\x1b\\\x1b]2;balchat\x1b\\"


def test_a_terminal_that_can_draws_emoji_of_several_parts_as_one_until_the_program_ends_or_stops() -> None:
    driver = Written()
    mode = GraphemeMode(driver.write)
    mode.begin()
    mode.answered("\x1b[?2026;2$y")
    mode.answered("\x1b[?2027;2$y")
    mode.end()
    mode.begin()
    mode.end()
    assert driver.text == "\x1b[?2027$p" + 2 * "\x1b[?2027h\x1b[?2027l"


@pytest.mark.parametrize("answer", ["", "\x1b[?2027;0$y", "\x1b[?2027;1$y", "\x1b[?2027;3$y", "\x1b[?2027;4$y"])
def test_a_terminal_that_does_so_anyway_or_cannot_is_left_as_it_is(answer: str) -> None:
    driver = Written()
    mode = GraphemeMode(driver.write)
    mode.begin()
    mode.answered(answer)
    mode.end()
    mode.answered("\x1b[?2027;2$y")
    assert driver.text == "\x1b[?2027$p"


@pytest.mark.parametrize("wanted", [True, False])
async def test_title_and_bell_say_that_there_is_something_unread_but_not_what_and_only_where_wanted(
    profiles: MemoryProfiles, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    eve = alice.befriend("Eve")
    titles: list[tuple[str, int]] = []
    rings: list[str] = []

    def remember(app: App[int], name: str, unread: int) -> None:
        del app
        titles.append((name, unread))

    monkeypatch.setattr(app_module, "set_title", remember)
    monkeypatch.setattr(app_module.BalchatTui, "bell", lambda _: rings.append("ring"))
    async with shown(profiles, settings=TuiSettings(bell=wanted, title=wanted)) as screen:
        eve.write("a secret")
        await screen.shows("a secret")
        assert titles == ([("balchat", 0), ("balchat", 1)] if wanted else [])
        assert rings == (["ring"] if wanted else [])


async def test_in_the_terminals_own_colours_text_and_background_are_those_of_the_terminal(
    profiles: MemoryProfiles, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("COLORFGBG", raising=False)
    alice.befriend("Bob").write("Are you there?")
    async with shown(profiles, settings=TuiSettings(theme=Theme.ANSI)) as screen:
        await screen.open("Bob")
        await screen.shows("Are you there?")
        styles = _styles(screen, "Are you there?")
        assert styles
        for style in styles:
            assert style.color is None or style.color.is_default or style.color.number is not None
            assert style.bgcolor is None or style.bgcolor.is_default or style.bgcolor.number is not None
            assert style.color is None or style.color.is_default or style.color != style.bgcolor


def _styles(screen: Terminal, text: str) -> list[Any]:
    strips = screen.app.screen._compositor.render_strips()
    return [segment.style for strip in strips for segment in strip if text in segment.text and segment.style]


@pytest.mark.parametrize(
    ("does", "raises"),
    [
        ('printf " and more" >> "$1"', None),
        ("exit 3", "it ended with 3"),
        ('head -c 2000000 /dev/zero > "$1"', "too long"),
        ('rm "$1"', "cannot be read"),
        ('rm "$1"; mkfifo "$1"', "not a file"),
    ],
    ids=["writes", "fails", "writes too much", "removes it", "puts a pipe there"],
)
async def test_the_file_for_the_editor_is_private_and_gone_when_the_editor_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, raises: str | None
) -> None:
    folder, script, seen = tmp_path / "run", tmp_path / "editor", tmp_path / "seen"
    folder.mkdir()
    script.write_text(f'stat -c %a "$1" > {seen}\n{does}\n')
    monkeypatch.setenv("VISUAL", f"sh {script}")
    tui: Any = Tui()
    if raises is None:
        assert await write_elsewhere(tui, folder, "a draft") == "a draft and more"
    else:
        with pytest.raises(BadInput, match=raises):
            await write_elsewhere(tui, folder, "a draft")
    assert seen.read_text().strip() == "600"
    assert list(folder.iterdir()) == []


async def test_what_is_no_command_of_an_editor_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "vi 'x")
    tui: Any = Tui()
    with pytest.raises(BadInput, match="cannot be started"):
        await write_elsewhere(tui, tmp_path, "a draft")
    assert editor({"VISUAL": " ", "EDITOR": "nano -w"}) == ["nano", "-w"]
    assert editor({"EDITOR": ""}) == ["vi"]


async def test_a_title_that_is_no_longer_wanted_says_nothing_more(
    profiles: MemoryProfiles, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.befriend("Eve").write("a secret")
    titles: list[int] = []
    monkeypatch.setattr(app_module, "set_title", lambda _app, _name, unread: titles.append(unread))
    async with shown(profiles) as screen:
        await screen.until(lambda: titles[-1] == 1)
        screen.app.take_setting("settings.ui_tui.title", value=False)
        assert titles[-1] == 0
        screen.app.take_setting("settings.ui_tui.title", value=True)
        assert titles[-1] == 1


async def test_where_there_is_no_editor_nothing_is_left_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", str(tmp_path / "missing"))
    tui: Any = Tui()
    with pytest.raises(BadInput, match="cannot be started"):
        await write_elsewhere(tui, tmp_path, "a draft")
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240  # nothing else runs in this test
