"""Puts what is to leave into the queue: payloads, and a delivery of each for every device that it goes to.

What is not encrypted yet is newer than all that is, in each conversation: what comes while something waits to be
encrypted waits behind it. Where no device is known yet, the deliveries are made when it is encrypted.
"""

from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.core import membership, own_message_ids, peers, rows
from balchat_host.core.content import SALT_SIZE, STATUS, Disposition, MimiContent, SinglePart
from balchat_host.core.eras import keeping
from balchat_host.core.identifiers import identify
from balchat_host.core.rows import ContactRow, ConversationRow, Era, Purpose
from balchat_host.core.unit_of_work import EncryptWaiting, SendPending, UnitOfWork

PORTION: Final = 64
"""How many payloads are encrypted in one unit."""
# Only with the index's own condition does SQLite use the index, instead of looking at all that waits.
_OF_PURPOSE: Final = "conversation = ? AND purpose = ? AND purpose <> 1"


def queue_message(
    unit: UnitOfWork, conversation: ConversationRow, message: int, content: bytes, era: Era | None
) -> None:
    """Queue what a person wrote, the row `message`, for everybody else in its conversation; we send in `era`."""
    _queue(unit, conversation, Purpose.MESSAGE, content, era, message=message)


def queue_change(unit: UnitOfWork, conversation: ConversationRow, content: bytes, message_id: bytes) -> None:
    """Queue what changes a message, or the conversation, for everybody else in it."""
    if membership.others(unit.tx, conversation):
        era = keeping.sending(unit.tx, conversation)
        _queue(unit, conversation, Purpose.CONTROL, content, era, message_id=message_id)


def queue_control(unit: UnitOfWork, contact: ContactRow, content_type: str, body: bytes) -> bytes | None:
    """Queue content that is for a contact's balchat, not for its owner; return what a receipt for it names.

    Nothing confirms a receipt, or receipts would confirm each other for ever.
    """
    content, message_id = control_content(unit, contact, content_type, body)
    purpose = Purpose.RECEIPT if message_id is None else Purpose.CONTROL
    era = keeping.sending(unit.tx, contact.conversation)
    _queue(unit, contact.conversation, purpose, content, era, message_id=message_id)
    return message_id


def control_content(
    unit: UnitOfWork, contact: ContactRow, content_type: str, body: bytes
) -> tuple[bytes, bytes | None]:
    """Make the content; return it with what a receipt for it names, where there may be one."""
    mimi = MimiContent(
        salt=unit.entropy(SALT_SIZE),
        part=SinglePart(content_type=content_type, content=body, disposition=Disposition.UNSPECIFIED),
        sent_at=unit.now,
    )
    encoded = mimi.encode()
    if content_type == STATUS:
        return encoded, None
    return encoded, identify(mimi, encoded, author=contact.us, conversation_id=contact.conversation.conversation_id)


def queue_answer(unit: UnitOfWork, contact: ContactRow, era: Era, content: bytes, message_id: bytes | None) -> None:
    """Queue what answers in one era and in no other."""
    payload = _insert(
        unit,
        contact.conversation,
        Purpose.ANSWER,
        era=era,
        ciphertext=keeping.encrypt(unit, era, content),
        message_id=message_id,
    )
    _deliver(unit, payload, contact.id, peers.device(unit.tx, contact.id))
    wake(unit, contact.peer)


def queue_welcome(unit: UnitOfWork, contact: ContactRow, era: Era, welcome: bytes, *, stale_at: int) -> None:
    """Queue the Welcome to an era that we founded. It is good for nothing from `stale_at` on (Unix milliseconds)."""
    payload = _insert(unit, contact.conversation, Purpose.WELCOME, era=era, ciphertext=welcome)
    _deliver(unit, payload, contact.id, peers.device(unit.tx, contact.id), stale_at=stale_at)
    wake(unit, contact.peer)


def drop_stale_welcomes(unit: UnitOfWork) -> None:
    """Forget the Welcomes that are good for nothing any more."""
    unit.tx.execute(
        "DELETE FROM payload WHERE purpose = ? AND id IN (SELECT payload FROM delivery WHERE stale_at < ?)",
        (Purpose.WELCOME, unit.now),
    )


def queue_contact_request(unit: UnitOfWork, contact: ContactRow, era: Era, request: bytes, *, stale_at: int) -> None:
    """Queue our contact request, which founded `era`. It is good for nothing from `stale_at` on (Unix milliseconds)."""
    payload = _insert(unit, contact.conversation, Purpose.CONTACT_REQUEST, era=era, ciphertext=request)
    _deliver(unit, payload, contact.id, None, stale_at=stale_at)
    wake(unit, contact.peer)


def queue_key_package_request(unit: UnitOfWork, contact: ContactRow, *, not_before: int) -> None:
    """Queue that we ask a contact for a KeyPackage, in place of what was queued so before."""
    drop(unit, contact, Purpose.KEY_PACKAGE_REQUEST)
    payload = _insert(unit, contact.conversation, Purpose.KEY_PACKAGE_REQUEST, ciphertext=b"")
    _deliver(unit, payload, contact.id, None, not_before=not_before)
    wake(unit, contact.peer)


def waits(tx: ReadTransaction, contact: ContactRow, purpose: Purpose) -> bool:
    """Return whether something other than a person's message waits for a contact."""
    waiting = f"SELECT 1 FROM payload WHERE {_OF_PURPOSE} LIMIT 1"  # noqa: S608  # our own text
    return bool(tx.query(waiting, (contact.conversation.id, purpose)))


def count(tx: ReadTransaction, contact: ContactRow, purpose: Purpose, *, era: Era | None = None) -> int:
    """Return how much other than people's messages waits for a contact; `era`: that was encrypted in it."""
    waiting = f"SELECT count(*) FROM payload WHERE {_OF_PURPOSE} AND era IS coalesce(?, era)"  # noqa: S608  # our own text
    return rows.number(tx, waiting, (contact.conversation.id, purpose, era and era.id))


def drop(unit: UnitOfWork, contact: ContactRow, purpose: Purpose) -> None:
    """Forget what has become needless."""
    unit.tx.execute(f"DELETE FROM payload WHERE {_OF_PURPOSE}", (contact.conversation.id, purpose))  # noqa: S608  # our own text


def hurry(unit: UnitOfWork, contact: ContactRow) -> None:
    """Let a request for a KeyPackage leave now that was to wait."""
    changed = unit.tx.execute(
        "UPDATE delivery SET not_before = ? WHERE not_before > ? AND payload IN"  # noqa: S608  # our own text
        f" (SELECT id FROM payload WHERE {_OF_PURPOSE})",
        (unit.now, unit.now, contact.conversation.id, Purpose.KEY_PACKAGE_REQUEST),
    )
    if changed:
        wake(unit, contact.peer)


def wake(unit: UnitOfWork, peer: PeerId) -> None:
    """Have leave what waits for a peer, to each of their devices."""
    for device_id in peers.device_ids(unit.tx, peer) or [None]:
        unit.effect(SendPending(peer=peer, device_id=device_id))


# -- encrypting


def encrypt_waiting(unit: UnitOfWork, conversation: ConversationRow) -> None:
    """Encrypt the oldest portion of what waits in a conversation for an era to send in, if there is one.

    Each portion is a unit of its own, so that nobody waits for all of them; the next follows with `EncryptWaiting`.
    """
    era = keeping.sending(unit.tx, conversation)
    if era is None or not conversation.open:
        return
    waiting = unit.tx.query(
        "SELECT payload.id, coalesce(payload.content, message.content)"
        " FROM payload LEFT JOIN message ON message.seq = payload.message"
        " WHERE payload.conversation = ? AND ciphertext IS NULL ORDER BY payload.id LIMIT ?",
        (conversation.id, PORTION + 1),
    )
    for payload, content in waiting[:PORTION]:
        ciphertext = keeping.encrypt(unit, era, cast("bytes", content))
        unit.tx.execute("UPDATE payload SET ciphertext = ?, era = ? WHERE id = ?", (ciphertext, era.id, payload))
        if not unit.tx.query("SELECT 1 FROM delivery WHERE payload = ? LIMIT 1", (payload,)):
            _deliver_to_others(unit, conversation, cast("int", payload))
    if waiting:
        _send(unit, conversation)
    if len(waiting) > PORTION:
        unit.effect(EncryptWaiting(conversation=conversation.id))


def encrypt_more(unit: UnitOfWork, conversation: int) -> None:
    """Encrypt another portion of what waits in a conversation."""
    for contact in rows.contacts_where(unit.tx, "contact.conversation = ?", (conversation,)):
        encrypt_waiting(unit, contact.conversation)


def encrypt_all_waiting(unit: UnitOfWork) -> None:
    """Encrypt a portion of what waits in each conversation: we may have been killed before the last one."""
    waits = "EXISTS (SELECT 1 FROM payload WHERE payload.conversation = contact.conversation AND ciphertext IS NULL)"
    for contact in rows.contacts_where(unit.tx, waits):
        with unit.contained():
            encrypt_waiting(unit, contact.conversation)


# -- within


def _queue(
    unit: UnitOfWork,
    conversation: ConversationRow,
    purpose: Purpose,
    content: bytes,
    era: Era | None,
    *,
    message: int | None = None,
    message_id: bytes | None = None,
) -> None:
    may_encrypt = era is not None and conversation.open and not _waits_unencrypted(unit.tx, conversation)
    ciphertext = keeping.encrypt(unit, era, content) if era is not None and may_encrypt else None
    payload = _insert(
        unit,
        conversation,
        purpose,
        era=era if may_encrypt else None,
        content=None if purpose is Purpose.MESSAGE else content,
        ciphertext=ciphertext,
        message=message,
        message_id=message_id,
    )
    if ciphertext is not None:
        _deliver_to_others(unit, conversation, payload)
        _send(unit, conversation)
    elif conversation.open:
        unit.effect(EncryptWaiting(conversation=conversation.id))


def _waits_unencrypted(tx: ReadTransaction, conversation: ConversationRow) -> bool:
    waiting = "SELECT 1 FROM payload WHERE conversation = ? AND ciphertext IS NULL LIMIT 1"
    return bool(tx.query(waiting, (conversation.id,)))


def _insert(
    unit: UnitOfWork,
    conversation: ConversationRow,
    purpose: Purpose,
    *,
    era: Era | None = None,
    content: bytes | None = None,
    ciphertext: bytes | None = None,
    message: int | None = None,
    message_id: bytes | None = None,
) -> int:
    if message_id is not None:
        own_message_ids.keep(unit, message_id)
    return unit.insert(
        "INSERT INTO payload (purpose, conversation, message, message_id, era, content, ciphertext, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (purpose, conversation.id, message, message_id, era and era.id, content, ciphertext, unit.now),
    )


def _deliver(
    unit: UnitOfWork,
    payload: int,
    peer: int,
    device: int | None,
    *,
    not_before: int = 0,
    stale_at: int | None = None,
) -> None:
    unit.tx.execute(
        "INSERT INTO delivery (payload, peer, device, queued_at, not_before, stale_at) VALUES (?, ?, ?, ?, ?, ?)",
        (payload, peer, device, unit.now, not_before, stale_at),
    )


def _deliver_to_others(unit: UnitOfWork, conversation: ConversationRow, payload: int) -> None:
    """Deliver a payload to everybody else in a conversation, but for those who have the message, where it is one."""
    unit.tx.execute(
        "INSERT INTO delivery (payload, peer, device, queued_at)"
        " SELECT ?, device.peer, device.id, ? FROM member JOIN device ON device.peer = member.peer"
        " WHERE conversation = ? AND member.peer <> (SELECT peer FROM account) AND member.peer NOT IN"
        " (SELECT receipt.peer FROM payload JOIN receipt ON receipt.message = payload.message WHERE payload.id = ?)"
        " ORDER BY device.id",
        (payload, unit.now, conversation.id, payload),
    )


def _send(unit: UnitOfWork, conversation: ConversationRow) -> None:
    """Have leave what waits for everybody else in a conversation."""
    for peer in membership.others(unit.tx, conversation):
        wake(unit, peer)
