"""How alarms are said: what was seen, what it may mean, and what to do about it."""

from collections.abc import Iterable
from typing import Final

from balchat_host.api.views import AlarmKind, ContactInfoView

SUSPICION: Final = "somebody else may hold your keys"
_SEEN: Final = {
    AlarmKind.FOREIGN_ERA: "keys were renewed with {name} in your name, and not here",
    AlarmKind.FOREIGN_MESSAGE: "{name} has something in your name that was not written here",
    AlarmKind.SET_UP_AGAIN: "the conversation with {name} could not go on, and is set up again",
}


def alarm_words(kind: AlarmKind, name: str) -> str:
    """Say what was seen, and what it may mean."""
    seen = _SEEN[kind].format(name=name)
    return f"{seen}: {SUSPICION}" if kind.is_serious else seen


def advice(known: ContactInfoView) -> Iterable[str]:
    """Say what to do about the alarms about a contact, if there are any that are serious."""
    if not any(alarm.kind.is_serious for alarm in known.alarms):
        return
    name = known.contact.name
    yield f"Ask {name} over another channel what came in your name: {name}'s balchat may also be wrong, or lie."
    yield f"`balchat contacts renew {name}` shuts out whoever once copied your vault. If this comes again after that,"
    yield "they still read along: look after this machine, and make a new account on another one."
