"""How far a message of ours has come, computed from deliveries and receipts, here alone.

While a payload of it waits, it is as far as its furthest delivery, and no longer queued once somebody has it. Then the
receipts speak: it is delivered to a person when one device of theirs has it, and read when they say so; and it is what
it is to all of them. Where nobody has a receipt, because there is nobody else or there are too many, it is delivered.

Of a message that we have edited or deleted, `changes` says how far that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, cast

from balchat_host.api.storage import SqlValue
from balchat_host.api.views import MessageState

MAX_RECEIPTS: Final = 30
"""In a conversation of more people than this nobody's receipts are kept."""


class Step(IntEnum):
    """The states of a delivery, then those of a receipt. Each only goes up, and what has failed stays so."""

    QUEUED = 0
    SENT = 1
    RELAYED = 2
    DELIVERED = 3
    READ = 4
    FAILED = 5


STATES: Final = {
    Step.QUEUED: MessageState.QUEUED,
    Step.SENT: MessageState.SENT,
    Step.RELAYED: MessageState.RELAYED,
    Step.DELIVERED: MessageState.DELIVERED,
    Step.READ: MessageState.READ,
    Step.FAILED: MessageState.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a message is: its state, why it is no better, and how many of how many people have it."""

    state: MessageState
    reason: str | None
    delivered_to: int
    recipients: int


# One device of theirs that has it is enough: what still waits for others says nothing about the person.
_OF_PAYLOADS: Final = (
    "FROM payload LEFT JOIN delivery ON delivery.payload = payload.id WHERE payload.message = message.seq"  # noqa: S608  # our own text
    " AND NOT EXISTS (SELECT 1 FROM receipt WHERE receipt.message = message.seq AND receipt.peer = delivery.peer"
    f" AND receipt.state <> {Step.FAILED:d})"
)
COLUMNS: Final = (
    f"(SELECT count(*) {_OF_PAYLOADS}), (SELECT max(delivery.state) {_OF_PAYLOADS}),"  # noqa: S608  # our own text
    f" (SELECT min(delivery.reason) {_OF_PAYLOADS}),"
    " (SELECT count(*) FROM receipt WHERE receipt.message = message.seq),"
    f" (SELECT count(*) FROM receipt WHERE receipt.message = message.seq AND receipt.state = {Step.READ:d}),"
    f" (SELECT count(*) FROM receipt WHERE receipt.message = message.seq AND receipt.state = {Step.FAILED:d}),"
    " (SELECT min(receipt.reason) FROM receipt WHERE receipt.message = message.seq),"
    " (SELECT count(*) - 1 FROM member WHERE member.conversation = message.conversation)"
)
"""What `read` reads, of a row of `message`."""


def at_first(*, recipients: int) -> Progress:
    """Return the progress of a message of ours that was just written: with nobody to deliver it to, it is there."""
    state = MessageState.QUEUED if recipients else MessageState.DELIVERED
    return Progress(state=state, reason=None, delivered_to=0, recipients=recipients)


def read(row: Sequence[SqlValue]) -> Progress:
    """Return the progress of a message of ours from the columns of `COLUMNS`."""
    waiting, furthest, waits_because, receipts, read, failed, failed_because, recipients = row
    assert isinstance(receipts, int)
    assert isinstance(failed, int)
    delivered = receipts - failed
    if waiting:
        # The delivery to somebody who has it is gone, and it has left for all that.
        step = max(Step(cast("int", furthest or 0)), Step.SENT if delivered else Step.QUEUED)
        reason = waits_because
    elif failed and not delivered:
        step, reason = Step.FAILED, failed_because
    else:
        step, reason = (Step.READ if delivered and read == delivered else Step.DELIVERED), None
    return Progress(
        state=STATES[step],
        reason=cast("str | None", reason),
        delivered_to=delivered,
        recipients=cast("int", recipients),
    )
