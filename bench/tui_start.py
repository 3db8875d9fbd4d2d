"""One start of the terminal screen without a terminal, in a process of its own: `python -m bench.tui_start WHAT`.

It imports nothing before the program does. WHAT is `first`, to end when the first frame is drawn, or `conversations`,
to end when those of the account are on the screen.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import balchat_ui_tui
from balchat_texts import Texts
from balchat_ui_tui.app import BalchatTui
from balchat_ui_tui.settings import TuiSettings

if TYPE_CHECKING:
    from textual.screen import Screen

SIZE = (120, 40)
_LOOK = Path(balchat_ui_tui.__file__).with_name("balchat.tcss")


class _First(BalchatTui):
    CSS_PATH = _LOOK

    async def begin(self) -> None:
        self.exit(0)


class _Conversations(BalchatTui):
    CSS_PATH = _LOOK

    async def begin(self) -> None:
        await super().begin()
        self._look()

    def _look(self) -> None:
        if self.account.connected and "Contact" in _text(self.screen):
            self.exit(0)
        else:
            self.set_timer(0.005, self._look)


def _text(screen: Screen[Any]) -> str:
    strips = screen._compositor.render_strips()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # there is no other way to the rows
    return "\n".join(segment.text for strip in strips for segment in strip)


def main(what: str) -> None:
    """Start, and end."""
    if what == "first":
        app: BalchatTui = _First(cast("Any", None), TuiSettings(), Texts("en"))
    else:
        from tests.support.endless_account import Account, BenchProfiles  # noqa: PLC0415  # see above

        profiles = BenchProfiles(Account(30, 100))
        app = _Conversations(cast("Any", profiles), TuiSettings(), Texts("en"))
    app.run(headless=True, size=SIZE)
    if app.failure is not None:
        raise app.failure


if __name__ == "__main__":
    main(sys.argv[1])
