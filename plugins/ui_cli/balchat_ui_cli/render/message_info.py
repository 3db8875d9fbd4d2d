"""All that is known of one message: who has it since when, its reactions, our changes, and its versions."""

from collections.abc import Iterable, Sequence

from balchat_host.api.text import visible, visible_lines
from balchat_host.api.views import (
    ChangeKind,
    ChangeView,
    MessageInfoView,
    MessageState,
    ReceiptView,
    VersionView,
    WayView,
)
from balchat_ui_cli.output import Line
from balchat_ui_cli.render.labels import LABEL, labelled
from balchat_ui_cli.render.message_words import message_remarks, reason_words, state_words
from balchat_ui_cli.render.names import YOU, author, called, short_name
from balchat_ui_cli.text import moment

_CHANGES = {
    ChangeKind.EDIT: "edited",
    ChangeKind.DELETE: "deleted",
    ChangeKind.REACT: "reacted",
    ChangeKind.TAKE_BACK: "taken back",
}
"""What `info` calls what we did with a message."""


def info_lines(known: MessageInfoView) -> Iterable[Line]:
    """Show all that is known of a message."""
    message = known.message
    yield labelled("id", message.id)
    yield labelled("written by", visible(author(message)))
    yield labelled("written", moment(message.sent_at))
    if message.state is not MessageState.RECEIVED:
        yield labelled("state", state_words(message))
    if known.received_at is not None:
        way = f", {way_words(known.way)}" if known.way else ""
        yield labelled("came", f"{moment(known.received_at)}{way}")
    if message.deleted:
        yield labelled("text", "deleted")
    if remarks := message_remarks(message):
        yield labelled("besides", remarks)
    for receipt in known.receipts:
        yield labelled("who has it", receipt_words(receipt))
    for reaction in known.reactions:
        name = YOU if reaction.name is None else called(reaction.name)
        since = ", edited since" if reaction.edited else ""
        yield labelled("reaction", f"{visible(name)}: {visible(reaction.emoji)}, {moment(reaction.sent_at)}{since}")
    for change in known.changes:
        yield labelled(_CHANGES[change.kind], change_words(change))
    yield from version_lines(known.versions)


def receipt_words(receipt: ReceiptView) -> str:
    """Say how far something of ours has come with a person, since when, and by which way."""
    reason = f": {reason_words(receipt.reason)}" if receipt.reason else ""
    way = f", {way_words(receipt.way)}" if receipt.way else ""
    return visible(f"{receipt.name}: {receipt.state}, {moment(receipt.at)}{way}{reason}")


def change_words(change: ChangeView) -> str:
    """Say what we did with a message, and how far that has come."""
    what = f"{visible(change.emoji)}, " if change.emoji else ""
    reached = "; ".join(receipt_words(receipt) for receipt in change.receipts)
    return f"{what}{moment(change.made_at)}{'; ' if reached else ''}{reached}"


def way_words(way: WayView) -> str:
    """Say by which way something came or went."""
    if way.direct:
        return f"directly ({short_name(way.transport, 'transport_')})"
    return f"by the relay {way.relay}" if way.relay else f"by a relay ({short_name(way.transport, 'transport_')})"


def version_lines(versions: Sequence[VersionView]) -> Iterable[Line]:
    """Show versions of a message."""
    for number, version in enumerate(versions, start=1):
        text = f"[{version.content_type}]" if version.text is None else version.text
        yield labelled(f"version {number}", moment(version.sent_at))
        yield from ([" " * (LABEL + 2), line] for line in visible_lines(text))
