"""Play a voice message: pause, go back and on, three speeds.

OpenScreen("voice.play", {"file": FileView})
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Final

from balchat_texts import Texts
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from balchat_host.api.errors import BalchatError
from balchat_host.api.sound import SPEEDS
from balchat_host.api.views import FileView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.chat import words
from balchat_ui_tui.effects import CloseScreen, Effects
from balchat_ui_tui.pages.actions import Opened, Pressed
from balchat_ui_tui.pages.page import Page
from balchat_ui_tui.voice.jobs import ForgetSound, Play, StopSound
from balchat_ui_tui.voice.levels import bars

_STEP: Final = 5
"""Seconds that an arrow goes back or on."""
_SECOND: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerState:
    """What is played, at which second, how fast. `turn` counts how often playing began."""

    file: FileView
    at: float = 0
    speed: float = 1.0
    playing: bool = False
    turn: int = 0
    problem: str | None = None

    @property
    def seconds(self) -> float:
        """How long it is, as its sender says."""
        return self.file.voice.duration / _SECOND if self.file.voice else 0


class Played(Action, frozen=True):
    """It is at this second."""

    turn: int
    seconds: float


class Ended(Action, frozen=True):
    """It is not played any more; `whole` where it came to its end."""

    turn: int
    whole: bool


class NotPlayed(Action, frozen=True):
    """It cannot be played."""

    turn: int
    error: BalchatError


def update(  # noqa: C901  # a line or two for each action
    state: PlayerState, action: Action, t: Texts
) -> tuple[PlayerState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Opened():
            return _play(state)
        case Pressed(name="play") if state.playing:
            return replace(state, playing=False), (StopSound(),)
        case Pressed(name="play"):
            return _play(state)
        case Pressed(name="stop"):
            return replace(state, playing=False), (StopSound(),)
        case Pressed(name="back"):
            return _go(replace(state, at=max(0, state.at - _STEP)))
        case Pressed(name="on"):
            return _go(replace(state, at=min(state.seconds, state.at + _STEP)))
        case Pressed(name="faster"):
            return _go(replace(state, speed=SPEEDS[(SPEEDS.index(state.speed) + 1) % len(SPEEDS)]))
        case Played(turn=turn, seconds=seconds) if turn == state.turn and state.playing:
            return replace(state, at=seconds), ()
        case Ended(turn=turn, whole=whole) if turn == state.turn:
            return replace(state, playing=False, at=0 if whole else state.at), ()
        case NotPlayed(turn=turn, error=error) if turn == state.turn:
            return replace(state, playing=False, problem=t.error(error)), ()
        case Pressed(name="leave"):
            return state, (ForgetSound(), CloseScreen())
        case _:
            return state, ()


def _go(state: PlayerState) -> tuple[PlayerState, Effects]:
    return _play(state) if state.playing else (state, ())


def _play(state: PlayerState) -> tuple[PlayerState, Effects]:
    turn = state.turn + 1
    play = Play(
        file=state.file.id,
        begin=state.at,
        speed=state.speed,
        progress=partial(Played, turn),
        done=partial(Ended, turn),
        failed=partial(NotPlayed, turn),
    )
    return replace(state, playing=True, turn=turn, problem=None), (play,)


class VoicePlayer(Page[PlayerState]):
    """Plays a voice message."""

    HEADING = "voice.note"
    DEFAULT_CSS = """
    VoicePlayer Static { height: auto; }
    VoicePlayer .voice-problem { color: $text-error; margin: 1 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "do('play')", id="voice.play"),
        Binding("left", "do('back')", id="voice.back"),
        Binding("right", "do('on')", id="voice.on"),
        Binding("s", "do('faster')", id="voice.faster"),
    ]

    def __init__(self, file: FileView) -> None:
        super().__init__(PlayerState(file=file))

    def heading(self) -> str:
        """Return whose it is."""
        author = None if self.state.file.ours else self.state.file.author
        return f"{self.tui.t('voice.note')} · {words.author(self.tui.t, author)}"

    def update_state(self, state: PlayerState, action: Action, account: AccountState) -> tuple[PlayerState, Effects]:
        """Take what happened."""
        del account
        return update(state, action, self.tui.t)

    def action_close_page(self) -> None:
        """Leave, and play no more."""
        self.dispatch(Pressed("leave"))

    def on_screen_suspend(self) -> None:
        """Be quiet while another screen shows, or a locked one."""
        self.dispatch(Pressed("stop"))

    def compose_body(self) -> Iterable[Widget]:
        """Put time and levels together."""
        yield Static(classes="voice-time", markup=False)
        yield Static(classes="voice-levels", markup=False)
        yield Static(classes="voice-problem", markup=False)

    def draw(self, before: PlayerState | None) -> None:
        """Show where it is."""
        del before
        state, t = self.state, self.tui.t
        at, whole = (t.duration(int(each) * _SECOND) for each in (state.at, state.seconds))
        sign = "▶" if state.playing else "‖"
        self.query_one(".voice-time", Static).update(Content(f"{sign} {at} / {whole}  {state.speed:g}×"))
        levels = bars(state.file.voice.levels if state.file.voice else (), max(8, self.size.width - 6))
        done = round(len(levels) * state.at / state.seconds) if state.seconds else 0
        shown = Content.assemble((levels[:done], "$text-accent"), (levels[done:], "dim"))
        self.query_one(".voice-levels", Static).update(shown)
        problem = self.query_one(".voice-problem", Static)
        problem.display = state.problem is not None
        problem.update(Content(state.problem or ""))
