"""How long the messages of a conversation stay after they are read: the question, and its answers in words."""

from collections.abc import Callable
from typing import Final

from balchat_texts import Texts

from balchat_host.api.views import ConversationView
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import OpenScreen

_HOUR: Final = 3600
_CHOICES: Final = (None, 300, _HOUR, 8 * _HOUR, 86_400, 604_800, 4 * 604_800)
_NEVER: Final = "none"


def timer_question(conversation: ConversationView, t: Texts, closed: Callable[[object], Action]) -> OpenScreen:
    """Return the question for a conversation; `seconds_of` reads what is chosen."""
    now = conversation.expire_after
    seconds = _CHOICES if now in _CHOICES else (*_CHOICES, now)
    answers = tuple((_NEVER if each is None else str(each), timer_words(each, t)) for each in seconds)
    chosen = _NEVER if now is None else str(now)
    return OpenScreen("choose", {"question": t("people.timer-question"), "answers": answers, "chosen": chosen}, closed)


def seconds_of(answer: str) -> int | None:
    """Return how many seconds were chosen, None for ever."""
    return None if answer == _NEVER else int(answer)


def timer_words(seconds: int | None, t: Texts) -> str:
    """Say how long messages stay after they are read."""
    return t("people.timer-off") if seconds is None else t.span(seconds * 1000)
