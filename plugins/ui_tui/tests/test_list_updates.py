"""The states of the list, the palette and the search."""

from __future__ import annotations

from dataclasses import replace

import pytest
from balchat_texts import Texts
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Heard
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.conversations.rows import presence
from balchat_ui_tui.conversations.state import ListState
from balchat_ui_tui.effects import Call, CloseScreen
from balchat_ui_tui.files import listing
from balchat_ui_tui.keymap import key_words
from balchat_ui_tui.main import update as main
from balchat_ui_tui.main.actions import AskForTimer, Search, SwitchUnread
from balchat_ui_tui.main.heads import chat_head
from balchat_ui_tui.main.state import MainState
from balchat_ui_tui.palette import found
from balchat_ui_tui.search import state as search
from balchat_ui_tui.search.state import SearchState

from balchat_host.api.events import MessageChanged, MessageRemoved
from balchat_host.api.views import (
    AlarmKind,
    SearchHit,
    SearchPage,
)
from tests.support import views
from tests.support.tui_effects import UP, answer_of, call_of, opened_of

T = Texts("en")


def test_a_conversation_is_marked_as_read_or_unread_in_the_list_without_being_opened() -> None:
    last = views.message(7)
    bob = views.conversation("Bob", unread=2, last_message=last)
    shown = MainState(list=ListState(selected=bob.id))
    state, effects = main.update(shown, SwitchUnread(), replace(UP, conversations=(bob,)), T)
    assert call_of(effects) == Call("conversations.mark_read", {"conversation": bob.id, "up_to": last.id})
    assert state.chat is None
    _, effects = main.update(shown, SwitchUnread(), replace(UP, conversations=(replace(bob, unread=0),)), T)
    assert call_of(effects) == Call("conversations.mark_unread", {"conversation": bob.id})


@pytest.mark.parametrize("kind", AlarmKind)
def test_only_a_serious_alarm_is_marked_in_the_list_and_in_the_chat(kind: AlarmKind) -> None:
    bob = views.conversation("Bob", contact=views.contact("Bob", alarm=kind))
    marked = presence(bob, UP).text == "!"
    head = "".join(piece.text for piece in chat_head(T, bob, UP, 80))
    assert marked is kind.is_serious
    assert (T("tui.alarm") in head) is kind.is_serious


def test_the_palette_finds_by_a_few_letters_in_any_order_and_without_accents() -> None:
    spanish = Texts("es")
    names = [each.name for each in found("contrasena cambiar", UP, None, spanish)]
    assert names == ["account.passphrase"]
    offline = [each.name for each in found("", AccountState(), None, T)]
    assert offline == ["account.profiles", "help", "quit"], "what needs the account is not offered without it"


def test_the_palette_has_what_can_be_done_with_the_conversation_that_is_shown() -> None:
    bob = views.conversation("Bob", muted=True)
    account = replace(UP, conversations=(bob,), capabilities=frozenset({"conversations.set_timer"}))
    there = {each.name: each.effects for each in found("", account, bob.id, T)}
    assert there["search"] == (CloseScreen(Search()),)
    assert call_of(there["unmute"]) == Call("conversations.unmute", {"conversation": bob.id})
    assert call_of(there["mark-unread"]) == Call("conversations.mark_unread", {"conversation": bob.id})
    assert "account.relays" not in there, "nothing of this account uses relays"
    assert call_of(there["archive"]) == Call("conversations.archive", {"conversation": bob.id})
    shown = MainState(chat=ChatState(conversation=bob.id))
    ask = opened_of(main.update(shown, AskForTimer(), account, T)[1])
    assert ask.closed is not None
    _, timer = main.update(shown, ask.closed("3600"), account, T)
    assert call_of(timer) == Call("conversations.set_timer", {"conversation": bob.id, "seconds": 3600})


def test_a_search_is_limited_to_when_and_by_whom_and_old_answers_are_dropped() -> None:
    state = SearchState(conversation="bob", everywhere=False, words="tea")
    state, first = search.update(state, search.Look())
    state, week = search.update(state, search.SwitchWritten(today=views.NOON))
    since = views.NOON - 7 * 86_400_000
    assert call_of(week).arguments["since"] == since
    state, mine = search.update(state, search.SwitchAuthor(("me", None)))
    assert (call_of(mine).arguments["author"], call_of(mine).arguments["since"]) == ("me", since)
    page = SearchPage(hits=[], resume_before="m1")
    assert search.update(state, answer_of(first, page))[0] == state
    assert search.update(state, answer_of(mine, page))[0].resume == "m1"
    everywhere, call = search.update(state, search.SwitchScope())
    assert "author" not in call_of(call).arguments, "who it was is one of this conversation"
    assert everywhere.written is search.Written.WEEK


def test_what_is_deleted_or_has_expired_is_no_longer_among_hits_and_files() -> None:
    one, two = views.message(1, "tea"), views.message(2, "tea")
    gone = MessageRemoved(cursor=1, at=0, id="m1", conversation="bob")
    deleted = replace(one, text=None, deleted=True, files=())
    changed = MessageChanged(cursor=1, at=0, message=deleted, changed=("deleted",))
    hits = tuple(SearchHit(message=each, title="Bob", excerpt="tea") for each in (one, two))
    files = (replace(views.file(), id="f1", message="m1"), replace(views.file(), id="f2", message="m2"))
    for event in (gone, changed):
        found, _ = search.update(SearchState(conversation="bob", everywhere=False, hits=hits, place=1), Heard(event))
        assert [each.message.id for each in found.hits] == ["m2"]
        assert found.place == 0
        listed, _ = listing.update(listing.FilesState(files=files), Heard(event), UP, T)
        assert [each.id for each in listed.files or ()] == ["f2"]
    edited = MessageChanged(cursor=1, at=0, message=replace(one, files=files[:1]), changed=("text",))
    assert len(listing.update(listing.FilesState(files=files), Heard(edited), UP, T)[0].files or ()) == 2


def test_keys_are_written_as_people_read_them() -> None:
    assert key_words("ctrl+k") == "Ctrl+K"
    assert key_words("alt+shift+down,f2") == "Alt+Shift+↓ F2"
    assert key_words("slash") == "/"
    assert key_words("A") == "A"
