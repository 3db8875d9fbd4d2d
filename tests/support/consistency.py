"""What must hold in every vault after every unit, whatever came before: nothing without an owner, nothing for ever.

Each rule is a query for what breaks it, so that a failure shows the rows.
"""

from typing import Final

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.storage import ReadTransaction
from balchat_host.core.delivery.progress import MAX_RECEIPTS
from balchat_host.core.first_contact.machine import WANTING
from balchat_host.core.rows import Purpose
from balchat_host.core.unit_of_work import crypto_area

_OURS: Final = "author = (SELECT peer FROM account)"
_OTHERS: Final = (
    "message JOIN member ON member.conversation = message.conversation AND member.peer <> (SELECT peer FROM account)"
)
_HAS_RECEIPTS: Final = (
    f"(SELECT count(*) - 1 FROM member WHERE member.conversation = message.conversation) <= {MAX_RECEIPTS}"
)
_WANTING: Final = ", ".join(f"'{phase}'" for phase in sorted(WANTING))
_REQUESTS: Final = f"({Purpose.CONTACT_REQUEST:d}, {Purpose.KEY_PACKAGE_REQUEST:d})"

RULES: Final = {
    "an encrypted payload has a delivery": """
        SELECT id, purpose FROM payload WHERE ciphertext IS NOT NULL
        AND id NOT IN (SELECT payload FROM delivery)""",
    "what is not encrypted can be": """
        SELECT id, purpose FROM payload WHERE ciphertext IS NULL AND content IS NULL AND message IS NULL""",
    "a payload of purpose MESSAGE, and no other, is a message's": f"""
        SELECT id, purpose FROM payload WHERE (purpose = {Purpose.MESSAGE:d}) <> (message IS NOT NULL)""",
    "a delivery is to a contact, in a conversation that they are in": """
        SELECT ticket FROM delivery JOIN payload ON payload.id = payload WHERE peer NOT IN (SELECT peer FROM contact)
        OR peer NOT IN (SELECT member.peer FROM member WHERE member.conversation = payload.conversation)""",
    "a delivery is to a device of its peer's, except a request": f"""
        SELECT ticket FROM delivery JOIN payload ON payload.id = payload WHERE iif(device IS NULL,
        purpose NOT IN {_REQUESTS}, device NOT IN (SELECT id FROM device WHERE device.peer = delivery.peer))""",
    "a peer has one device at most, and we have the one that we are": """
        SELECT peer, count(*) FROM device GROUP BY peer HAVING count(*) > 1 UNION ALL SELECT peer, 0 FROM account
        WHERE (peer, device_id) NOT IN (SELECT peer, device_id FROM device)""",
    "nothing is delivered twice to a device": """
        SELECT message, device FROM delivery JOIN payload ON payload.id = payload WHERE message IS NOT NULL
        GROUP BY message, device HAVING count(*) > 1""",
    "a message waits for nobody who has a receipt": """
        SELECT delivery.ticket FROM delivery JOIN payload ON payload.id = payload
        JOIN receipt ON receipt.message = payload.message AND receipt.peer = delivery.peer""",
    "a receipt waits to hear by which way of a delivery that is done": """
        SELECT ticket FROM delivery WHERE ticket IN (SELECT ticket FROM receipt)
        OR ticket IN (SELECT ticket FROM change_receipt)""",
    "a receipt is for a message of ours, of another member": f"""
        SELECT message, peer FROM receipt WHERE NOT EXISTS
        (SELECT 1 FROM {_OTHERS} WHERE seq = receipt.message AND member.peer = receipt.peer AND {_OURS})""",
    "a message of ours waits for each other member, or has their receipt": f"""
        SELECT seq, member.peer FROM {_OTHERS} WHERE {_OURS} AND {_HAS_RECEIPTS} AND removal IS NULL
        AND NOT EXISTS (SELECT 1 FROM receipt WHERE receipt.message = seq AND receipt.peer = member.peer)
        AND NOT EXISTS (SELECT 1 FROM payload LEFT JOIN delivery ON delivery.payload = payload.id
        WHERE payload.message = seq AND coalesce(delivery.peer, member.peer) = member.peer)""",
    "a KeyPackage is asked for in the phases in which one is wanted, and in no other": f"""
        SELECT peer, phase FROM first_contact JOIN contact USING (peer) WHERE (phase IN ({_WANTING})) <>
        (SELECT count(*) FROM payload JOIN delivery ON delivery.payload = payload.id
        WHERE payload.conversation = contact.conversation AND purpose = {Purpose.KEY_PACKAGE_REQUEST:d})""",
    "what can leave in one era only goes with it": f"""
        SELECT id, purpose FROM payload WHERE purpose IN ({Purpose.ANSWER:d}, {Purpose.CONTACT_REQUEST:d},
        {Purpose.WELCOME:d}) AND era NOT IN (SELECT id FROM era)""",
    "what is erased has no text, no version, no reaction and no plaintext that waits": """
        SELECT seq FROM message WHERE removal NOT IN ('hidden', 'timer') AND (text IS NOT NULL
        OR content <> x'' OR in_reply_to IS NOT NULL OR seq IN (SELECT message FROM version)
        OR seq IN (SELECT message FROM reaction) OR seq IN (SELECT message FROM payload))""",
    "what is here has what its author said": """
        SELECT seq FROM message WHERE (removal IS NULL OR removal IN ('hidden', 'timer')) AND content = x''""",
    "a version or a reaction is of a message in its conversation": """
        SELECT id FROM version WHERE conversation <> (SELECT conversation FROM message WHERE seq = version.message)
        UNION ALL SELECT id FROM reaction
        WHERE conversation <> (SELECT conversation FROM message WHERE seq = reaction.message)""",
    "we send in an era of the conversation, where there is one": """
        SELECT id FROM conversation WHERE sending_era IS NOT (SELECT era.id FROM era WHERE era.id = sending_era
        AND era.conversation = conversation.id)
        OR (sending_era IS NULL AND id IN (SELECT era.conversation FROM era))""",
    "a conversation has at most five eras": """
        SELECT conversation FROM era WHERE conversation IS NOT NULL GROUP BY conversation HAVING count(*) > 5""",
    "what was given for new eras was given to a contact, eight at most": """
        SELECT holder, count(*) FROM own_key_package WHERE purpose = 'contact' GROUP BY holder HAVING count(*) > 8
        OR holder NOT IN (SELECT account_key FROM peer JOIN contact ON contact.peer = peer.id)""",
    "an era carries a conversation, or came with a request that waits": """
        SELECT id FROM era WHERE conversation IS NULL AND id NOT IN (SELECT era FROM request WHERE era IS NOT NULL)""",
    "everybody we know of is ourselves, a contact, or asks us": """
        SELECT id FROM peer WHERE id NOT IN (SELECT peer FROM account) AND id NOT IN (SELECT peer FROM contact)
        AND id NOT IN (SELECT peer FROM request)""",
}


def check_consistency(tx: ReadTransaction, engine: CryptoEngine) -> None:
    """Raise AssertionError where a rule is broken, or where the engine's groups are not those of our eras."""
    broken = {rule: found for rule, query in RULES.items() if (found := tx.query(query))}
    assert not broken, broken
    eras = {row[0] for row in tx.query("SELECT mls_group_id FROM era")}
    assert set(engine.groups(crypto_area(tx))) == eras


def check_at_rest(tx: ReadTransaction) -> None:
    """Raise AssertionError where anything still waits: to be encrypted, to leave, or to be confirmed."""
    waiting = tx.query("SELECT purpose, ciphertext IS NULL, era FROM payload")
    assert not waiting, [(Purpose(row[0]), *row[1:]) for row in waiting if isinstance(row[0], int)]
    assert not tx.query("SELECT 1 FROM delivery")
    assert not tx.query("SELECT 1 FROM deferred_requeue")
    without = f"SELECT seq, member.peer FROM {_OTHERS} WHERE {_OURS} AND {_HAS_RECEIPTS} AND removal IS NULL"
    missing = tx.query(
        f"{without} AND NOT EXISTS (SELECT 1 FROM receipt WHERE receipt.message = seq AND receipt.peer = member.peer)"
    )
    assert not missing, missing
