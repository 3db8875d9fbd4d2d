"""What happens to a chat: `update(state, action, account) -> (state, effects)`."""

from dataclasses import replace
from typing import Final

from balchat_host.api.errors import NoSuchMessage
from balchat_host.api.events import ConversationChanged
from balchat_host.api.views import ConversationView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import AccountRead, Action, ConnectionChanged, FocusChanged, Heard
from balchat_ui_tui.chat import actions as do
from balchat_ui_tui.chat import composing, selected, window
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.connection_state import Phase
from balchat_ui_tui.effects import Call, Effects, ShowError, WriteElsewhere

_OF_ONE_MESSAGE: Final = (
    do.Mark,
    do.Unfold,
    do.Reply,
    do.Edit,
    do.Delete,
    do.React,
    do.CopyIt,
    do.ShowInfo,
    do.OpenFile,
)


def open_chat(conversation: ConversationView, draft: str, *, watched: bool) -> tuple[ChatState, Effects]:
    """Return a conversation's chat as it begins, with what was begun to be written in it."""
    state = ChatState(
        conversation=conversation.id,
        unread_from=conversation.first_unread,
        text=draft,
        draft=conversation.draft,
        watched=watched,
    )
    return state, (_attend(state), window.ask_opening(conversation))


def leave_chat(state: ChatState) -> Effects:
    """Return what is to be done when another conversation is shown instead."""
    return composing.keep_draft(state)[1]


def _attend(state: ChatState) -> Call:
    """Say that a person looks at the conversation, while they do."""
    return Call("events.attend", {"conversation": state.conversation if state.watched else None})


def update(state: ChatState, action: Action, account: AccountState) -> tuple[ChatState, Effects]:
    """Return a chat after an action, and what is to be done."""
    conversation = account.conversation(state.conversation)
    if conversation is None:
        return state, ()  # it is being removed
    match action:
        case Heard() | ConnectionChanged() | AccountRead() | FocusChanged():
            return _told(state, action, conversation)
        case (
            do.PageCame()
            | do.PageFailed()
            | do.Sent()
            | do.SendFailed()
            | do.EditFailed()
            | do.DraftFailed()
            | do.MessageCame()
        ):
            return _answered(state, action, conversation)
        case do.Scrolled():
            return _scrolled(state, action, conversation)
        case (
            do.Typed()
            | do.SendIt()
            | do.DraftDue()
            | do.OpenEditor()
            | do.WrittenElsewhere()
            | do.EditLast()
            | do.Escape()
        ):
            return _composed(state, action, conversation)
        case do.GoTo() | do.GoToDate() | do.GoToEnd() | do.GoToUnread() | do.GoToReplied() | do.MarkUnread():
            return _went(state, action, conversation)
        case _:
            return _with_selected(state, action)


def _told(state: ChatState, action: Action, conversation: ConversationView) -> tuple[ChatState, Effects]:
    match action:
        case Heard(event=ConversationChanged() as event) if event.conversation.id == state.conversation:
            return composing.draft_changed(state, event.conversation.draft), ()
        case Heard(event=event):
            return window.heard(state, event, watched=state.watched), ()
        case FocusChanged(focused=focused):
            changed = replace(state, watched=focused)
            read, effects = _read(changed, conversation)
            return read, (_attend(changed), *effects)
        case ConnectionChanged(connection=connection) if connection.phase is Phase.UP:
            again = () if state.opened else (window.ask_opening(conversation),)
            state, drafts = composing.keep_draft(state)
            return state, (_attend(state), *again, *drafts)
        case AccountRead() if state.opened:
            # What happened meanwhile is not known: the page that is in sight is read again.
            around = None if state.following else state.selected or state.in_sight
            read = replace(state, messages=(), opened=False)
            if around is None:
                return window.ask_latest(read)
            return window.ask_around(read, around)
        case _:
            return state, ()


def _answered(state: ChatState, action: Action, conversation: ConversationView) -> tuple[ChatState, Effects]:
    match action:
        case do.PageCame() if action.conversation == state.conversation:
            newest = conversation.last_message.id if conversation.last_message else None
            return window.page_came(state, action, newest), ()
        case do.PageFailed() if action.conversation == state.conversation:
            return _page_failed(state, action)
        case do.Sent(message=message) if message.conversation == state.conversation:
            return composing.sent(state, message), ()
        case do.SendFailed() if action.conversation == state.conversation:
            return composing.send_failed(state, action), (ShowError(action.error),)
        case do.EditFailed() if action.conversation == state.conversation:
            return composing.edit_failed(state, action), (ShowError(action.error),)
        case do.DraftFailed() if action.conversation == state.conversation:
            return composing.draft_failed(state, action), ()
        case do.MessageCame(message=message) if message.conversation == state.conversation:
            return window.changed(state, message), ()
        case _:
            return state, ()


def _page_failed(state: ChatState, failed: do.PageFailed) -> tuple[ChatState, Effects]:
    state = window.page_failed(state, failed)
    gone = isinstance(failed.error, NoSuchMessage)
    if failed.page is do.Page.OPENING and gone:
        return window.ask_latest(replace(state, unread_from=None))
    if failed.page is do.Page.AROUND:
        return state, (ShowError(failed.error),)
    return state, ()


def _scrolled(state: ChatState, scrolled: do.Scrolled, conversation: ConversationView) -> tuple[ChatState, Effects]:
    following = scrolled.at_end and (state.ends or state.following)
    if following != state.following:
        state = replace(state, following=following)
    state, effects = window.ask_more(state, before=scrolled.near_first, after=scrolled.near_last)
    state, read = _read(replace(state, in_sight=scrolled.last), conversation)
    return state, (*effects, *read)


def _read(state: ChatState, conversation: ConversationView) -> tuple[ChatState, Effects]:
    """Take what is in sight as read, where somebody looks at it."""
    if not state.watched or state.in_sight is None or not _is_later(state, state.in_sight):
        return state, ()
    state = replace(state, seen=state.in_sight)
    if not conversation.unread:
        return state, ()
    return state, (Call("conversations.mark_read", {"conversation": state.conversation, "up_to": state.in_sight}),)


def _is_later(state: ChatState, message: str) -> bool:
    """Return whether a message of the window comes after what was taken as read."""
    for each in reversed(state.messages):
        if each.id == state.seen:
            return False
        if each.id == message:
            return True
    return False


def _composed(state: ChatState, action: Action, conversation: ConversationView) -> tuple[ChatState, Effects]:
    match action:
        case do.Typed(text=text):
            return composing.typed(state, text)
        case do.SendIt():
            return composing.send(state, conversation)
        case do.DraftDue():
            return composing.keep_draft(state)
        case do.OpenEditor():
            return state, (WriteElsewhere(state.text, done=do.WrittenElsewhere),)
        case do.WrittenElsewhere(text=text):
            return composing.keep_draft(composing.put_text(state, text))
        case do.EditLast():
            return composing.edit_last(state), ()
        case do.Escape():
            return escape(state), ()
        case _:
            return state, ()


def escape(state: ChatState) -> ChatState:
    """Leave the innermost thing: marks, the selection, an edit, a reply."""
    if state.marked:
        return replace(state, marked=frozenset())
    if state.selected is not None:
        return replace(state, selected=None)
    if state.editing is not None:
        return composing.leave_edit(state)
    return replace(state, reply_to=None)


def _went(state: ChatState, action: Action, conversation: ConversationView) -> tuple[ChatState, Effects]:
    match action:
        case do.GoTo(message=message):
            state, effects = window.ask_around(state, message)
            return replace(state, selected=message), effects
        case do.GoToDate(at=at):
            return window.ask_date(state, at)
        case do.GoToEnd():
            return window.ask_latest(replace(state, selected=None))
        case do.GoToUnread():
            first = conversation.first_unread or state.unread_from
            return window.ask_latest(state) if first is None else window.ask_around(state, first)
        case do.GoToReplied():
            message = selected.meant(state)
            if message is None or message.reply is None or message.in_reply_to is None:
                return state, ()
            state, effects = window.ask_around(state, message.in_reply_to)
            return replace(state, selected=message.in_reply_to), effects
        case do.MarkUnread():
            return state, (Call("conversations.mark_unread", {"conversation": state.conversation}),)
        case _:
            return state, ()


def _with_selected(state: ChatState, action: Action) -> tuple[ChatState, Effects]:  # noqa: C901, PLR0912  # one line each
    if isinstance(action, _OF_ONE_MESSAGE) and state.selected is None and not state.marked:
        # Somebody who has selected none means the last one in sight.
        state, _ = selected.move(state, 0)
    match action:
        case do.Select(message=message):
            return selected.select(state, message), ()
        case do.Move(by=by):
            return selected.move(state, by)
        case do.Mark():
            return selected.mark(state), ()
        case do.Unfold():
            return selected.unfold(state), ()
        case do.Reply():
            return selected.reply(state), ()
        case do.Edit():
            return selected.edit(state), ()
        case do.Delete():
            return state, selected.ask_how_to_delete(state)
        case do.DeleteChosen():
            return state, selected.delete(action)
        case do.React():
            return state, selected.ask_for_emoji(state)
        case do.EmojiChosen():
            return state, selected.react(state, action)
        case do.Retry():
            return state, selected.retry(state)
        case do.CopyIt():
            return selected.copy(state)
        case do.ShowInfo():
            return state, selected.show_info(state)
        case do.OpenFile():
            return state, selected.open_file(state)
        case _:
            return state, ()
