"""What can be done with the selected message, and with those that are marked."""

from dataclasses import replace
from functools import partial

from balchat_host.api.views import MessageState, MessageView
from balchat_ui_tui.chat import composing, window
from balchat_ui_tui.chat.actions import DeleteChosen, EmojiChosen, MessageCame
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.effects import Call, CopyMessages, Effects, OpenScreen
from balchat_ui_tui.files.viewers import viewer_of


def meant(state: ChatState) -> MessageView | None:
    """Return the selected message; where none is, the last one in sight."""
    last = state.messages[-1] if state.messages else None
    return state.message(state.selected) or state.message(state.in_sight) or last


def move(state: ChatState, by: int) -> tuple[ChatState, Effects]:
    """Select a message further up or down: the last one in sight first, and nothing beyond the end."""
    if not state.messages:
        return state, ()
    place = next((number for number, each in enumerate(state.messages) if each.id == state.selected), None)
    if place is None:
        last = meant(state)
        return select(state, last.id if last else None), ()
    place = min(max(0, place + by), len(state.messages) - 1)
    moved = select(state, state.messages[place].id)
    return window.ask_more(moved, before=place == 0, after=place == len(state.messages) - 1)


def select(state: ChatState, message: str | None) -> ChatState:
    """Select a message, and show it."""
    if message is None or state.message(message) is None:
        return replace(state, selected=None)
    aimed, _ = window.ask_around(state, message)
    return replace(aimed, selected=message)


def mark(state: ChatState) -> ChatState:
    """Mark the selected message, or take the mark away."""
    if state.selected is None:
        return state
    return replace(state, marked=state.marked ^ {state.selected})


def unfold(state: ChatState) -> ChatState:
    """Show all of the selected message, or less of it again, from its beginning."""
    if state.selected is None:
        return state
    return select(replace(state, unfolded=state.unfolded ^ {state.selected}), state.selected)


def reply(state: ChatState) -> ChatState:
    """Answer the selected message."""
    message = state.message(state.selected)
    if message is None or message.deleted or message.timer:
        return state
    return replace(composing.leave_edit(state), reply_to=message, selected=None)


def edit(state: ChatState) -> ChatState:
    """Edit the selected message."""
    message = state.message(state.selected)
    return state if message is None or not composing.editable(message) else composing.edit(state, message)


def ask_how_to_delete(state: ChatState) -> Effects:
    """Ask whether to delete the selected message for everybody or here only."""
    message = state.message(state.selected)
    if message is None:
        return ()
    ours = message.author is None and not message.deleted and message.timer is None
    # Where it was edited, the state is that of the edit.
    waits = message.state is MessageState.QUEUED and not message.edited and not message.delivered_to
    arguments = {"message": message, "for_everybody": ours, "waits": waits}
    return (OpenScreen("message-delete", arguments, closed=partial(_chosen, message.id)),)


def _chosen(message: str, for_me: bool) -> DeleteChosen:  # noqa: FBT001  # it is what the screen leaves
    return DeleteChosen(message, for_me=for_me)


def delete(chosen: DeleteChosen) -> Effects:
    """Delete a message."""
    return (Call("messages.delete", {"message": chosen.message, "for_me": chosen.for_me}),)


def ask_for_emoji(state: ChatState) -> Effects:
    """Ask with which emoji to answer the selected message."""
    message = state.message(state.selected)
    if message is None or message.deleted or message.timer:
        return ()
    ours = tuple(each.emoji for each in message.reactions if each.ours)
    return (OpenScreen("message-react", {"ours": ours}, closed=partial(EmojiChosen, message.id)),)


def react(state: ChatState, chosen: EmojiChosen) -> Effects:
    """Answer a message with an emoji, or take it back where it is there already."""
    message = state.message(chosen.message)
    remove = message is not None and any(each.ours and each.emoji == chosen.emoji for each in message.reactions)
    arguments = {"message": chosen.message, "emoji": chosen.emoji, "remove": remove}
    return (Call("messages.react", arguments, done=MessageCame),)


def retry(state: ChatState) -> Effects:
    """Send again what failed: the selected message, or else the last one that did."""
    message = state.message(state.selected) or next(
        (each for each in reversed(state.messages) if composing.can_retry(each)), None
    )
    if message is None or not composing.can_retry(message):
        return ()
    return (Call("messages.retry", {"message": message.id}, done=MessageCame),)


def show_info(state: ChatState) -> Effects:
    """Show all that is known of the selected message."""
    if state.selected is None:
        return ()
    return (OpenScreen("message-info", {"message": state.selected}),)


def open_file(state: ChatState) -> Effects:
    """See or hear the one file of the selected message; list them where they are several, or not all here."""
    message = state.message(state.selected)
    if message is None or not message.files:
        return ()
    viewer = viewer_of(message.files[0]) if len(message.files) == 1 else None
    return (viewer or OpenScreen("files.list", {"conversation": message.conversation, "message": message.id}),)


def copy(state: ChatState) -> tuple[ChatState, Effects]:
    """Copy the marked messages in their order, or the selected one."""
    wanted = state.marked or {state.selected}
    messages = tuple(each for each in state.messages if each.id in wanted)
    return replace(state, marked=frozenset()), (CopyMessages(messages),) if messages else ()
