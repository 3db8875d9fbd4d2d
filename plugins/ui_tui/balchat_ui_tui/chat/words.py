"""What is said of messages, in the person's language. All that others wrote comes out of here harmless."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from balchat_texts import Texts

from balchat_host.api.ephemeral import FileProgress
from balchat_host.api.text import visible
from balchat_host.api.views import FileState, FileView, MessageState, MessageView, ReplyView, TimerView
from balchat_ui_tui.drawing.markdown import bare_lines, plain_text
from balchat_ui_tui.voice.levels import bars

MILLISECONDS: Final = 1000
_BARS: Final = 16
_LONGEST_PREVIEW: Final = 600
"""Characters in which the first line of a text is looked for."""
GLYPHS: Final[Mapping[MessageState, str]] = {
    MessageState.QUEUED: "○",
    MessageState.SENT: "◌",
    MessageState.RELAYED: "◐",
    MessageState.DELIVERED: "✓",
    MessageState.READ: "✓✓",
    MessageState.FAILED: "✗",
}
"""How far a message of ours is, at a glance; the words stand beside the newest one and whatever is not there yet."""


def author(t: Texts, name: str | None) -> str:
    """Return who wrote something. Quotes tell from us whoever is called as we are."""
    if name is None:
        return t("chat.you")
    shown = visible(name)
    plain = unicodedata.normalize("NFKC", shown).casefold().strip()
    return f"“{shown}”" if plain == t("chat.you").casefold() else shown


def first_line(t: Texts, content_type: str, text: str | None) -> str:
    """Return the first line of a text, or what else there is."""
    if text is None:
        return t("chat.unknown-content", kind=visible(content_type))
    return next((line for line in bare_lines(content_type, text[:_LONGEST_PREVIEW]) if line.strip()), "")


def summary(t: Texts, message: MessageView) -> str:
    """Return one line of a message, as it stands in a list."""
    if message.timer:
        return timer(t, message, message.timer)
    if message.deleted:
        return t("chat.deleted")
    if message.files and not message.text:
        return ", ".join(file_name(t, each) for each in message.files)
    return first_line(t, message.content_type, message.text)


def reply(t: Texts, answered: ReplyView) -> str:
    """Return one line of what a message answers, and what became of it."""
    text = t("chat.deleted") if answered.deleted else first_line(t, answered.content_type, answered.text)
    became = f" ({t('tui.edited-since')})" if answered.edited and not answered.deleted else ""
    return f"{author(t, answered.author)}: {text}{became}"


def timer(t: Texts, message: MessageView, view: TimerView) -> str:
    """Say that somebody set the conversation's timer."""
    if view.expire_after is None:
        return t("chat.timer-off", name=author(t, message.author))
    return t("chat.timer-on", name=author(t, message.author), time=t.span(view.expire_after * MILLISECONDS))


def state(t: Texts, message: MessageView, *, in_full: bool) -> str:
    """Return that a message was edited, and how far one of ours is: a sign, and words where they are needed."""
    edited = t("chat.edited") if message.edited and not message.deleted else ""
    return f"{edited} {_how_far(t, message, in_full=in_full)}".strip()


def _how_far(t: Texts, message: MessageView, *, in_full: bool) -> str:
    sign = GLYPHS.get(message.state, "")
    if message.state is MessageState.FAILED or message.reason:
        words = t.known("states.message", message.state.value)
        reason = f": {refusal_words(t, message.reason)}" if message.reason else ""
        return f"{sign} {words}{reason}"
    if message.recipients > 1 and 0 < message.delivered_to < message.recipients:
        return f"{sign} {t('chat.delivered-to', count=message.delivered_to, of=message.recipients)}"
    return f"{sign} {t.known('states.message', message.state.value)}" if in_full else sign


def reason_words(t: Texts, reason: str) -> str:
    """Say why something is no further, without the dot of a sentence."""
    return visible(t.known("states.reason", reason)).removesuffix(".")


def refusal_words(t: Texts, reason: str) -> str:
    """Say why a message is no further: what the other side's balchat or a relay answered to it."""
    refusal = f"states.refusal.{reason}"
    return t(refusal).removesuffix(".") if refusal in t else reason_words(t, reason)


def expiry(t: Texts, message: MessageView, now: int) -> str:
    """Return when a message expires, where it does."""
    if message.expires_at is not None:
        return t("tui.expires-at", moment=t.moment(message.expires_at, now))
    if message.expires_after is not None:
        return t("chat.expires-after", time=t.span(message.expires_after * MILLISECONDS))
    return ""


def reactions(message: MessageView) -> Sequence[tuple[str, bool]]:
    """Return each reaction with how many have it, and whether we do."""
    return [(f"{visible(each.emoji)} {each.count}", each.ours) for each in message.reactions]


def file(t: Texts, view: FileView, progress: FileProgress | None) -> str:
    """Return one line of a file: its name, size, and how far it is."""
    here = progress.here if progress else view.here
    words = [file_name(t, view), t.size(view.size)]
    if view.ours:
        if view.recipients and view.received_by >= view.recipients:
            words.append(t("files.received"))
        elif view.received_by:
            words.append(t("tui.file-received", count=view.received_by, of=view.recipients))
        if view.at_relays and view.received_by < view.recipients:
            words.append(t("files.at-relay", size=t.size(view.at_relays)))
    else:
        words.append(t.known("states.file", view.state.value))
        if view.state in {FileState.FETCHING, FileState.PAUSED} and view.size:
            words.append(f"{100 * here // view.size} %")
        hindered = progress.hindered if progress else view.reason
        if hindered and view.state is not FileState.COMPLETE:
            words.append(reason_words(t, hindered))
        elif view.state is FileState.FETCHING:
            words.append(ways(t, progress.ways if progress else view.ways))
    return " · ".join(filter(None, words))


def ways(t: Texts, names: Sequence[str]) -> str:
    """Say by which ways a file comes; nothing where it comes directly alone."""
    if "relay" not in names:
        return ""
    return t("files.by-relay-and-directly" if "direct" in names else "files.by-relay")


def file_name(t: Texts, view: FileView) -> str:
    """Return what a file is called: a voice message by how long and loud it is."""
    if view.voice is None:
        return f"▤ {visible(view.name)}"
    return f"♪ {t('voice.of', time=t.duration(view.voice.duration))} {bars(view.voice.levels, _BARS)}".rstrip()


def copied(t: Texts, messages: Sequence[MessageView], now: int) -> str:
    """Return messages as they are copied: the bare text of one; when and by whom each was written, of several."""
    if len(messages) == 1:
        return _bare(t, messages[0])
    return "\n".join(f"[{t.moment(each.sent_at, now)}] {author(t, each.author)}: {_bare(t, each)}" for each in messages)


def _bare(t: Texts, message: MessageView) -> str:
    if message.text is None or message.deleted or message.timer:
        return summary(t, message)
    return plain_text(message.content_type, message.text)
