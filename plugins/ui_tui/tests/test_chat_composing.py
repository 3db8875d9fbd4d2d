"""What is written: sending, drafts, replies, edits, and what is done with a message."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import ConnectionChanged, Heard
from balchat_ui_tui.chat import actions as do
from balchat_ui_tui.chat.completion import complete, find
from balchat_ui_tui.chat.composer import harmless
from balchat_ui_tui.chat.composing import means_markdown, mentioned
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.chat.update import update
from balchat_ui_tui.connection_state import Connection, Phase
from balchat_ui_tui.effects import After, Call, CopyMessages, OpenScreen, ShowError, WriteElsewhere
from balchat_ui_tui.main import update as main
from balchat_ui_tui.main.actions import AttachPasted, PathFound
from balchat_ui_tui.main.heads import banner
from balchat_ui_tui.main.state import MainState

from balchat_host.api.errors import ConnectionLost, NoSuchMessage, TextTooLong
from balchat_host.api.events import ConversationChanged, MessageRemoved
from balchat_host.api.views import MessageState, ReactionView
from tests.support.tui_terminal import ENGLISH as T
from tests.support.views import conversation, message

BOB = conversation("Bob")
KNOWN = AccountState(conversations=(BOB,))
THERE = (message(1), message(2, ours=True), message(3), message(4, ours=True), message(5))


def chat(*actions, **more):
    state = ChatState(conversation="bob", messages=THERE, opened=True, begins=True, ends=True, **more)
    effects = ()
    for action in actions:
        state, effects = update(state, action, KNOWN)
    return state, effects


def typed(text):
    return do.Typed(text), do.SendIt()


def calls(effects):
    return [(each.method, dict(each.arguments)) for each in effects if isinstance(each, Call)]


def test_enter_sends_and_the_composer_is_empty_at_once():
    state, [call] = chat(*typed("hello @Bob\n"))
    assert state.text == ""
    assert (call.method, call.arguments["text"], call.arguments["mentions"]) == (
        "messages.send",
        "hello @Bob",
        ("Bob",),
    )
    state, _ = update(state, call.done(message(6, "hello @Bob", ours=True)), KNOWN)
    assert state.messages[-1].text == "hello @Bob"
    assert state.outgoing == ()


def test_nothing_is_sent_of_spaces():
    assert chat(*typed(" \n "))[1] == ()


def test_what_could_not_be_sent_is_back_in_the_composer_before_what_was_typed_meanwhile():
    reply = do.Reply()
    state, [call] = chat(do.Select("m1"), reply, *typed("too long"))
    state, _ = update(state, do.Typed("next"), KNOWN)
    state, [shown] = update(state, call.failed(TextTooLong(size=9, limit=1)), KNOWN)
    assert state.text == "too long\nnext"
    assert state.reply_to == THERE[0]
    assert isinstance(shown, ShowError)


def test_what_could_not_be_sent_is_not_lost_where_its_conversation_was_opened_again_or_one_edits_meanwhile():
    failed = do.SendFailed("bob", "precious", ConnectionLost())
    assert chat(failed)[0].text == "precious"
    editing, _ = chat(do.Typed("half a"), do.EditLast(), failed)
    assert (editing.text, editing.editing.kept) == ("text 4", "precious\nhalf a")


def test_a_draft_is_kept_a_moment_after_the_last_key_and_ends_with_what_is_sent():
    state, [after] = chat(do.Typed("Dear"))
    assert isinstance(after, After)
    state, effects = update(state, after.action, KNOWN)
    assert calls(effects) == [("conversations.draft", {"conversation": "bob", "text": "Dear"})]
    assert update(state, do.DraftDue(), KNOWN)[1] == (), "it is kept already"
    state, effects = update(update(state, do.Typed("Dear Bob"), KNOWN)[0], do.SendIt(), KNOWN)
    assert [method for method, _ in calls(effects)] == ["conversations.draft", "messages.send"]


def test_a_draft_that_could_not_be_kept_is_kept_once_the_account_is_there_again():
    state, effects = chat(do.Typed("Dear"), do.DraftDue())
    state, shown = update(state, effects[-1].failed(ConnectionLost()), KNOWN)
    assert shown == (), "that the account is away is said already"
    _, effects = update(state, ConnectionChanged(Connection(phase=Phase.UP)), KNOWN)
    assert ("conversations.draft", {"conversation": "bob", "text": "Dear"}) in calls(effects)


def test_a_text_that_is_too_long_is_said_above_it_until_it_is_short_enough():
    state, effects = chat(do.Typed("ñandú"), do.DraftDue())
    state, shown = update(state, effects[-1].failed(TextTooLong(size=7, limit=6)), KNOWN)
    assert shown == ()
    [row] = banner(T, state, (), 80)
    assert "7 octets; the limit is 6" in row[0].text
    assert banner(T, update(state, do.Typed("ñand"), KNOWN)[0], (), 80) == ()


def test_a_draft_that_was_written_elsewhere_comes_here_unless_something_else_is_written():
    event = ConversationChanged(cursor=1, at=0, conversation=replace(BOB, draft="there"), changed=("draft",))
    assert chat(Heard(event))[0].text == "there"
    assert chat(do.Typed("here"), Heard(event))[0].text == "here"


def test_editing_the_last_message_keeps_what_was_being_written():
    state, _ = chat(do.Typed("half a"), do.EditLast())
    assert (state.text, state.editing.message.id) == ("text 4", "m4")
    state, effects = update(update(state, do.Typed("text four"), KNOWN)[0], do.SendIt(), KNOWN)
    [(method, arguments)] = calls(effects)
    assert (method, arguments["message"], arguments["text"]) == ("messages.edit", "m4", "text four")
    assert (state.text, state.editing) == ("half a", None)


def test_who_reads_back_far_edits_no_message_that_only_looks_like_the_last_one():
    state, _ = chat()
    assert update(replace(state, ends=False), do.EditLast(), KNOWN)[0].editing is None


def test_an_edit_that_failed_can_be_tried_again_and_what_was_being_written_waits():
    state, [call] = chat(do.Typed("half a"), do.EditLast(), *typed("text four"))
    again, [shown] = update(state, call.failed(ConnectionLost()), KNOWN)
    assert (again.text, again.editing.message.id, again.editing.kept) == ("text four", "m4", "half a")
    assert isinstance(shown, ShowError)
    gone, _ = update(state, Heard(MessageRemoved(cursor=1, at=0, id="m4", conversation="bob")), KNOWN)
    kept, _ = update(gone, call.failed(NoSuchMessage(name="m4")), KNOWN)
    assert (kept.text, kept.editing) == ("text four\nhalf a", None)
    other, _ = update(state, do.Select("m2"), KNOWN)
    other, _ = update(other, do.Edit(), KNOWN)
    other, _ = update(other, call.failed(ConnectionLost()), KNOWN)
    assert (other.text, other.editing.kept) == ("text 2", "text four\nhalf a")


def test_what_failed_after_another_conversation_was_opened_is_the_draft_of_its_own():
    known = AccountState(conversations=(replace(BOB, draft=""), conversation("Carol")))
    failed = [do.SendFailed("bob", "lost", ConnectionLost()), do.EditFailed("bob", "m4", "lost", ConnectionLost())]
    for action in failed:
        state = MainState(chat=ChatState(conversation="carol", text="for Carol"), drafts={"bob": "half"})
        state, effects = main.update(state, action, known, T)
        assert state.chat.text == "for Carol"
        assert state.drafts["bob"] == "lost\nhalf"
        assert calls(effects) == [("conversations.draft", {"conversation": "bob", "text": "lost\nhalf"})]
        assert isinstance(effects[-1], ShowError)


def test_an_edit_that_changes_nothing_is_left():
    state, effects = chat(do.EditLast(), do.SendIt())
    assert (state.editing, effects) == (None, ())


def test_escape_leaves_one_thing_after_the_other():
    state, _ = chat(do.Select("m1"), do.Reply(), do.EditLast(), do.Select("m1"), do.Mark())
    ladder = []
    for _ in range(5):
        state, _ = update(state, do.Escape(), KNOWN)
        ladder.append((len(state.marked), state.selected, state.editing is not None, state.reply_to is not None))
    assert ladder == [
        (0, "m1", True, True),
        (0, None, True, True),
        (0, None, False, True),
        (0, None, False, False),
        (0, None, False, False),
    ]


def test_only_ours_can_be_edited_and_what_is_deleted_cannot_be_answered():
    assert chat(do.Select("m1"), do.Edit())[0].editing is None
    gone = (replace(THERE[0], deleted=True, text=None),)
    state = ChatState(conversation="bob", messages=gone, opened=True, selected="m1")
    assert update(state, do.Reply(), KNOWN)[0].reply_to is None


def test_arrows_select_from_the_last_one_up_and_stop_at_the_ends():
    state, _ = chat(do.Move(-1))
    assert state.selected == "m5"
    for _ in range(9):
        state, _ = update(state, do.Move(-1), KNOWN)
    assert state.selected == "m1"


def test_a_long_message_is_unfolded_from_its_beginning_and_folded_again():
    state, _ = chat(do.Unfold())
    assert (state.unfolded, state.target.message) == ({"m5"}, "m5")
    assert update(state, do.Unfold(), KNOWN)[0].unfolded == set()


def test_one_message_is_copied_bare_and_several_in_their_order():
    assert chat(do.Select("m3"), do.CopyIt())[1] == (CopyMessages((THERE[2],)),)
    state, effects = chat(do.Select("m3"), do.Mark(), do.Select("m1"), do.Mark(), do.CopyIt())
    assert effects == (CopyMessages((THERE[0], THERE[2])),)
    assert state.marked == frozenset()


def test_it_is_asked_how_to_delete_and_others_messages_go_here_only():
    _, [ask] = chat(do.Select("m4"), do.Delete())
    assert (ask.name, ask.arguments["for_everybody"]) == ("message-delete", True)
    assert calls(chat(ask.closed(False))[1]) == [("messages.delete", {"message": "m4", "for_me": False})]
    assert ask.arguments["waits"] is False
    _, [ask] = chat(do.Select("m3"), do.Delete())
    assert ask.arguments["for_everybody"] is False


@pytest.mark.parametrize(("changes", "waits"), [({}, True), ({"edited": True}, False), ({"delivered_to": 1}, False)])
def test_whoever_deletes_what_has_not_left_hears_that_others_see_only_its_place(changes: dict[str, Any], waits: bool):
    waiting = replace(THERE[3], state=MessageState.QUEUED, **changes)
    state = ChatState(conversation="bob", messages=(*THERE[:3], waiting), opened=True, selected=waiting.id)
    _, [ask] = update(state, do.Delete(), KNOWN)
    assert isinstance(ask, OpenScreen)
    assert ask.arguments["waits"] is waits


def test_an_emoji_that_is_ours_already_is_taken_back():
    liked = replace(THERE[2], reactions=(ReactionView(emoji="👍", count=1, ours=True),))
    state = ChatState(conversation="bob", messages=(liked,), opened=True, selected="m3")
    _, [ask] = update(state, do.React(), KNOWN)
    assert isinstance(ask, OpenScreen)
    assert calls(update(state, ask.closed("👍"), KNOWN)[1])[0][1]["remove"] is True
    assert calls(update(state, ask.closed("🎉"), KNOWN)[1])[0][1]["remove"] is False


def test_what_failed_is_tried_again_without_being_selected():
    failed = replace(THERE[3], state=MessageState.FAILED)
    state = ChatState(conversation="bob", messages=(*THERE[:3], failed), opened=True)
    assert calls(update(state, do.Retry(), KNOWN)[1]) == [("messages.retry", {"message": "m4"})]
    assert chat(do.Retry())[1] == ()


def test_the_persons_own_editor_gives_the_text_back_and_sends_nothing():
    state, [effect] = chat(do.Typed("begun"), do.OpenEditor())
    assert effect == WriteElsewhere("begun", done=do.WrittenElsewhere)
    state, effects = update(state, effect.done("begun\nand done"), KNOWN)
    assert state.text == "begun\nand done"
    assert [method for method, _ in calls(effects)] == ["conversations.draft"]


def test_a_send_that_may_have_arrived_is_said_and_not_repeated():
    state, [call] = chat(*typed("once"))
    state, effects = update(state, call.failed(ConnectionLost()), KNOWN)
    assert state.text == "once"
    assert [type(each) for each in effects] == [ShowError]


@pytest.mark.parametrize("text", ["**now**", "`x`", "- one\n- two", "> so", "_really_ so", "[a](https://b)", "# Head"])
def test_marks_are_meant(text):
    assert means_markdown(text)


@pytest.mark.parametrize("text", ["2*3*4", "snake_case_name", "a - b", "5 > 3", "C# and F#", "hello", "a * b * c"])
def test_other_signs_are_not(text):
    assert not means_markdown(text)


def test_mentions_are_whole_names():
    assert mentioned("@Bob and a@Bobby @me", BOB) == ("Bob", "me")
    assert mentioned("@Bobby", BOB) == ()


def test_a_paste_keeps_its_lines_and_loses_its_controls():
    assert harmless("a\r\nb\rc\td\x1b[31m\x07\u202e") == "a\nb\nc    d[31m\u202e"


def test_emoji_complete_by_their_beginning_and_by_their_whole_name():
    assert find("so :thumbsu", ())[0].text == "👍"
    assert find("at 12:30", ()) == ()
    assert complete("so :tada:").text == "🎉"
    assert complete("a:b:") is None
    assert find("hey @bo", ("Bob", "me"))[0].text == "@Bob "


def test_a_file_is_offered_only_in_the_conversation_into_which_its_path_was_pasted():
    state = MainState(chat=ChatState(conversation="bob"))
    path = Path("/tmp/a.png")  # nothing is read there
    _, [ask] = main.update(state, PathFound("bob", "/tmp/a.png", path), KNOWN, T)
    assert ask.closed(True) == AttachPasted("bob", "/tmp/a.png")
    assert main.update(state, PathFound("carol", "/tmp/a.png", path), KNOWN, T) == (state, ())
    assert main.update(state, AttachPasted("carol", "/tmp/a.png"), KNOWN, T) == (state, ())


def test_a_path_that_becomes_a_file_leaves_the_draft_too():
    writing = ChatState(conversation="bob", text="see /tmp/a.png", draft="see /tmp/a.png")
    state, effects = main.update(MainState(chat=writing), AttachPasted("bob", "/tmp/a.png"), KNOWN, T)
    assert state.chat.text == "see "
    assert calls(effects) == [("conversations.draft", {"conversation": "bob", "text": "see "})]
    assert effects[-1].name == "files.attach"
