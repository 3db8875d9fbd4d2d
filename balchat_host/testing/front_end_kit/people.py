"""The people whom a test plays, and what nobody may read who has not opened the vault."""

from collections.abc import Mapping
from typing import Final

from balchat_host.testing.audit import confide
from balchat_host.testing.memory_account import MemoryAccount
from balchat_host.testing.peer import Peer

US: Final = "Alice, of whom nobody may read"
BOB: Final = "Bob, of whom nobody may read"
CAROL: Final = "Carol, of whom nobody may read"
DAVE: Final = "Dave, of whom nobody may read"
STRANGER: Final = "Eve, of whom nobody may read"
PRIVATE: Final = "This is between the two of us."
"""A text that asks for nothing."""
WORDS: Final = (US, BOB, CAROL, DAVE, STRANGER, PRIVATE)


def account_with(*names: str) -> tuple[MemoryAccount, list[Peer]]:
    """Return an account with contacts, of whom nothing may be logged."""
    account = MemoryAccount(US)
    peers = [account.befriend(name) for name in names]
    confide("a message", PRIVATE.encode())
    confide("our name", US.encode())
    for peer in peers:
        _confide("a contact's name", peer.contact.name, peer)
    return account, peers


def stranger_of(account: MemoryAccount) -> Peer:
    """Return somebody who is no contact, of whom nothing may be logged either."""
    stranger = account.stranger(STRANGER)
    _confide("a stranger's name", STRANGER, stranger)
    return stranger


def _confide(what: str, name: str, peer: Peer) -> None:
    confide(what, name.encode())
    confide("a peer id", bytes.fromhex(peer.peer_id), shortened=True)
    confide("an onion address", peer.onion.encode())


async def ids_of(account: MemoryAccount) -> Mapping[str, str]:
    """Return what has an id in an account, by that, in hexadecimal."""
    found = {contact.peer_id: "a contact" for contact in await account.app.contacts.list()}
    for conversation in await account.app.conversations.list():
        found[conversation.id] = "a conversation"
        messages = await account.app.messages.history(conversation.id)
        found |= {message.id: "a message" for message in messages}
    return found


async def confide_ids(account: MemoryAccount) -> None:
    """Have no line that was logged name a conversation or a message."""
    for each, what in (await ids_of(account)).items():
        confide(f"{what}'s id", bytes.fromhex(each), shortened=True)
