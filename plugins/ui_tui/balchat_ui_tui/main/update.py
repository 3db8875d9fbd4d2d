"""What happens to the main screen: `update(state, action, account) -> (state, effects)`."""

from dataclasses import replace
from pathlib import Path

from balchat_texts import Texts

from balchat_host.api.events import ContactRemoved, ConversationChanged
from balchat_host.api.text import visible
from balchat_host.api.views import ConversationView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import AccountRead, Action, FocusChanged, Heard, chosen
from balchat_ui_tui.chat import actions as chat_actions
from balchat_ui_tui.chat import composing
from balchat_ui_tui.chat import update as chat
from balchat_ui_tui.chat.selected import meant
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.conversations.marking import mark
from balchat_ui_tui.conversations.state import ListState, move, next_of
from balchat_ui_tui.conversations.timer import seconds_of, timer_question
from balchat_ui_tui.effects import Call, Effects, Notice, OpenScreen, ShowError
from balchat_ui_tui.links import OpenLink, links_in
from balchat_ui_tui.main import actions as do
from balchat_ui_tui.main.state import MainState, Pane


def update(  # noqa: C901, PLR0912  # a line or two for each action
    state: MainState, action: Action, account: AccountState, t: Texts
) -> tuple[MainState, Effects]:
    """Return the main screen after an action, and what is to be done."""
    match action:
        case do.Show() | do.ShowNamed() | do.ShowNext() | do.ShowSelected():
            return _show_one(state, action, account)
        case do.StepInList(by=by):
            return replace(state, list=move(state.list, account, by)), ()
        case do.Filter(words=words):
            return _filter(state, words, account), ()
        case do.SwitchMuted() | do.SwitchUnread() | do.SwitchArchived():
            return state, _switch(state, action, account)
        case do.SwitchShown():
            return replace(state, list=ListState(archived=not state.list.archived)), ()
        case do.Focus(pane=pane):
            return _focus(state, pane), ()
        case do.Back():
            return _back(state), ()
        case do.Open(name=name):
            return state, (OpenScreen(name, closed=chosen),)
        case do.PathFound(conversation=conversation, pasted=pasted, path=Path() as path) if conversation == _shown_id(
            state
        ):
            ask = {"question": t("tui.attach-pasted", name=visible(path.name)), "agree": t("files.attach")}
            return state, (OpenScreen("confirm", ask, closed=lambda _: do.AttachPasted(conversation, pasted)),)
        case do.AttachPasted(conversation=conversation, pasted=pasted) if (
            state.chat is not None and conversation == state.chat.conversation
        ):
            return _attach(state, state.chat, pasted)
        case chat_actions.AskToOpenLink() | chat_actions.LinkChosen() | chat_actions.LinkAgreed():
            return state, _open_link(state, action, t)
        case chat_actions.SendFailed() | chat_actions.EditFailed() if action.conversation != _shown_id(state):
            return _keep_elsewhere(state, action, account)
        case do.RecordVoice() if state.chat is not None:
            return state, (OpenScreen("voice.record", {"conversation": state.chat.conversation}),)
        case do.AskForTimer():
            return state, _ask_for_timer(state, account, t)
        case do.TimerChosen(conversation=conversation, answer=answer):
            timer = {"conversation": conversation, "seconds": seconds_of(answer)}
            return state, (Call("conversations.set_timer", timer),)
        case do.Search():
            return state, (OpenScreen("search", {"conversation": _shown_id(state)}, closed=chosen),)
        case _:
            return _told(state, action, account)


def _told(state: MainState, action: Action, account: AccountState) -> tuple[MainState, Effects]:
    effects: Effects = ()
    match action:
        case FocusChanged(focused=focused):
            state = replace(state, watched=focused)
        case AccountRead() if state.opening is not None:
            state, effects = replace(state, opening=None), (_find(state.opening),)
        case Heard(event=ConversationChanged() as event) if "draft" in event.changed:
            left = {name: text for name, text in state.drafts.items() if name != event.conversation.id}
            state = replace(state, drafts=left)
        case Heard(event=ContactRemoved(conversation=gone)) if state.chat and state.chat.conversation == gone:
            return replace(state, chat=None, pane=Pane.LIST), (Call("events.attend", {"conversation": None}),)
        case _:
            pass
    return _in_chat(state, action, account, effects)


def _in_chat(state: MainState, action: Action, account: AccountState, before: Effects) -> tuple[MainState, Effects]:
    """Give an action to the chat."""
    if state.chat is None:
        return state, before
    shown, effects = chat.update(state.chat, action, account)
    state = state if shown is state.chat else replace(state, chat=shown)
    match action:
        # What is answered or edited is written.
        case chat_actions.Reply() | chat_actions.Edit() | chat_actions.EditLast() | chat_actions.WrittenElsewhere():
            state = replace(state, pane=Pane.COMPOSER)
        case chat_actions.GoTo() | chat_actions.GoToDate() | chat_actions.GoToUnread():
            state = replace(state, pane=Pane.MESSAGES)
        case _:
            pass
    return state, (*before, *effects)


def _keep_elsewhere(
    state: MainState, failed: chat_actions.SendFailed | chat_actions.EditFailed, account: AccountState
) -> tuple[MainState, Effects]:
    """Keep what could not be sent as the draft of its conversation: another one is shown by now."""
    conversation = account.conversation(failed.conversation)
    if conversation is None:
        return state, (ShowError(failed.error),)
    draft = composing.before(failed.text, state.drafts.get(conversation.id, conversation.draft))
    keep = Call("conversations.draft", {"conversation": conversation.id, "text": draft}, failed=lambda _: Action())
    return replace(state, drafts={**state.drafts, conversation.id: draft}), (keep, ShowError(failed.error))


def _attach(state: MainState, shown: ChatState, pasted: str) -> tuple[MainState, Effects]:
    """Take what was pasted out of the text again, and show the file before it is sent."""
    before, found, after = shown.text.rpartition(pasted)
    kept, effects = composing.keep_draft(composing.put_text(shown, before + after)) if found else (shown, ())
    staging = OpenScreen("files.attach", {"conversation": shown.conversation, "paths": (pasted,)})
    return replace(state, chat=kept), (*effects, staging)


def _ask_for_timer(state: MainState, account: AccountState, t: Texts) -> Effects:
    conversation = account.conversation(state.chat.conversation) if state.chat else None
    if conversation is None:
        return ()
    return (timer_question(conversation, t, lambda answer: do.TimerChosen(conversation.id, str(answer))),)


def _open_link(state: MainState, action: Action, t: Texts) -> Effects:
    """Ask which link, then whether: nothing of a link is opened without a yes to its host."""
    match action:
        case chat_actions.AskToOpenLink():
            message = meant(state.chat) if state.chat else None
            links = links_in(message.text or "") if message and not message.deleted else ()
            if len(links) == 1:
                return _open_link(state, chat_actions.LinkChosen(links[0].address), t)
            if not links:
                return (Notice(t("tui.no-link")),)
            answers = tuple((each.address, each.address) for each in links)
            which = {"question": t("tui.which-link"), "answers": answers}
            return (OpenScreen("choose", which, closed=chat_actions.LinkChosen),)
        case chat_actions.LinkChosen(address=address):
            host = next(each.host for each in links_in(address))
            lines = (t("chat.open-link-question"), f"{t('chat.link-host')} {host}", address, t("chat.link-hint"))
            # Serious: the keyboard begins at the button that opens nothing.
            ask = {"question": "\n\n".join(lines), "agree": t("chat.open-link"), "serious": True}
            return (OpenScreen("confirm", ask, closed=lambda _: chat_actions.LinkAgreed(address)),)
        case chat_actions.LinkAgreed(address=address):
            return (OpenLink(address=address),)
        case _:
            return ()


def _find(name: str) -> Call:
    return Call("conversations.get", {"conversation": name}, done=do.ShowNamed)


def _show_one(state: MainState, action: Action, account: AccountState) -> tuple[MainState, Effects]:
    message: str | None = None
    found: ConversationView | None
    match action:
        case do.Show(conversation=identifier):
            found, message = account.conversation(identifier), action.message
        case do.ShowNamed(conversation=view):
            found = view
        case do.ShowNext(by=by, unread_only=unread_only):
            current = state.chat.conversation if state.chat else None
            found = next_of(account, current, by, unread_only=unread_only)
        case _:
            # Where nobody has chosen one yet, it is the first.
            chosen = state.list if state.list.selected else move(state.list, account, 1)
            found = account.conversation(chosen.selected) if chosen.selected else None
    if found is None:
        return state, ()
    state, effects = _show(state, found)
    if message is not None:
        state, more = _in_chat(state, chat_actions.GoTo(message), account, ())
        effects = (*effects, *more)
    return state, effects


def _show(state: MainState, conversation: ConversationView) -> tuple[MainState, Effects]:
    state = replace(state, list=replace(state.list, selected=conversation.id), pane=Pane.COMPOSER)
    left: Effects = ()
    if state.chat is not None:
        if state.chat.conversation == conversation.id:
            return state, ()
        left = chat.leave_chat(state.chat)
        state = replace(state, drafts={**state.drafts, state.chat.conversation: state.chat.unsent})
    draft = state.drafts.get(conversation.id, conversation.draft)
    shown, effects = chat.open_chat(conversation, draft, watched=state.watched)
    return replace(state, chat=shown), (*left, *effects)


def _filter(state: MainState, words: str, account: AccountState) -> MainState:
    filtered = replace(state.list, words=words, selected=None)
    return replace(state, list=move(filtered, account, 1) if words else replace(filtered, selected=_shown_id(state)))


def _shown_id(state: MainState) -> str | None:
    return state.chat.conversation if state.chat else None


def _switch(state: MainState, action: Action, account: AccountState) -> Effects:
    conversation = account.conversation(state.list.selected) if state.list.selected else None
    if conversation is None:
        return ()
    match action:
        case do.SwitchMuted():
            method = "unmute" if conversation.muted else "mute"
        case do.SwitchUnread():
            return (mark(conversation),)
        case _:
            method = "unarchive" if conversation.archived else "archive"
    return (Call(f"conversations.{method}", {"conversation": conversation.id}),)


def _focus(state: MainState, pane: Pane) -> MainState:
    if state.chat is None and pane in {Pane.MESSAGES, Pane.COMPOSER}:
        return state
    return replace(state, pane=pane)


def _back(state: MainState) -> MainState:
    """Leave the innermost thing: the filter, what the chat has, the messages, the chat."""
    if state.pane is Pane.FILTER or (state.pane is Pane.LIST and state.list.words):
        return replace(state, pane=Pane.LIST, list=replace(state.list, words="", selected=_shown_id(state)))
    if state.chat is None:
        return state
    left = chat.escape(state.chat)
    if left != state.chat:
        return replace(state, chat=left)
    if state.pane is Pane.MESSAGES:
        return replace(state, pane=Pane.COMPOSER)
    return replace(state, pane=Pane.LIST)
