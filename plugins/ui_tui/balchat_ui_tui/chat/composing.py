"""What is written: drafts, sending, replies and edits."""

import re
from dataclasses import replace
from functools import partial
from typing import Final

from balchat_host.api.errors import TextTooLong
from balchat_host.api.frontend import MYSELF
from balchat_host.api.views import ConversationView, MessageState, MessageView
from balchat_ui_tui.chat import window
from balchat_ui_tui.chat.actions import (
    DraftDue,
    DraftFailed,
    EditFailed,
    MessageCame,
    SendFailed,
    Sent,
)
from balchat_ui_tui.chat.state import ChatState, Editing, Outgoing
from balchat_ui_tui.drawing.markdown import text_to_edit
from balchat_ui_tui.effects import After, Call, Effects

_DRAFT_SECONDS: Final = 1.0
_DRAFT_KEY: Final = "draft"

_MARKS: Final = re.compile(
    r"\*\*\S|(?<!\w)[*_]\S[^*_\n]*[*_](?!\w)|`[^`\n]+`|~~\S|\]\(\S|^(?:```|> |# |## |### |[-*+] |\d{1,3}[.)] )",
    re.MULTILINE,
)
"""What people type who mean markdown. Whatever else stands in a text is sent as it was typed."""


def typed(state: ChatState, text: str) -> tuple[ChatState, Effects]:
    """Take what the composer holds now, and keep it as a draft in a moment."""
    if text == state.text:
        return state, ()
    state = replace(state, text=text, too_long=_still(state.too_long, text))
    return state, (After(_DRAFT_SECONDS, DraftDue(), _DRAFT_KEY),) if state.editing is None else ()


def keep_draft(state: ChatState) -> tuple[ChatState, Effects]:
    """Keep what is not sent in the account, where it differs from what is kept there."""
    if state.unsent == state.draft:
        return state, ()
    return replace(state, draft=state.unsent), (_draft(state.conversation, state.unsent, kept=state.draft),)


def draft_failed(state: ChatState, failed: DraftFailed) -> ChatState:
    """Remember what the account has, so that the draft is kept later; say here that it is too long."""
    too_long = failed.error if isinstance(failed.error, TextTooLong) else state.too_long
    return replace(state, draft=failed.kept, too_long=_still(too_long, state.text))


def _still(too_long: TextTooLong | None, text: str) -> TextTooLong | None:
    """Return that a text is too long where it is."""
    if too_long is None:
        return None
    size, limit = len(text.encode()), int(too_long.fields["limit"])
    return TextTooLong(size=size, limit=limit) if size > limit else None


def draft_changed(state: ChatState, draft: str) -> ChatState:
    """Take a draft that was written elsewhere, unless something else is being written here."""
    if draft == state.draft or state.unsent != state.draft:
        return state
    changed = replace(state, draft=draft)
    if state.editing is not None:
        return replace(changed, editing=replace(state.editing, kept=draft))
    return put_text(changed, draft)


def put_text(state: ChatState, text: str) -> ChatState:
    """Put a text into the composer."""
    too_long = _still(state.too_long, text)
    return replace(state, text=text, text_number=state.text_number + 1, too_long=too_long)


def send(state: ChatState, conversation: ConversationView) -> tuple[ChatState, Effects]:
    """Send what is in the composer, or keep the edit."""
    if state.editing is not None:
        return _save_edit(state, state.editing, conversation)
    text = state.text.strip("\n")
    if not text.strip():
        return state, ()
    outgoing = Outgoing(text=text, reply_to=state.reply_to)
    call = Call(
        "messages.send",
        {
            "conversation": state.conversation,
            "text": text,
            "reply_to": state.reply_to.id if state.reply_to else None,
            "markdown": means_markdown(text),
            "mentions": mentioned(text, conversation),
        },
        done=Sent,
        failed=partial(SendFailed, state.conversation, text),
    )
    # The account ends a draft by itself only where it has the very same text.
    drafts = (_draft(state.conversation, "", kept=""),) if state.draft not in {"", text} else ()
    state = replace(
        put_text(state, ""),
        reply_to=None,
        draft="",
        outgoing=(*state.outgoing, outgoing),
        unread_from=None,
        selected=None,
    )
    state, effects = window.ask_latest(state)
    return state, (*drafts, call, *effects)


def sent(state: ChatState, message: MessageView) -> ChatState:
    """Show a message of ours that is durable."""
    return window.added(replace(state, outgoing=state.outgoing[1:]), message, watched=True)


def send_failed(state: ChatState, failed: SendFailed) -> ChatState:
    """Put what could not be sent back into the composer, before what was typed meanwhile."""
    # What was sent before the conversation was left and opened again is not in `outgoing`.
    first = next((each for each in state.outgoing if each.text == failed.text), Outgoing(text=failed.text))
    others = tuple(each for each in state.outgoing if each is not first)
    state = replace(state, outgoing=others, reply_to=state.reply_to or first.reply_to)
    if state.editing is not None:
        return replace(state, editing=replace(state.editing, kept=before(first.text, state.editing.kept)))
    return put_text(state, before(first.text, state.text))


def before(text: str, draft: str) -> str:
    """Return a text with what was begun meanwhile below it."""
    return f"{text}\n{draft}" if draft.strip() else text


def edit_failed(state: ChatState, failed: EditFailed) -> ChatState:
    """Go on with an edit that failed; where that cannot be, keep its text with what is to be sent."""
    message = state.message(failed.message)
    if state.editing is not None:
        return replace(state, editing=replace(state.editing, kept=before(failed.text, state.editing.kept)))
    if message is None or not editable(message):
        return put_text(state, before(failed.text, state.text))
    return put_text(replace(state, editing=Editing(message=message, kept=state.text)), failed.text)


def edit(state: ChatState, message: MessageView) -> ChatState:
    """Begin to edit a message of ours; what was being written waits."""
    text, _ = text_to_edit(message.content_type, message.text or "")
    kept = state.editing.kept if state.editing else state.text
    return put_text(replace(state, editing=Editing(message=message, kept=kept), selected=None), text)


def edit_last(state: ChatState) -> ChatState:
    """Edit the last message of ours that can be edited, where the window has the end."""
    if not state.ends:
        return state  # the last one of the window is an old one
    last = next((each for each in reversed(state.messages) if editable(each)), None)
    return state if last is None else edit(state, last)


def editable(message: MessageView) -> bool:
    """Return whether a message is a text of ours."""
    return message.author is None and bool(message.text) and not message.deleted and message.timer is None


def leave_edit(state: ChatState) -> ChatState:
    """Leave a message as it was, and go on with what was being written before."""
    if state.editing is None:
        return state
    return put_text(replace(state, editing=None), state.editing.kept)


def _save_edit(state: ChatState, editing: Editing, conversation: ConversationView) -> tuple[ChatState, Effects]:
    text = state.text.strip("\n")
    was, was_markdown = text_to_edit(editing.message.content_type, editing.message.text or "")
    if not text.strip() or text == was:
        return leave_edit(state), ()
    call = Call(
        "messages.edit",
        {
            "message": editing.message.id,
            "text": text,
            "markdown": was_markdown or means_markdown(text),
            "mentions": mentioned(text, conversation),
        },
        done=MessageCame,
        failed=partial(EditFailed, state.conversation, editing.message.id, text),
    )
    return leave_edit(state), (call,)


def means_markdown(text: str) -> bool:
    """Return whether a text has marks that its author means as markdown."""
    return _MARKS.search(text) is not None


def mentioned(text: str, conversation: ConversationView) -> tuple[str, ...]:
    """Return who of a conversation is mentioned in a text."""
    names = [conversation.contact.name] if conversation.contact else []
    return tuple(name for name in (*names, MYSELF) if re.search(rf"(?<!\w)@{re.escape(name)}(?!\w)", text))


def can_retry(message: MessageView) -> bool:
    """Return whether a message of ours failed and can be sent again."""
    return message.state is MessageState.FAILED


def _draft(conversation: str, text: str, *, kept: str) -> Call:
    failed = partial(DraftFailed, conversation, kept)
    return Call("conversations.draft", {"conversation": conversation, "text": text}, failed=failed)
