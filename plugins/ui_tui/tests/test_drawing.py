"""What is drawn: cells, rows, and messages as rows. No text of others gets where only ours may stand."""

from dataclasses import replace
from unicodedata import category

import pytest
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.chat.blocks import block, places
from balchat_ui_tui.chat.words import copied, file
from balchat_ui_tui.conversations.rows import conversation_rows
from balchat_ui_tui.drawing.cells import fit, width, wrap
from balchat_ui_tui.drawing.inks import Inks
from balchat_ui_tui.drawing.pieces import Ink, Piece, pieces_width
from balchat_ui_tui.pages.rows import Row, content
from balchat_ui_tui.settings import Theme
from balchat_ui_tui.themes import theme_named
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.text import visible
from balchat_host.api.views import FileState, FileView, MessageState
from tests.support.tui_terminal import ENGLISH
from tests.support.views import NOON, conversation, message

T = ENGLISH
FAMILY = "👩‍👩‍👧"
HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("a \n\t\u202e\u0301\u200d🏽👩漢ع"), max_size=80
)


def rows(*messages, cells=40, unread_from=None, unfolded=frozenset()):
    more = {"unread_from": unread_from, "progress": {}, "unfolded": unfolded, "fold_key": "z"}
    stand = places(T, messages, cells=cells, now=NOON, **more)
    laid = [block(T, each, place, NOON) for each, place in zip(messages, stand, strict=True)]
    return ["".join(piece.text for piece in row) for each in laid for row in each.rows]


@given(HOSTILE, st.integers(2, 30))
def test_rows_have_their_width_and_nothing_is_lost(text, cells):
    line = visible(text.replace("\n", " "))
    broken = wrap(line, cells)
    assert all(width(row) <= cells for row in broken)
    assert "".join(broken).replace(" ", "") == line.replace(" ", "")
    assert width(fit(line, cells)) <= cells


def test_what_is_one_character_to_people_is_never_broken():
    assert wrap(FAMILY * 3, 4) == [FAMILY * 2, FAMILY]
    assert fit(f"{FAMILY}{FAMILY}", 3) == f"{FAMILY}…"
    assert wrap("漢字漢字", 5) == ["漢字", "漢字"]


def test_a_day_names_authors_and_messages_that_belong_together_share_a_head():
    shown = rows(message(1), message(2), message(3, ours=True), message(20, ours=True))
    assert [row for row in shown if row] == [
        "──────────────── Today ─────────────────",
        "Bob  12:01",
        "  text 1",
        "  text 2",
        "You  12:03",
        "  text 3                               ◌",
        "You  12:20",
        "  text 20                         ◌ Sent",
    ]


@given(HOSTILE)
def test_no_text_stands_where_heads_and_our_lines_stand(text):
    shown = rows(message(1, text or "x", content_type="text/markdown"), message(2, f"You  12:00\n{text}"))
    heads = [row for row in shown if row and not row.startswith("  ")]
    assert [row.split("  ")[0].strip("─ ") for row in heads] == ["Today", "Bob"]
    signs = set("".join(shown)) - set("\u200c\u200d\u180e")
    assert not [each for each in signs if category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and not each > "\U000e0000"]


def test_somebody_who_is_called_as_we_are_is_told_from_us():
    [*_, head, _] = rows(message(1, author="You"))
    assert head.startswith("“You”")


def test_the_line_above_what_is_new_begins_a_head_again():
    shown = rows(message(1), message(2), unread_from="m2")
    assert any("Unread" in row for row in shown)
    assert sum(row.startswith("Bob") for row in shown) == 2


def test_of_a_long_text_the_beginning_is_shown_until_all_of_it_is_wanted():
    for text in ("x" * 9000, "\n" * 3000 + "x", "\x1b[2J" * 2000, "- a\n" * 400):
        long = message(1, text, content_type="text/markdown")
        folded = rows(long)
        assert len(folded) < 110
        assert "z shows all of it" in " ".join(row.strip() for row in folded[-2:])
        whole = rows(long, unfolded={"m1"})
        assert len(whole) > 200
        assert "shows all" not in " ".join(whole[-2:])
    assert "shows all" not in " ".join(rows(message(1, "short")))


def test_what_failed_says_why():
    mine = message(1, ours=True, state=MessageState.FAILED, reason="relay-full")
    assert "✗ Not delivered: Their relay is full" in " ".join(row.strip() for row in rows(mine, cells=80))
    refused = replace(mine, reason="crypto-rejected")
    assert "✗ Not delivered: Their balchat could not decrypt it" in " ".join(
        row.strip() for row in rows(refused, cells=80)
    )


def test_a_file_says_how_far_it_is():
    view = FileView(
        id="f",
        message="m",
        conversation="bob",
        author="Bob",
        ours=False,
        name="a\u202eb.txt",
        content_type="x",
        size=1000,
        state=FileState.FETCHING,
        here=250,
        reason="unreachable",
    )
    assert (
        file(T, view, None)
        == "▤ a<U+202E>b.txt · 1.0 kB · Downloading · 25 % · Its sender is away. It comes when they are back"
    )
    ours = replace(view, ours=True, state=FileState.COMPLETE, reason=None, recipients=1, received_by=1)
    assert file(T, ours, None) == "▤ a<U+202E>b.txt · 1.0 kB · they have all of it"
    assert "received by 1 of 3" in file(T, replace(ours, recipients=3), None)


def test_of_several_messages_who_wrote_them_is_copied_too():
    several = (message(1, "one"), message(2, "two", ours=True))
    assert copied(T, several[:1], NOON) == "one"
    assert copied(T, several, NOON) == "[Today, 12:01] Bob: one\n[Today, 12:02] You: two"


@pytest.mark.parametrize("cells", [12, 28, 60])
@pytest.mark.parametrize("name", ["Bob", FAMILY * 9, "مرحبا " * 9, "x" * 64])
def test_a_conversation_takes_exactly_its_cells(name, cells):
    view = conversation(name, unread=120, last_message=message(1, "漢字" * 40), muted=True)
    for row in conversation_rows(T, view, AccountState(), cells, NOON):
        assert pieces_width(row) == cells


def test_a_row_that_begins_from_the_right_does_not_turn_round_what_is_beside_it():
    strip = Inks({}).strip([Piece("  "), Piece("مرحبا"), Piece("  ✓", Ink.FAINT)])
    assert strip.text.startswith("\u200e")
    assert strip.cell_length == width("  مرحبا  ✓")


def test_without_colours_the_theme_is_never_one_whose_colours_the_terminal_has():
    assert theme_named(Theme.ANSI, {}) == "ansi-dark"
    assert theme_named(Theme.ANSI, {"NO_COLOR": "1"}) == theme_named(Theme.AUTO, {"NO_COLOR": "1"})


def test_a_list_shows_texts_without_the_marks_that_style_them():
    last = message(1, text="## Are you **there**?\n- tea", content_type="text/markdown")
    _, second = conversation_rows(T, conversation("Bob", last_message=last), AccountState(), 40, NOON)
    assert "".join(piece.text for piece in second).strip() == "Are you there?"
    typed = message(1, text="2*3*4", content_type="text/plain")
    _, second = conversation_rows(T, conversation("Bob", last_message=typed), AccountState(), 40, NOON)
    assert "2*3*4" in "".join(piece.text for piece in second)


def test_what_stands_beside_a_row_stands_below_it_where_there_is_no_room() -> None:
    row = Row(id="x", text="Files to download", side="As in the settings")
    assert content(row, 0, 40).plain == "Files to download  As in the settings"
    assert content(row, 0, 30).plain == "Files to download\n  As in the settings"
