"""The account itself: made once, and what it says of itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from balchat_host.api.errors import VaultDamaged
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.api.views import CodeView
from balchat_host.core.codes import MAX_RELAYS, ChatCode
from balchat_host.core.names import check_name
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who we are."""

    peer: PeerId
    name: str


def create(unit: UnitOfWork, name: str) -> Account:
    """Make the account of a fresh vault: its identity key and its name. Raises BadInput."""
    account = Account(peer=unit.engine.create_identity(unit.keys, now=unit.seconds), name=check_name(name))
    unit.tx.execute(
        "INSERT INTO account (only, peer_id, name, created_at) VALUES (1, ?, ?, ?)",
        (account.peer.octets, account.name, unit.now),
    )
    return account


def load(tx: ReadTransaction) -> Account:
    """Give the account. Raises VaultDamaged where there is none: a vault is never without one once it was made."""
    rows = tx.query("SELECT peer_id, name FROM account")
    if not rows:
        raise VaultDamaged(problem="it holds no account")
    return Account(peer=PeerId(cast("bytes", rows[0][0])), name=cast("str", rows[0][1]))


def touch(unit: UnitOfWork) -> None:
    """Write something that changes nothing, to see whether anything can be written."""
    unit.tx.execute("UPDATE account SET name = name")


def advertise(unit: UnitOfWork, relays: Sequence[str]) -> None:
    """Have our chat code name these relays, by onion address."""
    names = " ".join(relays[:MAX_RELAYS])
    if unit.tx.execute("UPDATE account SET relays = ? WHERE relays <> ?", (names, names)):
        unit.effect(ANNOUNCE)


def chat_code(tx: ReadTransaction) -> ChatCode:
    """Give our chat code."""
    account = load(tx)
    relays = cast("str", tx.query("SELECT relays FROM account")[0][0]).split()
    return ChatCode(peer=account.peer, name=account.name, relays=tuple(PeerId.from_onion(each) for each in relays))


def code(tx: ReadTransaction) -> CodeView:
    """Give our chat code as front ends see it."""
    account = load(tx)
    return CodeView(
        code=str(chat_code(tx)),
        peer_id=account.peer.octets.hex(),
        onion=account.peer.onion,
        name=account.name,
    )
