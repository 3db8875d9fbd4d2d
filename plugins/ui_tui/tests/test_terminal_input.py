"""What a terminal sends, in pieces as a slow line brings it, and letters of every keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_ui_tui.chat.composer import Composer
from balchat_ui_tui.driver import typed
from balchat_ui_tui.terminal_input import ESCAPE, Pasted, TerminalInput
from textual import events

from tests.support.tui_terminal import shown

if TYPE_CHECKING:
    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfiles

_DELAY = 0.1


def taken(*pieces: str, gap: float = 0.3, rest: float = 10.0) -> list[str | Pasted]:
    """Return what is made of pieces that come with a gap between them, texts put together, and of a long rest."""
    reads, now = TerminalInput(_DELAY), 0.0
    made: list[str | Pasted] = []
    for number, piece in enumerate((*pieces, "")):
        made += [*reads.feed("", now), *reads.feed(piece, now)]
        now += gap if number < len(pieces) - 1 else rest
    made += reads.feed("", now)
    joined: list[str | Pasted] = []
    for each in made:
        if joined and isinstance(each, str) and isinstance(joined[-1], str) and ESCAPE not in each + joined[-1]:
            joined[-1] += each
        else:
            joined.append(each)
    return joined


@pytest.mark.parametrize(
    ("sent", "made"),
    [
        ("a\x1b[Db", ["a", "\x1b[D", "b"]),
        ("\x1b[1;3A\x1b[<0;3;4M", ["\x1b[1;3A", "\x1b[<0;3;4M"]),
        ("\x1b[200~one\r\x1b[31mtwo\r\x1b\x00\x1b[201~\r", [Pasted("one\r\x1b[31mtwo\r\x1b"), "\r"]),
        ("\x1b[200~\x1b[201~x", [Pasted(""), "x"]),
        ("a\x1b[?62;4cb", ["ab"]),
        ("a\x1b[6;20;10tb", ["ab"]),
        ("\x1b[48;24;80;480;800t", ["\x1b[48;24;80;480;800t"]),
        ("\x1b[?2026;2$y", ["\x1b[?2026;2$y"]),
        ("\x1b[?2027;2$y", ["\x1b[?2027;2$y"]),
        ("a\x1b_Gi=31;OK\x1b\\b", ["ab"]),
        ("a\x1b]11;rgb:0000/0000/0000\x07b", ["ab"]),
        ("a\x1bP>|kitty(0.31.0)\x1b\\b", ["ab"]),
    ],
)
def test_a_sequence_is_whole_however_it_comes(sent: str, made: list[str | Pasted]) -> None:
    assert taken(sent) == made
    for place in range(1, len(sent)):
        # Escape alone is a key, and nobody can tell it from the first octet of a sequence that comes late.
        gap = 0.05 if sent[:place].endswith(ESCAPE) and "~" not in sent[:place] else 0.3
        assert taken(sent[:place], sent[place:], gap=gap) == made, place


@pytest.mark.parametrize(
    ("pieces", "made"),
    [
        (["\x1b"], [ESCAPE]),
        (["\x1b", "x"], [ESCAPE, "x"]),
        (["\x1b\x1b[A"], [ESCAPE, "\x1b[A"]),
        (["\x1bb"], ["\x1bb"]),
        (["\x1b["], ["\x1b["]),
        (["\x1bP"], ["\x1bP"]),
        (["\x1b[20"], []),
        (["\x1b[200~the end is lost"], [Pasted("the end is lost")]),
    ],
)
def test_what_never_becomes_whole_holds_nothing_up(pieces: list[str], made: list[str | Pasted]) -> None:
    assert taken(*pieces) == made


@pytest.mark.anyio
async def test_letters_that_are_no_letters_to_python_are_typed(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    # The wide space, the joiner of a family, that of Persian, a space that does not break, an emoji of tomorrow.
    text = "日\u3000👩\u200d👧 می\u200cخواهم\u00a0\U0001fae8"
    async with shown(profiles) as screen:
        await screen.open("Bob")
        for letter in text:
            screen.app.post_message(typed(events.Key(letter, letter)))
        composer = screen.app.screen.query_one(Composer)
        await screen.until(lambda: composer.text == text)
    assert not typed(events.Key("escape", ESCAPE)).is_printable
