"""Texts of strangers that attack the terminal, in every place where a stranger's text can stand."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.account_screens import network
from balchat_ui_tui.chat import words
from balchat_ui_tui.chat.blocks import block, places
from balchat_ui_tui.chat.completion import find
from balchat_ui_tui.chat.info import info_rows
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.connection_state import Connection, Phase
from balchat_ui_tui.conversations.rows import conversation_rows
from balchat_ui_tui.drawing.pieces import pieces_width
from balchat_ui_tui.effects import OpenScreen
from balchat_ui_tui.files import listing, staging
from balchat_ui_tui.main import heads
from balchat_ui_tui.main.connection_words import connection_piece
from balchat_ui_tui.people import requests

from balchat_host.api.errors import BadInput
from balchat_host.api.types import ONLINE, ServiceState
from balchat_host.api.types import Phase as ServicePhase
from balchat_host.api.views import (
    ContactState,
    FileState,
    FileView,
    MessageInfoView,
    MessageState,
    PersonReactionView,
    ReactionView,
    ReceiptView,
    ReplyView,
    RequestView,
    VersionView,
    WayView,
)
from tests.support.tui_terminal import ENGLISH as T
from tests.support.tui_terminal import shown
from tests.support.views import NOON, contact, conversation, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfiles

HOSTILE: Final = {
    "clears the screen (CSI)": "a\x1b[2J\x1b[31mred",
    "sets the clipboard (OSC 52)": "\x1b]52;c;ZXZpbA==\x07",
    "asks the terminal (DCS)": "\x1bP+q544e\x1b\\",
    "draws a picture (APC)": "\x1b_Gi=1,a=T;AAAA\x1b\\",
    "C1": "\x9b31m\x9d0;x\x9c\x90q\x9c\x85",
    "bidi": "\u202etxt.exe\u202d \u2066a\u2069\u2067b\u2068\u200f\u061c",
    "no width": "a\u200bb\u2060c\ufeffd\u00ade\u180ef",
    "tags": "a\U000e0041\U000e007fb",
    "10,000 marks on one letter": "e" + "\u0301" * 10_000,
    "marks without a letter": "\u0301\u0489\u20dd",
    "surrogates": "a\ud800b\udfffc",
    "tabs and lines": "a\tb\r\nc\rd\x0be\x0cf\u2028g\u2029h",
    "markup": "[red]x[/] [@click=app.leave]y[/] [link=x]",
    "zero and delete": "\x00\x01\x7f",
    "wide": "\ufdfd" * 8 + "👨\u200d👩\u200d👧\u200d👦" * 8 + "\u1100" * 8,
}
BY_NAME = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
CELLS: Final = 40


def check(drawn: str) -> None:
    """See that a text cannot do anything to a terminal."""
    kinds = {each: unicodedata.category(each) for each in set(drawn) - {"\n", "\u200c", "\u200d", "\u180e"}}
    assert [each for each, kind in kinds.items() if kind in {"Cc", "Cf", "Cs", "Zl", "Zp"}] == []
    assert drawn.count("\u0301") < 100


def text_of(rows: Any) -> Iterator[str]:
    for row in rows:
        for piece in row:
            yield piece.text


def a_file(text: str) -> FileView:
    return FileView(
        id="0" * 32,
        message="m1",
        conversation="bob",
        author=text,
        ours=False,
        name=text,
        content_type=text,
        size=9,
        state=FileState.PAUSED,
        here=1,
        reason=text,
    )


def a_message(text: str, **more: Any) -> Any:
    reply = ReplyView(
        id="r", author=text, author_id="x", content_type="text/plain", text=text, edited=False, deleted=False
    )
    reactions = (ReactionView(emoji=text, count=1, ours=False),)
    fields = {"author": text, "reason": text, "reply": reply, "in_reply_to": "r", "files": (a_file(text),)}
    return message(1, text, reactions=reactions, state=MessageState.FAILED, **(fields | more))


@BY_NAME
def test_a_message_and_all_about_it(text: str) -> None:
    for kind in ("text/plain", "text/markdown", text):
        view = a_message(text, content_type=kind)
        for each in (view, replace(view, text=None), replace(view, text=None, files=())):
            [place] = places(T, [each], cells=CELLS, now=NOON, unread_from=None, progress={})
            rows = block(T, each, place, NOON).rows
            assert all(pieces_width(row) <= CELLS for row in rows)
            check("".join(text_of(rows)))
            check(words.summary(T, each))
            check(words.copied(T, [each, each], NOON) if each.text is None else "")
    receipt = ReceiptView(
        name=text,
        peer_id="x",
        state=MessageState.FAILED,
        at=NOON,
        reason=text,
        way=WayView(transport=text, direct=False, relay=text),
    )
    info = MessageInfoView(
        message=view,
        versions=(VersionView(id="a", sent_at=NOON, content_type="text/plain", text=text),) * 2,
        receipts=(receipt,),
        reactions=(PersonReactionView(name=text, peer_id="x", emoji=text, sent_at=NOON),),
        received_at=NOON,
        way=receipt.way,
    )
    check("".join(text_of(info_rows(T, info, CELLS, NOON))))


@BY_NAME
def test_a_name_in_the_list_and_above_the_chat(text: str) -> None:
    reason = replace(contact(text), state=ContactState.REQUESTED, reason=text)
    for each in (
        conversation(text, last_message=a_message(text)),
        conversation(text, draft=text),
        conversation(text, contact=reason),
    ):
        account = AccountState(conversations=(each,))
        rows = conversation_rows(T, each, account, CELLS, NOON)
        assert all(pieces_width(row) == CELLS for row in rows)
        check("".join(text_of([*rows, heads.chat_head(T, each, account, CELLS)])))
    answering = ChatState(conversation="bob", reply_to=a_message(text))
    check("".join(text_of(heads.banner(T, answering, find("@", (text,)), CELLS))))


@BY_NAME
def test_what_asks_what_comes_and_what_is_wrong(text: str) -> None:
    ask = RequestView(peer_id="x", onion="o", name=text, introduction=text, received_at=NOON)
    rows = [
        *requests.rows(requests.RequestsState(requests=(ask,)), T, NOON),
        *listing.rows(listing.FilesState(files=(a_file(text),)), AccountState(), T),
    ]
    local = staging.StagedFile(number=1, path=Path("/tmp") / (text.replace("\x00", "") or "a"))
    broken = replace(local, error=BadInput(what=text, problem=text))
    rows += staging.rows(staging.StagingState(conversation="bob", staged=(local, broken)), T)
    for row in rows:
        check(f"{row.text} {row.side} {row.note}")
    for phase in Phase:
        check(connection_piece(T, AccountState(connection=Connection(phase=phase, reason=text))).text)
    state = ServiceState(phase=ServicePhase.DEGRADED, reason=text)
    check(network.service_words(state, T))


@pytest.mark.anyio
@pytest.mark.parametrize("text", ["".join(HOSTILE.values())], ids=["all of it"])
async def test_notices_and_whatever_forgets_to_look(profiles: MemoryProfiles, alice: MemoryAccount, text: str) -> None:
    alice.set_network(replace(ONLINE, phase=ServicePhase.DEGRADED, reason=text.encode("utf-8", "ignore").decode()))
    async with shown(profiles) as screen:
        screen.app.show_notice(text)
        screen.app.show_notice(T.error(BadInput(what="x", problem=text)))
        await screen.until(lambda: len(screen.app._notifications) == 2)
        told = [each.message for each in screen.app._notifications]
        check("".join(told))
        assert max(map(len, told)) <= 600
        screen.app.session.open_screen(
            OpenScreen("confirm", {"question": text[:200], "agree": text[:20]}), screen.app.session
        )
        await screen.shows("␛_Gi=1")
        check("".join(screen.lines))
        await screen.press("escape")
        await screen.press("ctrl+p")
        await screen.type("network")
        await screen.press("enter")
        await screen.shows(T("network.heading"))
        check("".join(screen.lines))
