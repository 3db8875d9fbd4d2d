"""What is known of the account: how it follows from what the account tells."""

from dataclasses import replace

import pytest
from balchat_ui_tui.account import AccountState, update
from balchat_ui_tui.actions import AccountRead, ConnectionChanged, ConversationCame, Heard, Told
from balchat_ui_tui.connection_state import Connection, Phase

from balchat_host.api.ephemeral import ContactPresence, FileProgress, PresentState
from balchat_host.api.events import (
    ContactChanged,
    ContactRemoved,
    ConversationChanged,
    MessageAdded,
    MessageChanged,
    MessageRemoved,
)
from balchat_host.api.views import MessageState, TimerView
from tests.support.views import contact, conversation, message

BOB, CAROL = conversation("Bob"), conversation("Carol")
READ = AccountRead(conversations=(BOB, CAROL), capabilities=frozenset(), cursor=10)


def account(*actions):
    state = update(AccountState(), READ)[0]
    for action in actions:
        state, _ = update(state, action)
    return state


def added(view, cursor=11):
    return Heard(MessageAdded(cursor=cursor, at=0, message=view))


def test_a_message_comes_to_the_front_and_counts_as_unread():
    first = message(1, conversation="carol")
    state = account(added(first), added(message(2, conversation="carol", mentions_us=True)))
    assert [each.title for each in state.conversations] == ["Carol", "Bob"]
    carol = state.conversations[0]
    assert (carol.unread, carol.first_unread, carol.mentions) == (2, first.id, 1)
    assert carol.last_message.text == "text 2"


@pytest.mark.parametrize(
    "view", [message(1, ours=True), message(1, timer=TimerView(expire_after=60))], ids=["ours", "a timer"]
)
def test_what_is_ours_or_only_says_something_is_not_unread(view):
    assert account(added(view)).conversations[0].unread == 0


def test_what_may_be_counted_already_is_asked_for_and_not_counted_twice():
    state, effects = update(account(), added(message(1), cursor=10))
    assert state.conversation("bob").unread == 0
    assert [(each.method, each.arguments) for each in effects] == [("conversations.get", {"conversation": "bob"})]
    now = replace(BOB, unread=1)
    assert update(state, effects[0].done(now))[0].conversation("bob") == now


def test_a_conversation_that_is_new_is_asked_for():
    _, effects = update(account(), added(message(1, conversation="dave")))
    assert [each.arguments for each in effects] == [{"conversation": "dave"}]
    assert update(account(), ConversationCame(conversation("Dave")))[0].conversations[0].title == "Dave"


def test_what_is_put_away_comes_back_with_a_message_unless_it_is_muted():
    away = replace(BOB, archived=True)
    assert not account(ConversationCame(away), added(message(1))).conversation("bob").archived
    muted = replace(away, muted=True)
    assert account(ConversationCame(muted), added(message(1))).conversation("bob").archived


def test_how_far_the_last_message_is_shows_in_the_list():
    mine = message(1, ours=True)
    failed = replace(mine, state=MessageState.FAILED)
    state = account(added(mine), Heard(MessageChanged(cursor=12, at=0, message=failed, changed=("state",))))
    assert state.conversation("bob").last_message.state is MessageState.FAILED


def test_what_was_read_elsewhere_is_read_here():
    read = ConversationChanged(cursor=12, at=0, conversation=BOB, changed=("unread",))
    assert account(added(message(1)), Heard(read)).conversation("bob").unread == 0


def test_a_contact_who_is_renamed_keeps_whether_they_are_there():
    present = Told(PresentState(reachable=("peer-Bob",), failing=(), attended=()))
    renamed = replace(contact("Bob"), name="Robert")
    state = account(present, Heard(ContactChanged(cursor=12, at=0, contact=renamed, changed=("name",))))
    assert state.conversation("bob").title == "Robert"
    assert state.conversation("bob").contact.reachable


def test_a_contact_who_is_removed_takes_the_conversation_along():
    state = account(Heard(ContactRemoved(cursor=12, at=0, name="Bob", peer_id="peer-Bob", conversation="bob")))
    assert [each.title for each in state.conversations] == ["Carol"]


def test_a_message_that_is_gone_has_the_conversation_read_again():
    _, effects = update(account(), Heard(MessageRemoved(cursor=12, at=0, id="m1", conversation="bob")))
    assert [each.method for each in effects] == ["conversations.get"]


def test_nobody_is_within_reach_once_the_connection_is_lost():
    state = account(
        Told(ContactPresence(peer_id="peer-Bob", reachable=True, failing=False)),
        Told(FileProgress(file="f", here=1, there=0)),
    )
    assert state.reachable == {"peer-Bob"}
    lost = update(state, ConnectionChanged(Connection(phase=Phase.LOST)))[0]
    assert (lost.reachable, lost.progress, lost.status) == (frozenset(), {}, None)
    assert lost.conversations == state.conversations, "what was read stays in sight"


def test_muted_conversations_do_not_count_as_unread():
    state = account(ConversationCame(replace(BOB, unread=3, muted=True)), ConversationCame(replace(CAROL, unread=1)))
    assert state.unread == 1
