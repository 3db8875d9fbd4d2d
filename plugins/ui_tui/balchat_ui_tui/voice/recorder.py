"""Record a voice message, listen to it, and send it.

    OpenScreen("voice.record", {"conversation": id})

Rules
-----
- Nothing that was said is lost: at the limit, where the microphone goes away, when another screen comes on top or the
  message cannot be sent, what was recorded stays until it is sent, or thrown away after a question.
- A person is warned before the limit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import ClassVar, Final

from balchat_texts import Texts
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from balchat_host.api.errors import BalchatError
from balchat_host.api.sound import LONGEST, WARNED_AT
from balchat_host.api.views import FileView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import Call, CloseScreen, Effect, Effects, OpenScreen
from balchat_ui_tui.pages.actions import Opened, Pressed
from balchat_ui_tui.pages.page import Page
from balchat_ui_tui.voice.jobs import AttachRecording, ForgetSound, Play, Record, StopSound
from balchat_ui_tui.voice.levels import bars

_SHOWN: Final = 600
"""How many levels are kept to be shown: those of a minute."""
_SECOND: Final = 1000


class Stage(Enum):
    """How far a voice message is."""

    RECORDING = auto()
    RECORDED = auto()
    SENDING = auto()
    NOTHING = auto()
    """Nothing could be recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderState:
    """How far it is, how long, how loud lately. `file` is the account's, once it has it; `leaving`: Esc was pressed."""

    conversation: str
    stage: Stage = Stage.RECORDING
    seconds: float = 0
    levels: tuple[int, ...] = ()
    playing: bool = False
    played: float = 0
    file: str | None = None
    leaving: bool = False
    problem: str | None = None


class SoFar(Action, frozen=True):
    """So many seconds are recorded, the last of it so loud."""

    seconds: float
    level: int


class RecordingEnded(Action, frozen=True):
    """It was stopped, or is as long as can be."""

    answer: object = None


class RecordingFailed(Action, frozen=True):
    """It cannot be recorded, or no further."""

    error: BalchatError


class Played(Action, frozen=True):
    """So many seconds of it were played."""

    seconds: float


class PlayingEnded(Action, frozen=True):
    """It is not played any more."""

    answer: object = None


class Attached(Action, frozen=True):
    """The account has it."""

    file: FileView


class Sent(Action, frozen=True):
    """The message is durable."""

    message: object


class NotDone(Action, frozen=True):
    """It could not be played, or sent."""

    error: BalchatError


class DiscardAgreed(Action, frozen=True):
    """The person wants it thrown away."""


def update(  # noqa: C901, PLR0912  # a line or two for each action
    state: RecorderState, action: Action, t: Texts
) -> tuple[RecorderState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Opened():
            return state, (Record(progress=SoFar, done=RecordingEnded, failed=RecordingFailed),)
        case SoFar(seconds=seconds, level=level) if state.stage is Stage.RECORDING:
            return replace(state, seconds=seconds, levels=(*state.levels, level)[-_SHOWN:]), ()
        case RecordingEnded():
            return _recorded(state, t)
        case RecordingFailed(error=error):
            return _recorded(replace(state, problem=t.error(error)), t)
        case Pressed(name="end"):
            return state, (StopSound(),) if state.stage is Stage.RECORDING else ()
        case Pressed(name="go-on"):
            return _go_on(state)
        case Pressed(name="listen") if state.stage is Stage.RECORDED:
            return _listen(state)
        case Played(seconds=seconds):
            return replace(state, played=seconds), ()
        case PlayingEnded():
            return replace(state, playing=False), ()
        case Attached(file=file):
            return replace(state, file=file.id), (_send(state, file.id),)
        case Sent():
            return state, (ForgetSound(), CloseScreen())
        case NotDone(error=error):
            stage = Stage.RECORDED if state.stage is Stage.SENDING else state.stage
            return replace(state, stage=stage, playing=False, problem=t.error(error)), ()
        case Pressed(name="leave"):
            return _leave(state, t)
        case DiscardAgreed():
            return state, _throw_away(state)
        case _:
            return state, ()


def _recorded(state: RecorderState, t: Texts) -> tuple[RecorderState, Effects]:
    stage = Stage.RECORDED if state.seconds else Stage.NOTHING
    ended = replace(state, stage=stage, leaving=False)
    return _leave(ended, t) if state.leaving else (ended, ())


def _go_on(state: RecorderState) -> tuple[RecorderState, Effects]:
    match state.stage:
        case Stage.RECORDING:
            return state, (StopSound(),)
        case Stage.RECORDED:
            effect: Effect = _send(state, state.file) if state.file else AttachRecording(done=Attached, failed=NotDone)
            return replace(state, stage=Stage.SENDING, playing=False, problem=None), (StopSound(), effect)
        case Stage.SENDING:
            return state, ()
        case Stage.NOTHING:
            return state, _throw_away(state)


def _send(state: RecorderState, file: str) -> Call:
    message = {"conversation": state.conversation, "text": "", "files": [file]}
    return Call("messages.send", message, done=Sent, failed=NotDone)


def _listen(state: RecorderState) -> tuple[RecorderState, Effects]:
    if state.playing:
        return replace(state, playing=False), (StopSound(),)
    play = Play(progress=Played, done=PlayingEnded, failed=NotDone)
    return replace(state, playing=True, played=0, problem=None), (play,)


def _leave(state: RecorderState, t: Texts) -> tuple[RecorderState, Effects]:
    match state.stage:
        case Stage.RECORDING:
            return replace(state, leaving=True), (StopSound(),)
        case Stage.NOTHING:
            return state, _throw_away(state)
        case Stage.SENDING:
            return state, ()
        case Stage.RECORDED:
            ask = {"question": t("tui.voice-discard-sure"), "agree": t("voice.discard"), "serious": True}
            return state, (OpenScreen("confirm", ask, closed=lambda _: DiscardAgreed()),)


def _throw_away(state: RecorderState) -> Effects:
    gone = (Call("files.remove", {"file": state.file}),) if state.file else ()
    return (*gone, ForgetSound(), CloseScreen())


def said(state: RecorderState, t: Texts) -> str:
    """Say how far it is, and what can be done."""
    match state.stage:
        case Stage.RECORDING if state.seconds >= LONGEST - WARNED_AT:
            return t("voice.nearly-full", time=t.duration(max(0, int(LONGEST - state.seconds)) * _SECOND))
        case Stage.RECORDING:
            return t("voice.recording")
        case Stage.RECORDED if state.seconds >= LONGEST:
            return t("voice.full")
        case Stage.RECORDED:
            return t("tui.voice-recorded")
        case Stage.SENDING:
            return t("common.moment")
        case Stage.NOTHING:
            return ""


class VoiceRecorder(Page[RecorderState]):
    """Records a voice message."""

    HEADING = "voice.record"
    DEFAULT_CSS = """
    VoiceRecorder Static { height: auto; }
    VoiceRecorder .voice-said { margin: 1 0; }
    VoiceRecorder .voice-problem { color: $text-error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "do('go-on')", id="voice.go-on"),
        Binding("space", "do('listen')", id="voice.listen"),
    ]

    def __init__(self, conversation: str) -> None:
        super().__init__(RecorderState(conversation=conversation))

    def update_state(
        self, state: RecorderState, action: Action, account: AccountState
    ) -> tuple[RecorderState, Effects]:
        """Take what happened."""
        del account
        return update(state, action, self.tui.t)

    def action_close_page(self) -> None:
        """Leave: after a question, where something was recorded."""
        self.dispatch(Pressed("leave"))

    def on_screen_suspend(self) -> None:
        """Record nobody who looks at another screen, or at a locked one."""
        self.dispatch(Pressed("end"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a key does something now."""
        if parameters == ("listen",):
            return self.state.stage is Stage.RECORDED
        return super().check_action(action, parameters)

    def compose_body(self) -> Iterable[Widget]:
        """Put time, levels and words together."""
        yield Static(classes="voice-time", markup=False)
        yield Static(classes="voice-levels", markup=False)
        yield Static(classes="voice-said", markup=False)
        yield Static(classes="voice-problem", markup=False)

    def draw(self, before: RecorderState | None) -> None:
        """Show how far it is."""
        del before
        state, t = self.state, self.tui.t
        longest = t.duration(LONGEST * _SECOND)
        recorded = t.duration(int(state.seconds) * _SECOND)
        if state.playing:
            time = Content(f"▶ {t.duration(int(state.played) * _SECOND)} / {recorded}")
        elif state.stage is Stage.RECORDING:
            time = Content.assemble(("● ", "bold $text-error"), f"{recorded} / {longest}")
        else:
            time = Content(recorded if state.seconds else "")
        self.refresh_bindings()
        for name in ("time", "levels", "said"):  # a low window has no room for what is empty
            self.query_one(f".voice-{name}").display = state.stage is not Stage.NOTHING
        self.query_one(".voice-time", Static).update(time)
        room = max(8, self.size.width - 6)
        shown = state.levels[-room:] if state.stage is Stage.RECORDING else state.levels
        self.query_one(".voice-levels", Static).update(Content.styled(bars(shown, room), "$text-accent"))
        self.query_one(".voice-said", Static).update(Content(said(state, t)))
        problem = self.query_one(".voice-problem", Static)
        problem.display = state.problem is not None
        problem.update(Content(state.problem or ""))
