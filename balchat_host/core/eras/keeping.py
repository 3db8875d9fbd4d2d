"""Eras: the MLS groups that carry a conversation, one after the other.

Almost always there is one. Two arise when both sides add each other at the same time, or when one side lost or removed
the other and asks again. Three rules make that harmless, whatever is lost or late:

1. We receive in every era of a conversation.
2. We send in the era of the highest priority among the confirmed ones, and, as long as none is, in the one of the
   highest priority. Hearing from the other side in an era confirms it: it proves that they hold the group.
3. A newer era has a higher priority, but of two that crossed it is the one that the lower peer id founded, on both
   sides.

Messages name their era by its id, which only its members can compute (docs/spec/mls.md, Era id). The era of a contact
request that nobody has accepted has no conversation.
"""

from typing import Final, cast

from balchat_host.api.errors import ProtocolViolation
from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.types import PeerId
from balchat_host.core import peers, rows
from balchat_host.core.envelope import EraMessage
from balchat_host.core.rows import ContactRow, ConversationRow, Era, Purpose
from balchat_host.core.unit_of_work import UnitOfWork

_COLUMNS: Final = "era.id, era.era_id, era.mls_group_id, era.confirmed"
_COLUMN_COUNT: Final = 4
_MAX_OTHERS: Final = 4
"""How many eras of a conversation are kept besides the newest."""


def sending(tx: ReadTransaction, conversation: ConversationRow) -> Era | None:
    """Return the era that we send in (rule 2), or None where there is none yet."""
    found = _where(tx, "conversation = ? ORDER BY confirmed DESC, priority DESC LIMIT 1", conversation.id)
    return found[0] if found else None


def encrypt(unit: UnitOfWork, era: Era, content: bytes) -> bytes:
    """Encrypt content in an era; return the payload of an MLS_MESSAGE. It may leave only after the commit."""
    message = unit.engine.encrypt(unit.keys, era.mls_group_id, content)
    return EraMessage(era_id=era.era_id, message=message).encode()


def ours_waits_for_answer(tx: ReadTransaction, conversation: ConversationRow) -> bool:
    """Return whether we founded the newest era of a conversation, and have heard nothing in it yet."""
    newest = tx.query(
        "SELECT confirmed = 0 AND founder = (SELECT peer FROM account) FROM era WHERE conversation = ?"
        " ORDER BY priority DESC LIMIT 1",
        (conversation.id,),
    )
    return newest == [(1,)]


def keep(unit: UnitOfWork, mls_group_id: bytes, era_id: bytes, *, founder: PeerId) -> Era:
    """Keep an era that has no conversation yet. Raise ProtocolViolation where one of that id is here.

    Only a founder who computes for years can bring that about, between two groups of their own.
    """
    if _where(unit.tx, "era_id = ?", era_id):
        raise ProtocolViolation(problem="a group whose era id is that of another one")
    number = unit.insert(
        "INSERT INTO era (era_id, mls_group_id, founder, priority, founded_at) VALUES (?, ?, ?, 0, ?)",
        (era_id, mls_group_id, peers.know(unit, founder), unit.now),
    )
    return Era(id=number, era_id=era_id, mls_group_id=mls_group_id, confirmed=False)


def use(unit: UnitOfWork, contact: ContactRow, era: Era, *, below_newest: bool = False) -> None:
    """Have an era carry the conversation with a contact, above the others, or above all but the newest (rule 3).

    Of too many others, those go that we would be the last to send in.
    """
    conversation = contact.conversation.id
    priority = rows.number(unit.tx, "SELECT max(priority) + 1 FROM era WHERE conversation = ?", (conversation,))
    if below_newest:
        unit.tx.execute(
            "UPDATE era SET priority = ? WHERE conversation = ? AND priority = ? - 1",
            (priority, conversation, priority),
        )
        priority -= 1
    unit.tx.execute("UPDATE era SET conversation = ?, priority = ? WHERE id = ?", (conversation, priority, era.id))
    others = "conversation = ? AND id <> ? ORDER BY confirmed DESC, priority DESC LIMIT -1 OFFSET ?"
    for other in _where(unit.tx, others, conversation, era.id, _MAX_OTHERS):
        forget(unit, other)


def confirm(unit: UnitOfWork, contact: ContactRow, era: Era, *, device_id: bytes) -> None:
    """Note that a device of a contact's holds an era's group.

    It is the one that they use, unless a newer era has been begun with another one.
    """
    unit.tx.execute("UPDATE era SET confirmed = 1 WHERE id = ?", (era.id,))
    newest = _where(unit.tx, "conversation = ? ORDER BY priority DESC LIMIT 1", contact.conversation.id)
    if newest[0].id == era.id or peers.device(unit.tx, contact.id) is None:
        peers.know_device(unit, contact.id, device_id)


def find(tx: ReadTransaction, era_id: bytes) -> tuple[ContactRow, Era] | None:
    """Return the era of that id and the contact whose conversation it carries, if it carries one."""
    found = tx.query(
        f"SELECT {rows.CONTACT_COLUMNS}, {_COLUMNS}"  # noqa: S608  # our own text
        f" FROM {rows.CONTACT_TABLES} JOIN era ON era.conversation = contact.conversation WHERE era_id = ?",
        (era_id,),
    )
    return (rows.contact(found[0]), _era(found[0][-_COLUMN_COUNT:])) if found else None


def by_number(tx: ReadTransaction, number: int | None) -> Era | None:
    """Return an era by its number, or None where it is gone."""
    found = _where(tx, "id = ?", number)
    return found[0] if found else None


def forget_all(unit: UnitOfWork, conversation: ConversationRow) -> None:
    """Delete all eras of a conversation, keys and all."""
    for era in _where(unit.tx, "conversation = ?", conversation.id):
        forget(unit, era)


def prune(unit: UnitOfWork, *, older_than: int) -> None:
    """Delete the eras that lost: founded before `older_than`, and worse than a confirmed one.

    The newest stays, however long nothing is heard in it: who asked with it may hold no other.
    """
    losers = (
        "founded_at < ? AND EXISTS (SELECT 1 FROM era AS winner WHERE winner.conversation = era.conversation"
        " AND winner.confirmed = 1 AND (winner.confirmed, winner.priority) > (era.confirmed, era.priority))"
        " AND priority < (SELECT max(priority) FROM era AS newest WHERE newest.conversation = era.conversation)"
    )
    for loser in _where(unit.tx, losers, older_than):
        forget(unit, loser)


def forget(unit: UnitOfWork, era: Era) -> None:
    """Delete an era, keys and all, and what waits to leave in it and could leave in no other."""
    unit.engine.delete_group(unit.keys, era.mls_group_id)
    unit.tx.execute(
        "DELETE FROM payload WHERE conversation = (SELECT conversation FROM era WHERE id = ?1) AND purpose IN (?2, ?3)"
        " AND purpose <> 1 AND era = ?1",
        (era.id, Purpose.ANSWER, Purpose.CONTACT_REQUEST),
    )
    unit.tx.execute("DELETE FROM era WHERE id = ?", (era.id,))


def _where(tx: ReadTransaction, condition: str, *parameters: SqlValue) -> list[Era]:
    found = tx.query(f"SELECT {_COLUMNS} FROM era WHERE {condition}", parameters)  # noqa: S608  # our own text
    return [_era(row) for row in found]


def _era(row: tuple[object, ...]) -> Era:
    number, era_id, mls_group_id, confirmed = row
    return Era(
        id=cast("int", number),
        era_id=cast("bytes", era_id),
        mls_group_id=cast("bytes", mls_group_id),
        confirmed=bool(confirmed),
    )
