"""The window of the history that is in memory: pages come to its edges, and what is far away is dropped.

Whatever its size, a conversation costs as much as the window does. What a person looks at is never dropped: pages are
asked for before their edge is in sight, and the other edge gives way.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from balchat_host.api.events import ContactChanged, Event, FileChanged, MessageAdded, MessageChanged, MessageRemoved
from balchat_host.api.views import ContactView, ConversationView, FileView, MessageState, MessageView
from balchat_ui_tui.chat.actions import Page, PageCame, PageFailed
from balchat_ui_tui.chat.state import MORE, MOST, PAGE, ChatState, Target
from balchat_ui_tui.effects import Call, Effects


def ask_opening(conversation: ConversationView) -> Call:
    """Ask for the page that a chat opens with: where the unread begins, or the end."""
    if conversation.unread and conversation.first_unread:
        return _ask(conversation.id, Page.OPENING, conversation.first_unread, {"around": conversation.first_unread})
    return _ask(conversation.id, Page.OPENING, None, {})


def ask_latest(state: ChatState) -> tuple[ChatState, Effects]:
    """Go to the end: of the window, where the history ends there too."""
    if state.ends and state.messages:
        return replace(state, following=True), ()
    return state, (_ask(state.conversation, Page.LATEST, None, {}),)


def ask_around(state: ChatState, message: str) -> tuple[ChatState, Effects]:
    """Go to a message: in the window, or with a new one around it."""
    if state.message(message) is not None:
        return _aim(state, message), ()
    return state, (_ask(state.conversation, Page.AROUND, message, {"around": message}),)


def ask_date(state: ChatState, at: int) -> tuple[ChatState, Effects]:
    """Go to a time."""
    return state, (_ask(state.conversation, Page.AROUND, None, {"date": at}, date=at),)


def ask_more(state: ChatState, *, before: bool, after: bool) -> tuple[ChatState, Effects]:
    """Ask for what lies beyond an edge of the window, unless that was asked already."""
    if not state.messages:
        return state, ()
    effects: list[Call] = []
    if before and not state.begins and not state.asked_before:
        first = state.messages[0].id
        effects.append(_ask(state.conversation, Page.BEFORE, first, {"before": first, "limit": MORE}))
        state = replace(state, asked_before=True)
    if after and not state.ends and not state.asked_after:
        last = state.messages[-1].id
        effects.append(_ask(state.conversation, Page.AFTER, last, {"after": last, "limit": MORE}))
        state = replace(state, asked_after=True)
    return state, tuple(effects)


def _ask(conversation: str, page: Page, at: str | None, where: dict[str, object], *, date: int | None = None) -> Call:
    return Call(
        "messages.history",
        {"conversation": conversation, "limit": PAGE, **where},
        done=partial(PageCame, conversation, page, at, date=date),
        failed=partial(PageFailed, conversation, page),
    )


def page_came(state: ChatState, came: PageCame, newest: str | None) -> ChatState:
    """Put a page where it belongs. `newest` is the newest message of the conversation."""
    page = tuple(came.messages)
    match came.page:
        case Page.BEFORE:
            return _before(state, came.at, page)
        case Page.AFTER:
            return _after(state, came.at, page)
        case Page.OPENING | Page.LATEST | Page.AROUND:
            aim = came.at or _at(page, came.date)
            # Of the end, too: a message may have come after the page was read and before it was here.
            ends = _has(page, newest) or (aim is None and newest is None)
            fresh = replace(
                state,
                messages=page,
                opened=True,
                begins=aim is None and len(page) < PAGE,
                ends=ends,
                asked_before=False,
                asked_after=False,
                following=aim is None,
                selected=state.selected if _has(page, state.selected) else None,
            )
            return fresh if aim is None else _aim(fresh, aim)


def page_failed(state: ChatState, failed: PageFailed) -> ChatState:
    """Let a page be asked for again."""
    match failed.page:
        case Page.BEFORE:
            return replace(state, asked_before=False)
        case Page.AFTER:
            return replace(state, asked_after=False)
        case _:
            return state


def _before(state: ChatState, at: str | None, page: tuple[MessageView, ...]) -> ChatState:
    state = replace(state, asked_before=False)
    if not state.messages or state.messages[0].id != at:
        return state  # the window is elsewhere by now
    messages = (*page, *state.messages)
    kept = messages[:MOST]
    return replace(state, messages=kept, begins=len(page) < MORE, ends=state.ends and len(kept) == len(messages))


def _after(state: ChatState, at: str | None, page: tuple[MessageView, ...]) -> ChatState:
    state = replace(state, asked_after=False)
    if not state.messages or state.messages[-1].id != at:
        return state
    messages = (*state.messages, *page)
    kept = messages[-MOST:]
    return replace(state, messages=kept, ends=len(page) < MORE, begins=state.begins and len(kept) == len(messages))


def heard(state: ChatState, event: Event, *, watched: bool) -> ChatState:
    """Follow what happens. `watched`: a person looks at this chat now."""
    match event:
        case MessageAdded(message=message) if message.conversation == state.conversation:
            return added(state, message, watched=watched)
        case MessageChanged(message=message) if message.conversation == state.conversation:
            return changed(state, message)
        case MessageRemoved(id=identifier) if event.conversation == state.conversation:
            return _removed(state, identifier)
        case FileChanged(file=file) if file.conversation == state.conversation:
            return _file_changed(state, file)
        case ContactChanged(contact=contact) if contact.conversation == state.conversation:
            return _renamed(state, contact)
        case _:
            return state


def added(state: ChatState, message: MessageView, *, watched: bool) -> ChatState:
    """Put a new message to the end, where the window has the end."""
    if _has(state.messages, message.id):
        return changed(state, message)
    new = message.state is MessageState.RECEIVED and message.timer is None
    if new and not (watched and state.following) and state.unread_from is None:
        state = replace(state, unread_from=message.id)
    if not state.ends:
        return state
    if len(state.messages) < MOST:
        return replace(state, messages=(*state.messages, message))
    if state.following:
        return replace(state, messages=(*state.messages[1 - MOST :], message), begins=False)
    return replace(state, ends=False)  # who reads back keeps what is in sight


def changed(state: ChatState, message: MessageView) -> ChatState:
    """Put a message in place of what was known of it. Those that answer it say what became of it."""
    if state.reply_to is not None and state.reply_to.id == message.id:
        state = replace(state, reply_to=None if message.deleted else message)
    if not any(message.id in {each.id, each.in_reply_to} for each in state.messages):
        return state
    return replace(state, messages=tuple(_with(each, message) for each in state.messages))


def _with(each: MessageView, message: MessageView) -> MessageView:
    if each.id == message.id:
        return message
    if each.reply is not None and each.in_reply_to == message.id:
        return replace(each, reply=replace(each.reply, edited=message.edited, deleted=message.deleted))
    return each


def _renamed(state: ChatState, contact: ContactView) -> ChatState:
    """Call a contact by another name wherever it stands."""

    def with_name(message: MessageView) -> MessageView:
        if message.author_id == contact.peer_id and message.author != contact.name:
            message = replace(message, author=contact.name)
        answered = message.reply
        if answered is not None and answered.author_id == contact.peer_id and answered.author != contact.name:
            message = replace(message, reply=replace(answered, author=contact.name))
        return message

    messages = tuple(map(with_name, state.messages))
    reply_to = with_name(state.reply_to) if state.reply_to else None
    return state if messages == state.messages else replace(state, messages=messages, reply_to=reply_to)


def _removed(state: ChatState, identifier: str) -> ChatState:
    left = tuple(each for each in state.messages if each.id != identifier)
    return replace(
        state,
        messages=left,
        marked=state.marked - {identifier},
        selected=None if state.selected == identifier else state.selected,
        reply_to=None if state.reply_to and state.reply_to.id == identifier else state.reply_to,
    )


def _file_changed(state: ChatState, file: FileView) -> ChatState:
    def with_file(message: MessageView) -> MessageView:
        if all(each.id != file.id for each in message.files):
            return message
        return replace(message, files=tuple(file if each.id == file.id else each for each in message.files))

    return replace(state, messages=tuple(map(with_file, state.messages)))


def _aim(state: ChatState, message: str) -> ChatState:
    number = state.target.number + 1 if state.target else 1
    return replace(state, target=Target(message=message, number=number))


def _has(messages: Sequence[MessageView], identifier: str | None) -> bool:
    return any(each.id == identifier for each in messages)


def _at(page: Sequence[MessageView], date: int | None) -> str | None:
    """Return the first message of a page that was sent at a time or later; the last one where none was."""
    if date is None or not page:
        return None
    return next((each.id for each in page if each.sent_at >= date), page[-1].id)
