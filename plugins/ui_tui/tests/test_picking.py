"""Lists of choices while the account goes on: what is selected stays so."""

from dataclasses import replace
from types import SimpleNamespace

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Heard
from balchat_ui_tui.asking.actions import Step, Take, Words
from balchat_ui_tui.asking.picking import PickState
from balchat_ui_tui.jump.screen import update
from balchat_ui_tui.main.actions import Show
from balchat_ui_tui.search.state import SearchState
from balchat_ui_tui.search.state import update as search

from balchat_host.api.events import MessageRemoved
from tests.support.views import conversation

BOB, BORIS, CAROL = (conversation(name) for name in ("Bob", "Boris", "Carol"))
KNOWN = AccountState(conversations=(BOB, BORIS, CAROL))
NEWS = AccountState(conversations=(replace(CAROL, unread=1, first_unread="m1"), BORIS, BOB))
"""Carol has written, and Boris before her."""


def taken(*actions, then=NEWS):
    """Return what Enter takes after actions, and after something else has come first."""
    state = PickState()
    for action in (Step(0), *actions):
        state, _ = update(state, action, KNOWN)
    state, _ = update(state, Action(), then)
    _, [close] = update(state, Take(), then)
    return close.result


def test_enter_takes_what_was_selected_wherever_it_is_by_now():
    assert taken() == Show("bob")
    assert taken(Step(1)) == Show("boris")
    assert taken(Step(2)) == Show("carol")


def test_enter_takes_what_was_found_first():
    assert taken(Step(2), Words("bo")) == Show("bob")


def test_where_the_selected_one_is_gone_the_one_in_its_place_is_taken():
    assert taken(Step(2), then=AccountState(conversations=(BOB, BORIS))) == Show("boris")


def test_a_hit_stays_selected_when_one_before_it_is_deleted():
    hits = tuple(SimpleNamespace(message=SimpleNamespace(id=name, conversation="bob")) for name in ("m1", "m2", "m3"))
    state = SearchState(conversation=None, everywhere=True, hits=hits, place=1)
    gone = Heard(MessageRemoved(cursor=1, at=0, id="m1", conversation="bob"))
    state, _ = search(state, gone)
    assert state.hits[state.place].message.id == "m2"
