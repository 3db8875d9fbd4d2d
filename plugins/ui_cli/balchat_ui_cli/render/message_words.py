"""What is said of one message: its text, what it answers, and how far it has come."""

from balchat_host.api.markdown import as_typed, plain
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import text_lines, visible
from balchat_host.api.views import MessageState, MessageView, ReactionView, ReplyView, TimerView
from balchat_ui_cli.output import Line
from balchat_ui_cli.render.names import YOU, author, called
from balchat_ui_cli.text import QUOTE, counted, duration, fit, moment

_MESSAGE_STYLES = {
    MessageState.DELIVERED: Style.GOOD,
    MessageState.READ: Style.GOOD,
    MessageState.FAILED: Style.BAD,
}
REASONS = {
    "relay-full": "their relay is full",
    "queue-full": "too much waits for them at their relay",
    "denied": "their relay does not know their queue",
    "relay-misbehaved": "their relay cannot be trusted now",
    "too-many-requests": "their relay has too much to do",
    "too-many-connections": "their relay has too many connections",
    "draining": "their relay is being shut down",
    "storage-full": "their disk is full",
    "requests-full": "too many requests are waiting for them",
    "crypto-rejected": "their balchat could not decrypt it",
    "bad-credential": "their balchat does not take it as yours",
    "unsupported-mls": "their balchat does not know the encryption that yours uses",
    "malformed-envelope": "their balchat could not read it; it may be of another version",
    "malformed-content": "their balchat could not read it; it may be of another version",
    "protocol-violation": "their balchat did not expect it",
    "internal": "their balchat failed on it",
}
"""What is said of what a relay, or the other side's balchat, answered to a message."""


def quotation(message: MessageView) -> str:
    """Return one line of a message that is answered: who wrote it, and how it begins."""
    first = text_lines(message.text)[0] if message.text else f"[{message.content_type}]"
    return fit(visible(f"{author(message)}: {first}"), QUOTE)


def timer_words(message: MessageView, timer: TimerView) -> str:
    """Say what the timer of a conversation was set to, and by whom."""
    by = visible(author(message))
    if timer.expire_after is None:
        return f"Messages do not expire from now on; set by {by}."
    return f"Messages expire {duration(timer.expire_after)} after they are read from now on; set by {by}."


def shown_text(content_type: str, text: str) -> str:
    """Return a text as it is shown: markdown without its links and escapes."""
    return plain(text) if is_markdown(content_type) else text


def message_as_typed(message: MessageView) -> tuple[str, bool]:
    """Return the text of a message as a person would type it, and whether it is markdown."""
    text = message.text or ""
    return as_typed(text) if is_markdown(message.content_type) else (text, False)


def is_markdown(content_type: str) -> bool:
    """Say whether a text of a content type is markdown."""
    return content_type.lower().startswith("text/markdown")


def reply_words(reply: ReplyView) -> str:
    """Return one line of what a message answers: who wrote it, how it begins, and what became of it."""
    name = YOU if reply.author is None else called(reply.author)
    first = (
        next(iter(text_lines(shown_text(reply.content_type, reply.text))), "")
        if reply.text
        else f"[{reply.content_type}]"
    )
    became = ", edited since" if reply.edited else ""
    return visible(f"{name}: {'[deleted]' if reply.deleted else first}{became}")


def message_remarks(message: MessageView) -> str:
    """Say in a line what belongs to a message besides its text: reactions, that it was edited, and when it expires."""
    remarks = [visible(f"{each.emoji} {each.count}{_not_there_yet(each)}") for each in message.reactions]
    if message.edited:
        remarks.append("edited")
    if message.mentions_us:
        remarks.append("mentions you")
    if message.expires_at is not None:
        remarks.append(f"expires {moment(message.expires_at)}")
    elif message.expires_after is not None:
        remarks.append(f"expires {duration(message.expires_after)} after it is read")
    return " · ".join(remarks)


def _not_there_yet(reaction: ReactionView) -> str:
    """Say how far a reaction of ours is, while the others do not have it."""
    return "" if reaction.state in {None, MessageState.DELIVERED} else f" ({reaction.state})"


def missing_span(message: MessageView) -> Span:
    """Say that what was written before a message is not here. It stands on a line of its own, before the message."""
    before = counted(message.missing_before, "message")
    has = "has" if message.missing_before == 1 else "have"
    return Span(f"{before} before this one {has} not arrived", Style.WARN)


def state_words(message: MessageView) -> str:
    """Name a message's state, with the reason why it is no better. That of an edit or a deletion says that it is."""
    words = str(message.state)
    if message.state not in {MessageState.DELIVERED, MessageState.READ, MessageState.RECEIVED}:
        words = f"{'deletion ' if message.deleted else 'edit ' if message.edited else ''}{words}"
    return visible(f"{words}: {reason_words(message.reason)}" if message.reason else words)


def reason_words(reason: str) -> str:
    """Say in words why a message is no further, where there are words for it."""
    return REASONS.get(reason, reason)


def state_style(state: MessageState) -> Style:
    """Return the style of a message's state."""
    return _MESSAGE_STYLES.get(state, Style.FAINT)


def sent_line(message: MessageView) -> Line:
    """Say what has become of a message that was just written."""
    return [Span(f"{message.id[:8]} ", Style.FAINT), Span(state_words(message), state_style(message.state))]
