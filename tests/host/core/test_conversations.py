"""What a person or a program calls a conversation by."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from balchat_crypto_mls.engine import MlsEngine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.errors import NoSuchConversation
from balchat_host.api.frontend import NOTES_TO_SELF
from balchat_host.api.types import PeerId
from balchat_host.api.views import ConversationKind
from balchat_host.core import account, contacts, conversations, membership
from balchat_host.core.first_contact import answering
from balchat_host.core.names import name_key
from balchat_host.core.views import conversation_view, conversation_views
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.storage import ReadTransaction, SqlRow, SqlValue
    from balchat_host.core.unit_of_work import UnitOfWork

BOB, MALLORY = PeerId(bytes([1]) * 32), PeerId(bytes([2]) * 32)


@pytest.fixture
def alice() -> Account:
    alice = World(1, MlsEngine()).account("Alice")
    alice.change(lambda unit: answering.add_contact(unit, BOB.onion, name="Bob", introduction=""))
    return alice


def called(alice: Account, which: str) -> str | None:
    """Return the name of whom the conversation is with that is called so, None for ourselves."""

    def look(tx: ReadTransaction) -> str | None:
        contact = conversations.contact_of(tx, conversations.find(tx, which))
        return contact.name if contact is not None else None

    return alice.read(look)


def id_of(alice: Account, which: str) -> str:
    return alice.read(lambda tx: conversations.find(tx, which)).conversation_id.hex()


def test_it_is_called_by_its_contact_or_its_id(alice: Account) -> None:
    assert {called(alice, which) for which in ("bob", BOB.onion, id_of(alice, "Bob"))} == {"Bob"}


def test_the_one_with_ourselves_is_called_by_its_title_our_address_or_its_id(alice: Account) -> None:
    for which in (NOTES_TO_SELF, alice.peer.onion, id_of(alice, NOTES_TO_SELF)):
        assert called(alice, which) is None


@pytest.mark.parametrize("spelt", [str, str.upper])
def test_nobody_gets_what_is_meant_for_another_conversation_by_a_name_like_its_id(alice: Account, spelt) -> None:
    bobs = id_of(alice, "Bob")
    alice.change(lambda unit: answering.add_contact(unit, MALLORY.onion, name=spelt(bobs), introduction=""))
    assert called(alice, bobs) == "Bob"
    alice.change(lambda unit: contacts.remove(unit, "Bob"))
    with pytest.raises(NoSuchConversation):
        called(alice, bobs)


def found_group(alice: Account, number: int, title: str) -> str:
    """Have a group of a title, with ourselves in it; return its id."""
    identifier = bytes([number]) * 16

    def begin(unit: UnitOfWork) -> None:
        us = account.load(unit.tx).number
        group = membership.begin(unit, ConversationKind.GROUP, identifier, (us,))
        unit.tx.execute(
            "UPDATE conversation SET title = ?, title_key = ? WHERE id = ?", (title, name_key(title), group)
        )

    alice.change(begin)
    return identifier.hex()


def test_a_group_is_called_by_a_title_that_only_it_has(alice: Account) -> None:
    climbers, others = found_group(alice, 1, "Climbers"), found_group(alice, 2, "Others")
    assert {id_of(alice, which) for which in ("Climbers", "cLIMBERS", climbers)} == {climbers}
    found_group(alice, 3, "climbers")
    with pytest.raises(NoSuchConversation):
        id_of(alice, "Climbers")
    assert (id_of(alice, climbers), id_of(alice, "Others")) == (climbers, others)


def test_a_contact_goes_before_a_title(alice: Account) -> None:
    group = found_group(alice, 1, "Bob")
    assert called(alice, "Bob") == "Bob"
    shown = alice.read(lambda tx: conversation_views(tx, now=0))
    assert {(view.kind, view.title) for view in shown} == {
        (ConversationKind.DIRECT, "Bob"), (ConversationKind.GROUP, "Bob"), (ConversationKind.SELF, NOTES_TO_SELF),
    }  # fmt: skip
    assert id_of(alice, group) == group


def test_what_is_muted_for_a_while_is_not_any_more_after_it(alice: Account) -> None:
    until = alice.change(lambda unit: conversations.mute(unit, "Bob", unit.now + 1000)).muted_until
    assert until is not None
    bob = alice.read(lambda tx: conversations.find(tx, "Bob"))
    views = [alice.read(lambda tx, now=now: conversation_view(tx, bob, now=now)) for now in (until - 1, until)]
    assert [(view.muted, view.muted_until) for view in views] == [(True, until), (False, None)]


def test_a_list_takes_the_same_number_of_queries_however_long_it_is(alice: Account) -> None:
    def count(tx: ReadTransaction) -> int:
        asked: list[str] = []

        class Counting:
            def query(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[SqlRow]:
                asked.append(sql)
                return tx.query(sql, parameters)

        conversation_views(cast("ReadTransaction", Counting()), now=0)
        return len(asked)

    few = alice.read(count)
    for number in range(3, 30):
        key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32).public_key().public_bytes_raw()
        onion = PeerId(key).onion
        alice.change(
            lambda unit, onion=onion, number=number: answering.add_contact(
                unit, onion, name=f"Contact {number}", introduction=""
            )
        )
    assert alice.read(count) == few
