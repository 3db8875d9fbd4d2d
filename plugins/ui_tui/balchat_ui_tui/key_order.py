"""Keys in their order: each one is dealt with to its end before the next.

Textual gives a letter to the widget with the keyboard at once, but runs what a key is bound to only when the key has
bubbled up to the program. Whoever types fast, or whose keys come in bursts over a slow line, would see letters overtake
Backspace, and a text land in another field or conversation than the one it was meant for.

So a message, `Dealt`, follows each key on its way from the widget up to the program. What a widget posts while it deals
with a key (that the text has changed, that something was chosen) goes the same way behind the first of these, and what
that leads to behind the second: that is why there are rounds. Until the last one is over, what is typed waits here.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from textual import events
from textual.message import Message

if TYPE_CHECKING:
    from balchat_ui_tui.app import BalchatTui

Typed = events.Key | events.Paste

_ROUNDS: Final = 3
_LONGEST: Final = 1.0
"""Seconds after which a message is given up: the widget that had it is gone."""


class Dealt(Message):
    """Everything before it on its way is dealt with."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class KeyOrder:
    """Holds what is typed while what was typed before is not dealt with. `take` deals with one of them."""

    def __init__(self, tui: "BalchatTui", take: Callable[[events.Event], Awaitable[None]]) -> None:
        self._tui = tui
        self._take = take
        self._waiting: deque[Typed] = deque()
        self._number = 0
        self._rounds = 0
        """How many rounds are left: none where nothing is going on."""
        self._given_up: asyncio.TimerHandle | None = None
        self._begun = False

    async def begin(self) -> None:
        """Deal with what was typed before, and from now on with everything at once."""
        self._begun = True
        await self._next()

    async def typed(self, event: Typed) -> None:
        """Take a key or a paste, now or in its turn."""
        self._waiting.append(event)
        if self._begun and not self._rounds:
            await self._next()

    async def dealt(self, dealt: Dealt) -> None:
        """Go on after a round."""
        # One that was given up may still come, after the round that it belonged to.
        if self._rounds and dealt.number == self._number:
            self._rounds -= 1
            await self._next()

    async def _next(self) -> None:
        if self._rounds:
            self._send()
        elif self._waiting and self._tui.session.draw_now():
            # A field is filled, emptied, or given the keyboard, when its screen is drawn.
            self._rounds = _ROUNDS - 1
            self._send()
        elif self._waiting:
            self._rounds = _ROUNDS
            await self._take(self._waiting.popleft())
            self._send()

    def _send(self) -> None:
        self._number += 1
        if self._given_up is not None:
            self._given_up.cancel()
        number = self._number
        self._given_up = asyncio.get_running_loop().call_later(_LONGEST, self._give_up, number)
        target = self._tui.focused or self._tui.screen
        target.post_message(Dealt(number))

    def _give_up(self, number: int) -> None:
        if number == self._number and self._rounds:
            self._tui.post_message(Dealt(number))
