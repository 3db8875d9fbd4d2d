"""Sending once more what failed: a message of ours, its latest edit, its deletion."""

from typing import cast

from balchat_host.api.errors import BadInput
from balchat_host.api.views import MessageState, MessageView
from balchat_host.core import conversations
from balchat_host.core.delivery import queue, reports
from balchat_host.core.delivery.progress import Step
from balchat_host.core.eras import keeping
from balchat_host.core.messages import changing, history
from balchat_host.core.messages.compose import hurry, require_unblocked
from balchat_host.core.rows import ConversationRow, MessageRow
from balchat_host.core.unit_of_work import UnitOfWork


def retry(unit: UnitOfWork, which: str) -> MessageView:
    """Send once more what failed, under the same id, to whom it failed.

    Raise NoSuchMessage, ContactBlocked, BadInput.
    """
    row = history.find(unit.tx, which)
    if row.state is not MessageState.FAILED:
        raise BadInput(what="The message", problem=f"it has not failed; it is {row.state}")
    conversation = conversations.by_number(unit.tx, row.conversation)
    require_unblocked(unit.tx, conversation)
    with reports.watching(unit, row.seq):
        _send_again(unit, conversation, row)
        changing.say_again(unit, conversation, row)
    hurry(unit, conversation)
    return history.show(unit.tx, row.id.hex())


def _send_again(unit: UnitOfWork, conversation: ConversationRow, row: MessageRow) -> None:
    if unit.tx.execute("DELETE FROM receipt WHERE message = ? AND state = ?", (row.seq, Step.FAILED)):
        encoded = unit.tx.query("SELECT content FROM message WHERE seq = ?", (row.seq,))[0][0]
        queue.queue_message(unit, conversation, row.seq, cast("bytes", encoded), keeping.sending(unit.tx, conversation))
