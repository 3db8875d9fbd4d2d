"""What is known of the account, whichever screen is shown: a frozen state and its update.

The list of conversations is read once and then kept by the events. An event that may be in the list already, since it
came between the two, has its conversation read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from balchat_host.api.ephemeral import (
    ContactPresence,
    ConversationAttended,
    Ephemeral,
    FileProgress,
    PresentState,
)
from balchat_host.api.events import (
    ContactChanged,
    ContactRemoved,
    ConversationChanged,
    Event,
    MessageAdded,
    MessageChanged,
    MessageRemoved,
)
from balchat_host.api.views import ContactView, ConversationView, MessageState, MessageView, ServiceStatus
from balchat_ui_tui.actions import AccountRead, Action, ConnectionChanged, ConversationCame, Heard, StatusCame, Told
from balchat_ui_tui.connection_state import Connection, Phase
from balchat_ui_tui.effects import Call, Effects


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """The account as this front end knows it.

    `conversations` are in the order in which they are shown. `settled`: events up to this cursor may be in them
    already. `reachable` and `failing` have peer ids, `attended` ids of conversations that front ends show.
    """

    connection: Connection = field(default_factory=Connection)
    conversations: tuple[ConversationView, ...] = ()
    capabilities: frozenset[str] = frozenset()
    status: ServiceStatus | None = None
    reachable: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset()
    attended: frozenset[str] = frozenset()
    progress: Mapping[str, FileProgress] = field(default_factory=dict[str, FileProgress])
    settled: int = 0

    def conversation(self, identifier: str) -> ConversationView | None:
        """Return a conversation by its id, None where there is none."""
        return next((each for each in self.conversations if each.id == identifier), None)

    @property
    def connected(self) -> bool:
        """Whether the account can be asked now."""
        return self.connection.phase is Phase.UP

    @property
    def unread(self) -> int:
        """How many conversations have something unread and are not muted."""
        return sum(each.unread > 0 and not each.muted for each in self.conversations)


def update(account: AccountState, action: Action) -> tuple[AccountState, Effects]:
    """Return the account after an action, and what is to be done."""
    match action:
        case AccountRead():
            read = replace(
                account,
                conversations=action.conversations,
                capabilities=action.capabilities,
                settled=action.cursor,
            )
            return read, ()
        case ConnectionChanged(connection=connection):
            changed = replace(account, connection=connection)
            if connection.phase is not Phase.UP:  # nobody knows who is there
                changed = replace(changed, reachable=frozenset(), failing=frozenset(), status=None, progress={})
            return changed, ()
        case StatusCame(status=status):
            return replace(account, status=status), ()
        case Told(change=change):
            return _told(account, change), ()
        case ConversationCame(conversation=conversation):
            return _put(account, conversation, to_front=False), ()
        case Heard(event=event):
            return _heard(account, event)
        case _:
            return account, ()


def _told(account: AccountState, change: Ephemeral) -> AccountState:
    match change:
        case PresentState():
            return replace(
                account,
                reachable=frozenset(change.reachable),
                failing=frozenset(change.failing),
                attended=frozenset(change.attended),
            )
        case ContactPresence(peer_id=peer):
            return replace(
                account,
                reachable=_with(account.reachable, peer, among=change.reachable),
                failing=_with(account.failing, peer, among=change.failing),
            )
        case ConversationAttended():
            return replace(account, attended=_with(account.attended, change.conversation, among=change.attended))
        case FileProgress():
            return replace(account, progress={**account.progress, change.file: change})
        case _:
            return account


def _with(names: frozenset[str], name: str, *, among: bool) -> frozenset[str]:
    return names | {name} if among else names - {name}


def _heard(account: AccountState, event: Event) -> tuple[AccountState, Effects]:
    match event:
        case MessageAdded(message=message):
            known = account.conversation(message.conversation)
            if known is None or event.cursor <= account.settled:
                return account, (_read(message.conversation),)
            return _put(account, _with_message(known, message), to_front=True), ()
        case MessageChanged(message=message):
            known = account.conversation(message.conversation)
            if known is None or known.last_message is None or known.last_message.id != message.id:
                return account, ()
            return _put(account, replace(known, last_message=message), to_front=False), ()
        case MessageRemoved(conversation=conversation):
            return account, (_read(conversation),)
        case ConversationChanged(conversation=conversation):
            return _put(account, conversation, to_front=False), ()
        case ContactChanged(contact=contact):
            return _with_contact(account, contact)
        case ContactRemoved(conversation=conversation):
            left = tuple(each for each in account.conversations if each.id != conversation)
            return replace(account, conversations=left), ()
        case _:
            return account, ()


def _read(conversation: str) -> Call:
    return Call("conversations.get", {"conversation": conversation}, done=ConversationCame, failed=_gone)


def _gone(error: object) -> Action:
    """Take no notice: what is not there any more has an event of its own."""
    del error
    return Action()


def _with_message(known: ConversationView, message: MessageView) -> ConversationView:
    """Return a conversation with a new message, as the account counts it."""
    ours = message.state is not MessageState.RECEIVED
    changed = replace(known, last_message=message, archived=known.archived and known.muted and not ours)
    if ours or message.timer:
        return replace(changed, draft="" if ours and known.draft == message.text else known.draft)
    return replace(
        changed,
        unread=known.unread + 1,
        first_unread=known.first_unread or message.id,
        mentions=known.mentions + message.mentions_us,
    )


def _with_contact(account: AccountState, contact: ContactView) -> tuple[AccountState, Effects]:
    known = account.conversation(contact.conversation)
    if known is None or known.contact is None:
        return account, (_read(contact.conversation),)
    now = replace(contact, reachable=contact.peer_id in account.reachable, unread=known.unread)
    return _put(account, replace(known, contact=now, title=now.name), to_front=False), ()


def _put(account: AccountState, conversation: ConversationView, *, to_front: bool) -> AccountState:
    """Put a conversation in place of what was known of it; a new one comes first."""
    known = account.conversations
    if to_front or all(each.id != conversation.id for each in known):
        others = tuple(each for each in known if each.id != conversation.id)
        return replace(account, conversations=(conversation, *others))
    put = tuple(conversation if each.id == conversation.id else each for each in known)
    return replace(account, conversations=put)
