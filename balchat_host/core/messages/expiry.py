"""Messages that expire: at a time, or a while after they were read.

What is due by the clock is hidden at once. It is erased once that time has certainly passed: docs/decisions says why.
So whoever sets the clock forward and back again has lost nothing. `reached` is up to when time has certainly passed: it
goes on with the time that we are up, and makes up for time that we were not, or by which the clock was set forward,
at `_CATCHING_UP` times that speed.
"""

from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.errors import BadInput
from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.core import event_log
from balchat_host.core.content import Expiration
from balchat_host.core.messages import erasing
from balchat_host.core.messages.said import Said
from balchat_host.core.rows import Removal
from balchat_host.core.search import index
from balchat_host.core.unit_of_work import UnitOfWork

MAX_LIFETIME: Final = 365 * 24 * 3600
"""Seconds after which the last of what we write expires, if it does."""
_CATCHING_UP: Final = 24
_PORTION: Final = 200
"""How many messages are hidden, shown again or erased in one unit."""
_PORTION_SIZE: Final = 32 * 1024
"""Octets of contents that one unit hides, shows again or erases at most, unless one alone is larger: all that somebody
wrote may expire at once."""


def of(said: Said, *, now: int) -> tuple[int | None, int | None]:
    """Return how many seconds after reading a message expires, and when it does in Unix milliseconds, if it is known.

    What we wrote, we have read.
    """
    expires = said.mimi.expires
    if expires is None:
        return None, None
    if not expires.relative:
        return None, expires.time * 1000
    return expires.time, now + expires.time * 1000 if said.ours else None


def chosen(*, after: int | None, at: int | None) -> Expiration | None:
    """Return when a message is to expire: seconds after reading, or at a time in Unix milliseconds. Raise BadInput."""
    if after is not None and at is not None:
        raise BadInput(what="The expiry", problem="give one of a while after reading and a time")
    if at is not None:
        return Expiration(relative=False, time=at // 1000)
    return None if after is None else Expiration(relative=True, time=after)


def check_lifetime(expires: Expiration, *, now: int) -> None:
    """See that what we write may expire then. Raise BadInput."""
    seconds = expires.time if expires.relative else expires.time - now // 1000
    if not 0 < seconds <= MAX_LIFETIME:
        raise BadInput(what="The expiry", problem="it must be within the next 365 days")


def count_from_now(unit: UnitOfWork) -> None:
    """Note that something expires: where nothing did, nothing has been counting."""
    unit.tx.execute("INSERT INTO expiry_clock (only, reached) VALUES (1, ?) ON CONFLICT DO NOTHING", (unit.now,))


def begin(unit: UnitOfWork, conversation: int, *, up_to: int) -> None:
    """Begin the time of what others wrote in a conversation, and is read now, up to a place in the order."""
    changed = unit.tx.execute(
        "UPDATE message SET expires_at = ?1 + expires_after * 1000 WHERE conversation = ?2 AND seq <= ?3"
        " AND expires_after IS NOT NULL AND expires_at IS NULL",
        (unit.now, conversation, up_to),
    )
    if changed:
        count_from_now(unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What is to expire: when the `next` is due that is still shown (Unix milliseconds), and whether any is hidden."""

    next: int | None
    hidden: bool

    @property
    def nothing(self) -> bool:
        """Whether nothing expires."""
        return self.next is None and not self.hidden

    def is_due(self, now: int) -> bool:
        """Return whether there is something to do at `now`."""
        return self.hidden or (self.next is not None and self.next <= now)


def pending(tx: ReadTransaction) -> Pending:
    """Return what is to expire."""
    due = "SELECT min(expires_at) FROM message WHERE expires_at IS NOT NULL AND removal"
    shown, hidden = tx.query(f"SELECT ({due} IS NULL), ({due} = ?)", (Removal.HIDDEN,))[0]  # our own text
    return Pending(next=cast("int | None", shown), hidden=hidden is not None)


def check(unit: UnitOfWork, *, up: int) -> bool:
    """Hide what is due, and erase what certainly is; return whether there is more. `up`: milliseconds since last time.

    The milliseconds are of a clock that nobody sets.
    """
    reached = _reach(unit, up)
    if reached is None:
        return False
    # A list: each has its portion, whether or not there is more of another.
    return any([_hide(unit), _show_again(unit), _erase(unit, min(reached, unit.now))])


def shorten(unit: UnitOfWork) -> None:
    """Let nothing that expires after reading wait for longer than that: it was read while the clock was ahead."""
    unit.tx.execute(
        "UPDATE message SET expires_at = ?1 + expires_after * 1000"
        " WHERE expires_at IS NOT NULL AND expires_at > ?1 + expires_after * 1000",
        (unit.now,),
    )


def _reach(unit: UnitOfWork, up: int) -> int | None:
    found = unit.tx.query("SELECT reached FROM expiry_clock")
    if not found:
        return None
    reached = cast("int", found[0][0])
    if pending(unit.tx).nothing:
        unit.tx.execute("DELETE FROM expiry_clock")
        return None
    if unit.now > reached:
        reached = min(unit.now, reached + up * (1 + _CATCHING_UP))
        unit.tx.execute("UPDATE expiry_clock SET reached = ?", (reached,))
    return reached


def _hide(unit: UnitOfWork) -> bool:
    due, more = _portion(unit.tx, "expires_at <= ? AND expires_at IS NOT NULL AND removal IS NULL", unit.now)
    for message, _, _ in due:
        index.remove(unit, [message])
        unit.tx.execute("UPDATE message SET removal = ? WHERE seq = ?", (Removal.HIDDEN, message))
        event_log.append_removed(unit, message)
    return more


def _show_again(unit: UnitOfWork) -> bool:
    hidden, more = _portion(unit.tx, "expires_at > ? AND removal = ?", unit.now, Removal.HIDDEN)
    for message, conversation, _ in hidden:
        unit.tx.execute("UPDATE message SET removal = NULL WHERE seq = ?", (message,))
        index.add(unit, message)
        event_log.append_message(unit, conversation, message)
    return more


def _erase(unit: UnitOfWork, until: int) -> bool:
    due, more = _portion(unit.tx, "expires_at <= ? AND removal = ?", until, Removal.HIDDEN)
    for message, _, for_everybody in due:
        leave = erasing.stop_encrypting if for_everybody else erasing.keep_leaving
        leave(unit, message)
        erasing.erase(unit, message, Removal.EXPIRED)
    return more


def _portion(tx: ReadTransaction, condition: str, *parameters: SqlValue) -> tuple[list[tuple[int, int, bool]], bool]:
    """Return what one unit does of the messages where a condition holds, at least one, and whether there is more.

    Of each its place, its conversation, and whether it expires for everybody at once.
    """
    found = tx.query(
        "SELECT seq, conversation, expires_after IS NULL, length(content) + coalesce("  # noqa: S608  # our own text
        "(SELECT sum(length(content)) FROM version WHERE message = seq), 0)"
        f" FROM message WHERE {condition} ORDER BY expires_at LIMIT ?",
        (*parameters, _PORTION),
    )
    portion: list[tuple[int, int, bool]] = []
    room = _PORTION_SIZE
    for seq, conversation, for_everybody, size in found:
        room -= cast("int", size)
        if portion and room < 0:
            return portion, True
        portion.append((cast("int", seq), cast("int", conversation), bool(for_everybody)))
    return portion, len(found) == _PORTION
