"""The people whom a test plays, and what nobody may read who has not opened the vault."""

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


async def confide_ids(account: MemoryAccount) -> None:
    """Have no line that was logged name a conversation or a message."""
    for conversation in await account.app.conversations.list():
        confide("a conversation's id", bytes.fromhex(conversation.id), shortened=True)
        for message in await account.app.messages.history(conversation.id):
            confide("a message's id", bytes.fromhex(message.id), shortened=True)
