"""The state of the list of conversations, and what happens to it."""

from dataclasses import dataclass, replace

from balchat_host.api.views import ConversationView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.finding import has_words, wanted_words


@dataclass(frozen=True, slots=True, kw_only=True)
class ListState:
    """The list: what its names are filtered by, which one is selected, and whether those put away are shown."""

    words: str = ""
    selected: str | None = None
    archived: bool = False


def shown(state: ListState, account: AccountState) -> tuple[ConversationView, ...]:
    """Return the conversations that the list shows. Whoever looks for a name finds those put away, too."""
    if state.words:
        wanted = wanted_words(state.words)
        return tuple(each for each in account.conversations if has_words(each.title, wanted))
    return tuple(each for each in account.conversations if each.archived == state.archived)


def move(state: ListState, account: AccountState, by: int) -> ListState:
    """Select a conversation further up or down in the list; it ends at its ends."""
    there = shown(state, account)
    if not there:
        return replace(state, selected=None)
    place = next((number for number, each in enumerate(there) if each.id == state.selected), None)
    if place is None:
        return replace(state, selected=there[0 if by > 0 else -1].id)
    return replace(state, selected=there[min(max(0, place + by), len(there) - 1)].id)


def next_of(
    account: AccountState, current: str | None, by: int, *, unread_only: bool = False
) -> ConversationView | None:
    """Return the conversation before or after another one that is not put away; the list goes round."""
    there = [each for each in account.conversations if not each.archived or each.id == current]
    place = next((number for number, each in enumerate(there) if each.id == current), -1 if by > 0 else 0)
    for step in range(1, len(there) + 1):
        found = there[(place + step * by) % len(there)]
        if not unread_only or (found.unread and found.id != current):
            return found
    return None
