"""Acts on what a member said to the people in a conversation: a message, another version, a deletion, a reaction."""

from balchat_host.core.content import reactions
from balchat_host.core.emoji import is_emoji
from balchat_host.core.messages import adding, deletion, versions
from balchat_host.core.messages.reactions import MAX_AT_ONCE, react
from balchat_host.core.messages.said import Said
from balchat_host.core.unit_of_work import UnitOfWork


def act(unit: UnitOfWork, said: Said) -> None:
    """Act on something, ours or others'. What came before changes nothing."""
    mimi = said.mimi
    if mimi.deletes:
        deletion.take_back(unit, said)
    elif mimi.replaces is not None:
        versions.put(unit, said)
    elif emojis := _emojis(said):
        react(unit, said, emojis)
    else:
        adding.add(unit, said)


def _emojis(said: Said) -> list[str]:
    """Return what somebody reacts with. Where it is no emoji, it is shown as the reply that it is, too."""
    found = reactions(said.mimi.part) if said.mimi.in_reply_to is not None else None
    if found is None or not 0 < len(found) <= MAX_AT_ONCE or not all(map(is_emoji, found)):
        return []
    return list(dict.fromkeys(found))
