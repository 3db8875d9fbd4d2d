"""What a person or a program calls a conversation by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.errors import NoSuchConversation
from balchat_host.api.frontend import NOTES_TO_SELF
from balchat_host.api.types import PeerId
from balchat_host.core import contacts, conversations
from balchat_host.core.first_contact import answering
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from balchat_host.api.storage import ReadTransaction

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
