"""Going on from a backup without using any key twice. The law is docs/spec/first-contact.md, "After a restore".

A backup is a copy of the vault, so it holds the ratchets of its moment. Whoever goes on from it would encrypt with
keys that were used since, and could open again what was to be gone. So each copy carries a mark, written before
anybody can open it (`mark`), and the first unit on an opened vault looks for that (`resume`). That unit throws away
every group and every KeyPackage, takes a new device id and removes the mark, all at once or not at all: a kill before
its end leaves the mark, one after it leaves nothing that could be used twice.

What is kept is what no key hangs on: people, the history, and what was written and not confirmed. Contacts are asked
for contact again, as somebody would who had lost them (rule 6 of first contact), so their side accepts at once and goes
on in the same conversation.
"""

from typing import Final, cast

from balchat_host.api.events import AccountRestored
from balchat_host.api.storage import ReadTransaction, Transaction
from balchat_host.core import account, event_log, rows
from balchat_host.core.delivery import requeue
from balchat_host.core.first_contact import asking
from balchat_host.core.first_contact.machine import Input
from balchat_host.core.messages import numbering
from balchat_host.core.unit_of_work import UnitOfWork

ASKED_APART: Final = 10 * 1000
"""Milliseconds in which one contact is asked again, on average: nobody along the way is to see all of them at once."""


def mark(tx: Transaction, *, now: int) -> None:
    """Mark a copy of a vault as one, made at `now` (Unix milliseconds) unless it says so already."""
    tx.execute("UPDATE account SET copied_at = coalesce(copied_at, ?)", (now,))


def resume(unit: UnitOfWork) -> bool:
    """Go on from a vault that is a copy; return whether it was one. Part of the first unit of each run."""
    found = unit.tx.query("SELECT copied_at FROM account WHERE copied_at IS NOT NULL")
    if not found:
        return False
    copied_at = cast("int", found[0][0])
    _forget_keys(unit)
    requeue.forget_ciphertexts(unit)
    _ask_everybody(unit)
    unit.tx.execute("UPDATE account SET copied_at = NULL, restored_at = ?", (unit.now,))
    event_log.skip(unit)
    asked = rows.number(unit.tx, "SELECT count(*) FROM contact WHERE blocked = 0")
    event_log.append(unit, AccountRestored, conversation=None, body={"copied_at": copied_at, "contacts": asked})
    return True


def restored_at(tx: ReadTransaction) -> int | None:
    """Return when we last went on from a backup, in Unix milliseconds; None where we never have."""
    return cast("int | None", tx.query("SELECT restored_at FROM account")[0][0])


def _forget_keys(unit: UnitOfWork) -> None:
    account.become_another_device(unit)
    numbering.forget_all(unit)
    for table in ("era", "own_key_package", "contact_key_package", "renewal"):
        unit.tx.execute(f"DELETE FROM {table}")  # noqa: S608  # our own text
    unit.tx.execute("UPDATE conversation SET sending_era = NULL")


def _ask_everybody(unit: UnitOfWork) -> None:
    """Ask all contacts again, those first with whom there was something last. A blocked one is asked once unblocked."""
    unit.tx.execute("UPDATE first_contact SET restored = 1, failures = 0")
    unit.tx.execute("DELETE FROM offered_routes")
    unit.tx.execute("DELETE FROM deferred_requeue")
    newest = "coalesce((SELECT max(seq) FROM message WHERE message.conversation = contact.conversation), 0)"
    for place, contact in enumerate(rows.contacts_where(unit.tx, f"1 ORDER BY {newest} DESC, contact.peer")):
        within = int.from_bytes(unit.entropy(4)) % ASKED_APART
        asking.take(unit, contact, Input.RESTORED, turn=unit.now + place * ASKED_APART + within)
