"""Both ends are made from the contract, whole."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from unittest.mock import Mock

import pytest
from anyio.abc import ByteStream
from balchat_ui_rpc.remote import RemoteApp
from balchat_ui_rpc.rpc_client import RpcClient

from balchat_host.api.events import (
    AccountRestored,
    ContactAlarm,
    ContactChanged,
    ContactRemoved,
    ConversationChanged,
    Event,
    FileChanged,
    MessageAdded,
    MessageChanged,
    MessageRemoved,
    RequestClosed,
    RequestReceived,
    event_types,
)
from balchat_host.api.frontend import App
from balchat_host.api.frontend.area import areas_of
from balchat_host.api.rpc.description import METHODS, Connection, describe
from balchat_host.api.rpc.session import Session
from balchat_host.api.rpc.values import codec_for
from balchat_host.api.types import Secret
from balchat_host.api.views import (
    AlarmKind,
    ContactState,
    ContactView,
    ConversationKind,
    ConversationView,
    FileState,
    FileView,
    MessageState,
    MessageView,
    RequestView,
)

MESSAGE = MessageView(
    id="01",
    conversation="02",
    author=None,
    author_id="03",
    sent_at=4,
    content_type="text/plain",
    text="ahoj 🦦",
    in_reply_to=None,
    state=MessageState.FAILED,
    reason="the contact was removed",
)
CONTACT = ContactView(
    name="Bob",
    peer_id="05",
    onion="b.onion",
    conversation="02",
    state=ContactState.ADDING,
    verified=True,
    blocked=False,
    unread=6,
    reachable=True,
    alarm=AlarmKind.FOREIGN_ERA,
)
CONVERSATION = ConversationView(
    id="02",
    kind=ConversationKind.DIRECT,
    title="Bob",
    unread=6,
    first_unread="01",
    last_message=MESSAGE,
    draft="half a",
    muted=True,
    muted_until=9,
    archived=True,
    contact=CONTACT,
)
REQUEST = RequestView(peer_id="07", onion="c.onion", name="Zoe", introduction="It is me", received_at=8)
FILE = FileView(
    id="0d" * 16,
    message="0e" * 32,
    conversation="0c" * 16,
    author=None,
    ours=True,
    name="tides.txt",
    content_type="text/plain",
    size=12,
    state=FileState.COMPLETE,
    here=12,
    received_by=1,
    recipients=1,
)
EVENTS = (
    FileChanged(cursor=1, at=2, file=FILE),
    MessageAdded(cursor=1, at=2, message=MESSAGE),
    MessageChanged(cursor=1, at=2, message=MESSAGE, changed=("state", "reason")),
    MessageRemoved(cursor=1, at=2, id="01", conversation="02"),
    ConversationChanged(cursor=1, at=2, conversation=CONVERSATION, changed=("draft",)),
    ContactChanged(cursor=1, at=2, contact=CONTACT, changed=("name",)),
    ContactRemoved(cursor=1, at=2, name="Bob", peer_id="05", conversation="02"),
    ContactAlarm(cursor=1, at=2, name="Bob", peer_id="05", conversation="02", kind=AlarmKind.FOREIGN_MESSAGE),
    AccountRestored(cursor=1, at=2, copied_at=1, contacts=3),
    RequestReceived(cursor=1, at=2, request=REQUEST),
    RequestClosed(cursor=1, at=2, peer_id="07", outcome="rejected"),
)

CONTRACT = [(None, App, name) for name in App.__abstractmethods__ - areas_of(App).keys()] + [
    (area, owner, name) for area, owner in areas_of(App).items() for name in sorted(owner.__abstractmethods__)
]


def wire_name(area: str | None, name: str) -> str:
    return name if area is None else f"{area}.{name}"


@pytest.mark.parametrize(("area", "owner", "name"), CONTRACT, ids=lambda value: getattr(value, "__name__", value))
def test_a_method_of_the_contract_is_on_both_sides(area: str | None, owner: type, name: str) -> None:
    assert METHODS[wire_name(area, name)].owner is owner
    remote = RemoteApp(RpcClient(Mock(spec=ByteStream)))
    ours, theirs = type(getattr(remote, area) if area else remote), owner
    assert issubclass(ours, theirs)
    assert not ours.__abstractmethods__
    assert inspect.signature(getattr(ours, name)) == inspect.signature(getattr(theirs, name))
    assert getattr(ours, name).__doc__ == getattr(theirs, name).__doc__


def test_nothing_else_is_on_either_side() -> None:
    own = set(Connection.__abstractmethods__)
    assert set(METHODS) == {wire_name(area, name) for area, _, name in CONTRACT} | own
    assert own <= set(vars(Session))


def test_a_method_that_cannot_cross_is_refused() -> None:
    class Bad(ABC):
        @abstractmethod
        def at_once(self) -> int:
            """Not a coroutine."""

    with pytest.raises(TypeError, match=r"Bad\.at_once"):
        describe(Bad)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_comes_out_as_itself(event: Event) -> None:
    codec = codec_for(Event)
    assert codec.decode(codec.encode(event)) == event


def test_every_kind_of_event_is_tried() -> None:
    assert {type(event) for event in EVENTS} == set(event_types.values())


def test_a_secret_shows_in_no_repr() -> None:
    parameters = METHODS["account.change_passphrase"].parameters(old=Secret(b"tweedledum"), new=Secret(b"tweedledee"))
    assert "tweedle" not in repr(parameters)
    assert "tweedle" not in str(parameters)
