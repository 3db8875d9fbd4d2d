"""The window of the history: pages, what happens meanwhile, and what is taken as read."""

from dataclasses import replace

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import AccountRead, ConnectionChanged, FocusChanged, Heard
from balchat_ui_tui.chat import actions as do
from balchat_ui_tui.chat.state import MOST, PAGE
from balchat_ui_tui.chat.update import open_chat, update
from balchat_ui_tui.connection_state import Connection, Phase

from balchat_host.api.errors import ConnectionLost, NoSuchMessage
from balchat_host.api.events import ContactChanged, FileChanged, MessageAdded, MessageChanged, MessageRemoved
from balchat_host.api.views import FileState, FileView, ReplyView
from tests.support.views import DAY, NOON, contact, conversation, message

HISTORY = [message(number) for number in range(1000)]
"""What the account has: `answer` gives pages of it."""


def account(**more):
    bob = conversation("Bob", last_message=HISTORY[-1], **more)
    return AccountState(conversations=(bob,))


def page(arguments, history=HISTORY):
    """Return what the account would answer to `messages.history`."""
    ids = [each.id for each in history]
    limit = arguments["limit"]
    if "before" in arguments:
        end = ids.index(arguments["before"])
        return history[max(0, end - limit) : end]
    if "after" in arguments:
        start = ids.index(arguments["after"]) + 1
        return history[start : start + limit]
    if "around" in arguments or "date" in arguments:
        middle = (
            ids.index(arguments["around"])
            if "around" in arguments
            else next((n for n, each in enumerate(history) if each.sent_at >= arguments["date"]), len(ids))
        )
        return history[max(0, middle - limit // 2) : middle + limit - limit // 2]
    return history[-limit:]


def step(state, action, known):
    """Give an action to a chat, and answer what it asks of the history."""
    state, effects = update(state, action, known)
    return answered(state, effects, known)


def answered(state, effects, known):
    others = []
    for effect in effects:
        if getattr(effect, "method", "") == "messages.history":
            state, others_of = step(state, effect.done(page(effect.arguments)), known)
            others += others_of
        else:
            others.append(effect)
    return state, others


def opened(known=None, draft=""):
    known = known or account()
    state, effects = open_chat(known.conversations[0], draft, watched=True)
    return answered(state, effects, known)[0]


def scrolled(last, *, at_end=False, near_first=False, near_last=False):
    return do.Scrolled(last=last, at_end=at_end, near_first=near_first, near_last=near_last)


def test_a_chat_opens_at_its_end_with_one_page():
    state = opened()
    assert [each.id for each in state.messages] == [each.id for each in HISTORY[-PAGE:]]
    assert state.ends
    assert not state.begins
    assert state.following


def test_a_chat_with_something_unread_opens_where_that_begins():
    state = opened(account(unread=500, first_unread="m500"))
    assert state.message("m500") is not None
    assert state.unread_from == "m500"
    assert state.target.message == "m500"
    assert not state.ends
    assert not state.following


def test_a_message_that_came_while_the_end_was_read_is_not_missing():
    known = account()
    state, effects = open_chat(known.conversations[0], "", watched=True)
    newer = AccountState(conversations=(replace(known.conversations[0], last_message=message(1000)),))
    state, _ = update(state, Heard(MessageAdded(cursor=1, at=0, message=message(1000))), newer)
    state, _ = update(state, effects[1].done(page({"limit": PAGE})), newer)
    state, [more] = update(state, scrolled("m999", at_end=True, near_last=True), newer)
    assert more.arguments["after"] == "m999"
    state, _ = update(state, more.done([message(1000)]), newer)
    assert state.messages[-1].id == "m1000"
    assert (state.ends, state.following) == (True, True)


def test_where_the_first_unread_message_is_gone_it_opens_at_its_end():
    known = account(unread=1, first_unread="gone")
    state, [_, call] = open_chat(known.conversations[0], "", watched=True)
    state, effects = update(state, call.failed(NoSuchMessage(name="gone")), known)
    state, _ = answered(state, effects, known)
    assert state.messages[-1].id == "m999"
    assert state.unread_from is None


def test_scrolling_back_to_the_beginning_keeps_the_window_small():
    known, state = account(), opened()
    for _ in range(100):
        state, _ = step(state, scrolled(state.messages[0].id, near_first=True), known)
        assert len(state.messages) <= MOST
    assert state.messages[0].id == "m0"
    assert state.begins
    assert not state.ends
    assert update(state, scrolled("m0", near_first=True), known)[1] == (), "there is nothing before"


def test_scrolling_forward_again_comes_to_the_end():
    known = account()
    state, _ = step(opened(), do.GoToDate(0), known)
    assert state.messages[0].id == "m0"
    for _ in range(100):
        state, _ = step(state, scrolled(state.messages[-1].id, near_last=True), known)
        assert len(state.messages) <= MOST
    assert state.messages[-1].id == "m999"
    assert state.ends


def test_the_same_page_is_not_asked_for_twice():
    known = account()
    state, [call] = update(opened(), scrolled("m950", near_first=True), known)
    assert update(state, scrolled("m950", near_first=True), known)[1] == ()
    state, _ = update(state, call.failed(ConnectionLost()), known)
    assert len(update(state, scrolled("m949", near_first=True), known)[1]) == 1


def test_a_page_that_comes_too_late_changes_nothing():
    known = account()
    state, [call] = update(opened(), scrolled("m950", near_first=True), known)
    elsewhere, _ = step(state, do.GoTo("m100"), known)
    assert update(elsewhere, call.done(page(call.arguments)), known)[0].messages == elsewhere.messages


def test_who_reads_back_keeps_what_is_in_sight():
    known, state = account(), opened()
    while len(state.messages) < MOST:
        state, _ = step(state, scrolled(state.messages[-1].id, near_first=True), known)
    state = replace(state, following=False, ends=True)
    first = state.messages[0]
    state, _ = update(state, Heard(MessageAdded(cursor=1, at=0, message=message(1000))), known)
    assert state.messages[0] is first
    assert not state.ends, "the new one is read when it is scrolled to"


def test_what_comes_while_one_looks_is_added_at_the_end():
    state, _ = update(opened(), Heard(MessageAdded(cursor=1, at=0, message=message(1000))), account())
    assert state.messages[-1].id == "m1000"
    assert state.unread_from is None


def test_what_comes_while_nobody_looks_begins_what_is_new():
    state, [attend] = update(opened(), FocusChanged(focused=False), account())
    assert attend.arguments == {"conversation": None}
    for number in (1000, 1001):
        state, _ = update(state, Heard(MessageAdded(cursor=1, at=0, message=message(number))), account())
    assert state.unread_from == "m1000"


def test_what_is_in_sight_is_taken_as_read_and_only_once():
    known = account(unread=40, first_unread="m960")
    state, effects = step(opened(known), scrolled("m970"), known)
    assert [(each.method, each.arguments["up_to"]) for each in effects] == [("conversations.mark_read", "m970")]
    assert step(state, scrolled("m965"), known)[1] == [], "who scrolls back reads nothing new"
    assert [each.arguments["up_to"] for each in step(state, scrolled("m980"), known)[1]] == ["m980"]


def test_without_a_selection_the_last_message_in_sight_is_meant_when_one_reads_back_too():
    known = account()
    state, _ = step(opened(known), scrolled("m999", at_end=True), known)
    state, _ = step(state, scrolled("m970"), known)
    assert update(state, do.Reply(), known)[0].reply_to.id == "m970"


def test_nothing_is_taken_as_read_while_another_window_has_the_keyboard():
    known = account(unread=1, first_unread="m999")
    state, _ = update(opened(known), FocusChanged(focused=False), known)
    assert step(state, scrolled("m999", at_end=True), known)[1] == []


def test_what_was_in_sight_meanwhile_is_taken_as_read_when_somebody_looks_again():
    known = account(unread=1, first_unread="m999")
    state, _ = update(opened(known), FocusChanged(focused=False), known)
    state, _ = step(state, scrolled("m999", at_end=True), known)
    _, [attend, read] = update(state, FocusChanged(focused=True), known)
    assert attend.arguments == {"conversation": "bob"}
    assert (read.method, read.arguments["up_to"]) == ("conversations.mark_read", "m999")


def test_what_is_marked_as_unread_stays_so_until_more_comes():
    known = account()
    state, _ = step(opened(known), scrolled("m999", at_end=True), known)
    state, [call] = update(state, do.MarkUnread(), known)
    assert call.method == "conversations.mark_unread"
    known = account(unread=1, first_unread="m999")
    assert step(state, scrolled("m999", at_end=True), known)[1] == []


def test_a_message_that_changes_changes_in_place_and_in_what_answers_it():
    reply = ReplyView(
        id="m990", author="Bob", author_id="bob", content_type="text/plain", text="x", edited=False, deleted=False
    )
    answer = message(1000, ours=True, in_reply_to="m990", reply=reply)
    state, _ = update(opened(), Heard(MessageAdded(cursor=1, at=0, message=answer)), account())
    changed = replace(HISTORY[990], text="other", edited=True)
    event = MessageChanged(cursor=2, at=0, message=changed, changed=("text",))
    state, _ = update(state, Heard(event), account())
    assert state.message("m990").text == "other"
    assert state.message("m1000").reply.edited


def test_a_message_that_is_gone_is_not_shown_answered_or_selected():
    state, _ = update(opened(), do.Select("m990"), account())
    state, _ = update(state, do.Reply(), account())
    state, _ = update(state, do.Select("m990"), account())
    gone = MessageRemoved(cursor=1, at=0, id="m990", conversation="bob")
    state, _ = update(state, Heard(gone), account())
    assert (state.message("m990"), state.selected, state.reply_to) == (None, None, None)


def test_a_file_that_changes_changes_in_its_message():
    file = FileView(
        id="f",
        message="m1000",
        conversation="bob",
        author="Bob",
        ours=False,
        name="a",
        content_type="x",
        size=9,
        state=FileState.OFFERED,
        here=0,
    )
    event = MessageAdded(cursor=1, at=0, message=message(1000, files=(file,)))
    state, _ = update(opened(), Heard(event), account())
    came = replace(file, state=FileState.COMPLETE, here=9)
    state, _ = update(state, Heard(FileChanged(cursor=2, at=0, file=came)), account())
    assert state.messages[-1].files == (came,)


def test_a_hit_far_away_opens_in_its_context():
    state, _ = step(opened(), do.GoTo("m100"), account())
    ids = [each.id for each in state.messages]
    assert ids[0] == "m70"
    assert ids[-1] == "m129"
    assert (state.selected, state.target.message) == ("m100", "m100")


def test_a_day_opens_at_its_first_message():
    state, _ = step(opened(), do.GoToDate(NOON + 60_000 * 300 - 1), account())
    assert state.target.message == "m300"
    state, _ = step(opened(), do.GoToDate(NOON + 900 * DAY), account())
    assert state.target.message == "m999", "where nothing is so late, the end"


def test_after_a_loss_without_a_cursor_what_is_in_sight_is_read_again():
    read = AccountRead(conversations=(), capabilities=frozenset(), cursor=0)
    state, _ = step(replace(opened(), messages=opened().messages[:10]), read, account())
    assert state.messages[-1].id == "m999"
    state, _ = step(opened(), do.GoTo("m100"), account())
    state, _ = step(replace(state, following=False), read, account())
    assert state.message("m100") is not None


def test_a_chat_that_could_not_open_opens_once_the_account_is_there():
    known = account()
    state, [_, call] = open_chat(known.conversations[0], "", watched=True)
    state, _ = update(state, call.failed(ConnectionLost()), known)
    state, effects = step(state, ConnectionChanged(Connection(phase=Phase.UP)), known)
    assert state.messages[-1].id == "m999"
    assert [each.method for each in effects] == ["events.attend"]


def test_whoever_is_renamed_is_called_so_above_their_messages_and_where_they_are_answered():
    answered = ReplyView(
        id="m990", author="Bob", author_id="bob", content_type="text/plain", text="x", edited=False, deleted=False
    )
    mine = message(1000, ours=True, in_reply_to="m990", reply=answered)
    state = replace(opened(), messages=(*opened().messages, mine), reply_to=HISTORY[-1])
    renamed = ContactChanged(
        cursor=2, at=0, contact=contact("Bobby", peer_id="bob", conversation="bob"), changed=("name",)
    )
    state, _ = update(state, Heard(renamed), account())
    assert {each.author for each in state.messages} == {"Bobby", None}
    assert state.messages[-1].reply.author == "Bobby"
    assert state.reply_to.author == "Bobby"
    other = ContactChanged(cursor=3, at=0, contact=contact("Eve", conversation="eve"), changed=("name",))
    assert update(state, Heard(other), account())[0] is state


def test_what_is_being_answered_says_what_became_of_it():
    state = replace(opened(), reply_to=HISTORY[-1])
    edited = replace(HISTORY[-1], text="other words", edited=True)
    state, _ = update(state, Heard(MessageChanged(cursor=2, at=0, message=edited, changed=("text",))), account())
    assert state.reply_to.text == "other words"
    deleted = replace(edited, text=None, deleted=True)
    state, _ = update(state, Heard(MessageChanged(cursor=3, at=0, message=deleted, changed=("text",))), account())
    assert state.reply_to is None
