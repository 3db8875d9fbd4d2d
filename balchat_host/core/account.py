"""The account itself: made once, and what it says of itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.errors import VaultDamaged
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import DEVICE_ID_SIZE, PeerId, Secret
from balchat_host.api.views import CodeView, ConversationKind
from balchat_host.core import membership, peers
from balchat_host.core.chat_codes import MAX_RELAYS, ChatCode
from balchat_host.core.identifiers import conversation_of_two
from balchat_host.core.names import check_name
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork

_SEED_SIZE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who we are, and which device of ours this is. `number` is that of our row of `peer`."""

    number: int
    peer: PeerId
    device_id: bytes
    name: str


def create(unit: UnitOfWork, name: str) -> Account:
    """Make the account of a fresh vault: identity key, device id, name, and the conversation with ourselves.

    Raise BadInput.
    """
    name = check_name(name)
    device_id = unit.entropy(DEVICE_ID_SIZE)
    peer = unit.engine.create_identity(unit.keys, device_id, now=unit.seconds)
    return settle(unit, peer, device_id, name)


def settle(unit: UnitOfWork, peer: PeerId, device_id: bytes, name: str) -> Account:
    """Make this device of `peer` ourselves."""
    number = peers.know(unit, peer)
    unit.tx.execute(
        "INSERT INTO account (only, peer, account_key, device_id, device_onion_seed, name) VALUES (1, ?, ?, ?, ?, ?)",
        (number, peer.octets, device_id, unit.entropy(_SEED_SIZE), name),
    )
    peers.know_device(unit, number, device_id)
    membership.begin(unit, ConversationKind.SELF, conversation_of_two(peer, peer), (number,))
    return Account(number=number, peer=peer, device_id=device_id, name=name)


def become_another_device(unit: UnitOfWork) -> None:
    """Be another device of the same account from now on, with another onion, no MLS group and no KeyPackage.

    The one that we were may still be used.
    """
    device_id = unit.entropy(DEVICE_ID_SIZE)
    unit.engine.become_device(unit.keys, device_id, now=unit.seconds)
    unit.tx.execute("UPDATE account SET device_id = ?, device_onion_seed = ?", (device_id, unit.entropy(_SEED_SIZE)))
    peers.know_device(unit, load(unit.tx).number, device_id)


def load(tx: ReadTransaction) -> Account:
    """Return the account. Raise VaultDamaged where there is none: a vault is never without one once it was made."""
    rows = tx.query("SELECT peer, account_key, device_id, name FROM account")
    if not rows:
        raise VaultDamaged(problem="it holds no account")
    number, key, device_id, name = rows[0]
    return Account(
        number=cast("int", number),
        peer=PeerId(cast("bytes", key)),
        device_id=cast("bytes", device_id),
        name=cast("str", name),
    )


def device_onion_seed(tx: ReadTransaction) -> Secret:
    """Return the 32-octet seed of the device onion's Ed25519 key."""
    return Secret(cast("bytes", tx.query("SELECT device_onion_seed FROM account")[0][0]))


def touch(unit: UnitOfWork) -> None:
    """Write something that changes nothing, to see whether anything can be written."""
    unit.tx.execute("UPDATE account SET name = name")


def advertise(unit: UnitOfWork, relays: Sequence[str]) -> None:
    """Have our chat code name these relays, by onion address."""
    keys = [PeerId.from_onion(relay).octets for relay in relays[:MAX_RELAYS]]
    if keys == _relay_keys(unit.tx):
        return
    unit.tx.execute("DELETE FROM account_relay")
    for position, key in enumerate(keys):
        unit.tx.execute("INSERT INTO account_relay (position, relay_key) VALUES (?, ?)", (position, key))
    unit.effect(ANNOUNCE)


def chat_code(tx: ReadTransaction) -> ChatCode:
    """Return our chat code."""
    account = load(tx)
    return ChatCode(peer=account.peer, name=account.name, relays=tuple(PeerId(key) for key in _relay_keys(tx)))


def code(tx: ReadTransaction) -> CodeView:
    """Return our chat code as front ends see it."""
    account = load(tx)
    return CodeView(
        code=str(chat_code(tx)),
        peer_id=account.peer.octets.hex(),
        onion=account.peer.onion,
        name=account.name,
    )


def _relay_keys(tx: ReadTransaction) -> list[bytes]:
    return [cast("bytes", key) for (key,) in tx.query("SELECT relay_key FROM account_relay ORDER BY position")]
