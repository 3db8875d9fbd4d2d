"""The eras that we hold: their rows, which of them we send in, and when they go. The law is docs/spec/eras.md.

The one that we send in stands in the conversation's row. Whatever changes a conversation's eras has it chosen again.
"""

from collections.abc import Iterable, Sequence
from typing import Final, cast

from balchat_host.api.crypto import MAX_KNOWN_ERAS
from balchat_host.api.errors import ProtocolViolation
from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.types import PeerId
from balchat_host.core import peers, rows
from balchat_host.core.envelope import EraMessage
from balchat_host.core.eras import choice
from balchat_host.core.eras.choice import Candidate
from balchat_host.core.rows import ContactRow, ConversationRow, Era, Purpose
from balchat_host.core.unit_of_work import UnitOfWork

_COLUMNS: Final = "era.id, era.era_id, era.mls_group_id, era.confirmed, era.requested, era.founder"
_COLUMN_COUNT: Final = 6
_MAX_ERAS: Final = 5
"""How many eras of a conversation are kept."""


# -- looking


def sending(tx: ReadTransaction, conversation: ConversationRow) -> Era | None:
    """Return the era that we send in, or None where there is none yet."""
    found = tx.query(
        f"SELECT {_COLUMNS} FROM conversation JOIN era ON era.id = sending_era WHERE conversation.id = ?",  # noqa: S608  # our own text
        (conversation.id,),
    )
    return _era(found[0]) if found else None


def best(tx: ReadTransaction, conversation: ConversationRow) -> Era | None:
    """Return the best era that we hold of a conversation, whether or not the other side was heard in it."""
    held = _held(tx, conversation.id)
    return held[choice.best(held)] if held else None


def is_best(tx: ReadTransaction, contact: ContactRow, era: Era) -> bool:
    """Return whether no era that we hold with a contact is better than this one."""
    found = best(tx, contact.conversation)
    return found is not None and found.id == era.id


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


def of(tx: ReadTransaction, conversation: ConversationRow) -> list[Era]:
    """Return the eras that we hold of a conversation."""
    return _where(tx, "conversation = ?", conversation.id)


def known(tx: ReadTransaction, conversation: ConversationRow) -> list[bytes]:
    """Return the ids that an era names which we found now: of those that we hold, then of those that went last."""
    found = tx.query(
        "SELECT era_id FROM (SELECT era_id, NULL AS gone_at FROM era WHERE conversation = ?1"
        " UNION ALL SELECT era_id, gone_at FROM gone_era WHERE conversation = ?1)"
        " ORDER BY gone_at DESC NULLS FIRST LIMIT ?2",
        (conversation.id, MAX_KNOWN_ERAS),
    )
    return [cast("bytes", era_id) for (era_id,) in found]


# -- what comes and is confirmed


def encrypt(unit: UnitOfWork, era: Era, content: bytes) -> bytes:
    """Encrypt content in an era; return the payload of an MLS_MESSAGE. It may leave only after the commit."""
    message = unit.engine.encrypt(unit.keys, era.mls_group_id, content)
    return EraMessage(era_id=era.era_id, message=message).encode()


def keep(
    unit: UnitOfWork, mls_group_id: bytes, era_id: bytes, *, founder: PeerId, names: Iterable[bytes], requested: bool
) -> Era:
    """Keep an era that has no conversation yet. Raise ProtocolViolation where one of that id is here.

    Only a founder who computes for years can bring that about, between two groups of their own.
    """
    if _where(unit.tx, "era_id = ?", era_id):
        raise ProtocolViolation(problem="a group whose era id is that of another one")
    number = unit.insert(
        "INSERT INTO era (era_id, mls_group_id, founder, requested, founded_at) VALUES (?, ?, ?, ?, ?)",
        (era_id, mls_group_id, peers.know(unit, founder), requested, unit.now),
    )
    _name(unit, number, names)
    # Somebody may have told us of it before it came, or it has come again: what is here is not gone.
    unit.tx.execute("DELETE FROM gone_era WHERE era_id = ?", (era_id,))
    return cast("Era", by_number(unit.tx, number))


def use(unit: UnitOfWork, contact: ContactRow, era: Era) -> None:
    """Have an era carry the conversation with a contact. Of too many others, the worst goes."""
    unit.tx.execute("UPDATE era SET conversation = ? WHERE id = ?", (contact.conversation.id, era.id))
    held = _held(unit.tx, contact.conversation.id)
    for each in [held[each] for each in choice.ordered(held) if held[each].id != era.id][_MAX_ERAS - 1 :]:
        retire(unit, contact.conversation, each)
    _choose(unit, contact.conversation.id)


def use_requested(unit: UnitOfWork, contact: ContactRow, era: Era) -> None:
    """Have an era that came by a contact's request carry the conversation.

    It counts as naming all that we have: its founder may have lost them. But not what we asked with meanwhile, unless
    both sides have said yes before: the two crossed, and each side judges both alike.
    """
    ours = 0 if contact.may_talk else contact.conversation.our_number
    before = unit.tx.query(
        "SELECT era_id FROM era WHERE conversation = ? AND id <> ? AND NOT (founder = ? AND confirmed = 0)",
        (contact.conversation.id, era.id, ours),
    )
    _name(unit, era.id, (cast("bytes", era_id) for (era_id,) in before))
    use(unit, contact, era)


def confirm(unit: UnitOfWork, contact: ContactRow, era: Era, *, device_id: bytes) -> None:
    """Note that a device of a contact's holds an era's group.

    It is the one that they use, unless a better era has been begun with another one.
    """
    unit.tx.execute("UPDATE era SET confirmed = 1 WHERE id = ?", (era.id,))
    _choose(unit, contact.conversation.id)
    if is_best(unit.tx, contact, era) or peers.device(unit.tx, contact.id) is None:
        peers.know_device(unit, contact.id, device_id)


# -- what goes


def forget_all(unit: UnitOfWork, conversation: ConversationRow) -> None:
    """Delete all eras of a conversation, keys and all."""
    for era in of(unit.tx, conversation):
        forget(unit, era)


def forget(unit: UnitOfWork, era: Era) -> None:
    """Delete an era, keys and all, and what waits to leave in it and could leave in no other."""
    conversation = rows.number(unit.tx, "SELECT conversation FROM era WHERE id = ?", (era.id,))
    unit.engine.delete_group(unit.keys, era.mls_group_id)
    for purpose in (Purpose.ANSWER, Purpose.CONTACT_REQUEST, Purpose.WELCOME):
        _drop(unit, era.id, conversation, purpose)
    unit.tx.execute("DELETE FROM era WHERE id = ?", (era.id,))
    _choose(unit, conversation)


def followed(tx: ReadTransaction, condition: str, *parameters: SqlValue) -> list[tuple[ContactRow, Era]]:
    """Return the eras that have done their service and meet an SQL condition of ours, and whose they are."""
    found = tx.query(
        f"SELECT {rows.CONTACT_COLUMNS}, {_COLUMNS} FROM {rows.CONTACT_TABLES}"  # noqa: S608  # our own text
        f" JOIN era ON era.conversation = contact.conversation WHERE followed_at IS NOT NULL AND ({condition})",
        parameters,
    )
    return [(rows.contact(row), _era(row[-_COLUMN_COUNT:])) for row in found]


def is_gone(tx: ReadTransaction, era_id: bytes) -> bool:
    """Return whether an era of that id was here, and went lately because it had done its service."""
    return bool(tx.query("SELECT 1 FROM gone_era WHERE era_id = ?", (era_id,)))


def is_known(tx: ReadTransaction, era_id: bytes) -> bool:
    """Return whether an era of that id is here, or was lately."""
    return bool(tx.query("SELECT 1 FROM era WHERE era_id = ?", (era_id,))) or is_gone(tx, era_id)


def retire(unit: UnitOfWork, conversation: ConversationRow, era: Era) -> None:
    """Delete an era of a conversation and remember its id, so that nobody takes it for one that we have lost."""
    note_gone(unit, conversation, era.era_id)
    forget(unit, era)


def note_gone(unit: UnitOfWork, conversation: ConversationRow, era_id: bytes) -> None:
    """Remember the id of an era of a conversation that is not here, or will not be."""
    unit.tx.execute(
        "INSERT OR REPLACE INTO gone_era (era_id, conversation, gone_at) VALUES (?, ?, ?)",
        (era_id, conversation.id, unit.now),
    )


def _drop(unit: UnitOfWork, era: int, conversation: int, purpose: Purpose) -> None:
    unit.tx.execute(
        "DELETE FROM payload WHERE conversation = ? AND purpose = ? AND purpose <> 1 AND era = ?",
        (conversation, purpose, era),
    )


# -- choosing


def _choose(unit: UnitOfWork, conversation: int) -> None:
    """Choose again in which era of a conversation we send, and note which have done their service."""
    held = _held(unit.tx, conversation)
    sends_in = held[choice.sending(held)].id if held else None
    unit.tx.execute("UPDATE conversation SET sending_era = ? WHERE id = ?", (sends_in, conversation))
    newest = held[choice.best(held)].id if held else None
    followed = {held[each].id for each in choice.followed(held)}
    heard = any(each.confirmed for each in held)
    for era in held.values():
        if heard and era.id not in (sends_in, newest):
            _drop(unit, era.id, conversation, Purpose.WELCOME)
        if era.id in followed:
            unit.tx.execute(
                "UPDATE era SET followed_at = ?, followed_up = (SELECT up FROM up_time)"
                " WHERE id = ? AND followed_at IS NULL",
                (unit.now, era.id),
            )
        else:
            unit.tx.execute("UPDATE era SET followed_at = NULL, followed_up = NULL WHERE id = ?", (era.id,))


def _held(tx: ReadTransaction, conversation: int) -> dict[Candidate, Era]:
    names: dict[object, set[bytes]] = {}
    for era, named in tx.query(
        "SELECT era, named_era.era_id FROM named_era JOIN era ON era.id = named_era.era WHERE conversation = ?",
        (conversation,),
    ):
        names.setdefault(era, set()).add(cast("bytes", named))
    found = tx.query(
        f"SELECT account_key, {_COLUMNS} FROM era JOIN peer ON peer.id = era.founder WHERE conversation = ?",  # noqa: S608  # our own text
        (conversation,),
    )
    held: dict[Candidate, Era] = {}
    for founder, *columns in found:
        era = _era(columns)
        held[
            Candidate(
                era_id=era.era_id,
                founder=cast("bytes", founder),
                names=frozenset(names.get(era.id, ())),
                confirmed=era.confirmed,
            )
        ] = era
    return held


def _name(unit: UnitOfWork, era: int, names: Iterable[bytes]) -> None:
    for era_id in names:
        unit.tx.execute("INSERT OR IGNORE INTO named_era (era, era_id) VALUES (?, ?)", (era, era_id))


def _where(tx: ReadTransaction, condition: str, *parameters: SqlValue) -> list[Era]:
    found = tx.query(f"SELECT {_COLUMNS} FROM era WHERE {condition}", parameters)  # noqa: S608  # our own text
    return [_era(row) for row in found]


def _era(row: Sequence[object]) -> Era:
    number, era_id, mls_group_id, confirmed, requested, founder = row
    return Era(
        id=cast("int", number),
        era_id=cast("bytes", era_id),
        mls_group_id=cast("bytes", mls_group_id),
        confirmed=bool(confirmed),
        requested=bool(requested),
        founder=cast("int", founder),
    )
