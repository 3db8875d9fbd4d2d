"""What is about to be sent: files are handed to the account one by one, and shown with what was taken out of them.

    OpenScreen("files.attach", {"conversation": id, "paths": ("/home/ada/tides.txt",)})

Rules
-----
- A file is handed over as soon as it is named, so that what is sent is what was seen: its size, and what was removed.
- A picture that cannot be cleaned is not sent by accident: it is offered again, as it is.
- What is taken away again is removed from the account, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from balchat_texts import Texts
from textual import events
from textual.binding import Binding, BindingType

from balchat_host.api.errors import BalchatError, PicturesMissing, PictureUnreadable
from balchat_host.api.frontend import MAX_FILES
from balchat_host.api.text import visible
from balchat_host.api.views import FileView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Failed
from balchat_ui_tui.effects import Call, CloseScreen, Effects, OpenScreen
from balchat_ui_tui.files.jobs import AttachFile
from balchat_ui_tui.jobs import path_in
from balchat_ui_tui.pages.actions import Pressed
from balchat_ui_tui.pages.listing import ListPage
from balchat_ui_tui.pages.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """One file: where it lies, and how far it is. `file` is the account's, once all of it is there."""

    number: int
    path: Path
    as_is: bool = False
    done: int = 0
    size: int = 0
    file: FileView | None = None
    error: BalchatError | None = None

    @property
    def name(self) -> str:
        """Its name, harmless."""
        return visible(self.path.name)

    @property
    def could_go_as_it_is(self) -> bool:
        """Whether it failed for a reason that does not hold where it is sent as it is."""
        return isinstance(self.error, PicturesMissing | PictureUnreadable) and not self.as_is


Staged = tuple[StagedFile, ...]


def ready(staged: Staged) -> Sequence[str] | None:
    """Return the ids of the files, None where one is not ready, or failed: then nothing is sent."""
    files = [each.file for each in staged]
    return [file.id for file in files if file] if all(files) else None


def with_file(staged: Staged, changed: StagedFile) -> Staged:
    """Return what is staged with another state of one; what was taken away meanwhile stays away."""
    return tuple(changed if each.number == changed.number else each for each in staged)


def next_number(staged: Staged) -> int:
    """Return a number that none has."""
    return max((each.number for each in staged), default=0) + 1


def line(each: StagedFile, t: Texts) -> str:
    """Say in a line what is staged, how far it is, and what was removed."""
    if each.error is not None:
        return f"✗ {each.name} · {t.error(each.error)}"
    if each.file is None:
        percent = each.done * 100 // each.size if each.size else 0
        return f"◌ {each.name} · {t('files.preparing')} {percent} %"
    return f"▪ {each.name} · {t.size(each.file.size)}{_removed(each.file, t)}"


def _removed(file: FileView, t: Texts) -> str:
    if file.metadata_removed:
        what = ", ".join(t.known("states.metadata", each) for each in file.metadata_removed)
        return f" · {t('files.removed', what=what)}"
    return f" · {t('files.may-hold-metadata')}" if file.may_hold_metadata else ""


def started(staged: Staged, path: Path, *, as_is: bool = False) -> tuple[Staged, StagedFile | None]:
    """Return what is staged with one file more, and that one; None where there are enough."""
    if len(staged) >= MAX_FILES:
        return staged, None
    file = StagedFile(number=next_number(staged), path=path, as_is=as_is)
    return (*staged, file), file


def as_it_is(staged: Staged, number: int) -> tuple[Staged, StagedFile | None]:
    """Return what is staged with a file that is tried again as it is, and that one."""
    found = next((each for each in staged if each.number == number and each.could_go_as_it_is), None)
    if found is None:
        return staged, None
    again = replace(found, as_is=True, error=None, done=0)
    return with_file(staged, again), again


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingState:
    """What goes with the message, and its text. `waiting`: it is being sent."""

    conversation: str
    staged: Staged = ()
    text: str = ""
    waiting: bool = False
    problem: str | None = None


class PathTyped(Action, frozen=True):
    """The person named a file."""

    path: str


class TextTyped(Action, frozen=True):
    """The person wrote something to go with the files."""

    text: str


class Progressed(Action, frozen=True):
    """So much of a file is handed over."""

    number: int
    done: int
    size: int


class HandedOver(Action, frozen=True):
    """All of a file is with the account."""

    number: int
    file: FileView


class NotHandedOver(Action, frozen=True):
    """A file could not be handed over."""

    number: int
    error: BalchatError


class Sent(Action, frozen=True):
    """The message is durable."""

    message: object


def update(  # noqa: C901, PLR0912  # a line or two for each action
    state: StagingState, action: Action, t: Texts
) -> tuple[StagingState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case PathTyped(path=typed):
            return _add(state, typed, t)
        case TextTyped(text=text):
            return replace(state, text=text), ()
        case Progressed(number=number, done=done, size=size):
            return _changed(state, number, done=done, size=size), ()
        case HandedOver(number=number, file=file) if any(each.number == number for each in state.staged):
            return _changed(state, number, file=file), ()
        case HandedOver(file=file):  # it was taken away meanwhile
            return state, (Call("files.remove", {"file": file.id}),)
        case NotHandedOver(number=number, error=error):
            return _changed(state, number, error=error), ()
        case Pressed(name="add"):
            ask = {"question": t("tui.which-file"), "agree": t("common.add")}
            return state, (OpenScreen("ask", ask, closed=lambda typed: PathTyped(str(typed))),)
        case Pressed(name="text"):
            ask = {"question": t("tui.text-with-files"), "agree": t("common.ok"), "value": state.text}
            return state, (OpenScreen("ask", ask, closed=lambda typed: TextTyped(str(typed))),)
        case Pressed(name="as-is" | "choose" as name, row=str(row)):
            staged, again = as_it_is(state.staged, int(row))
            if again is None and name == "choose":
                return update(state, Pressed("send"), t)
            return replace(state, staged=staged), (_hand_over(again),) if again else ()
        case Pressed(name="away", row=str(row)):
            return _take_away(state, int(row))
        case Pressed(name="send") if not state.waiting:
            return _send(state, t)
        case Sent():
            return replace(state, staged=(), waiting=False), (CloseScreen(),)
        case Failed(error=error):
            return replace(state, waiting=False, problem=t.error(error)), ()
        case Pressed(name="leave"):
            gone = tuple(Call("files.remove", {"file": each.file.id}) for each in state.staged if each.file)
            return replace(state, staged=()), (*gone, CloseScreen())
        case _:
            return state, ()


def _add(state: StagingState, typed: str, t: Texts) -> tuple[StagingState, Effects]:
    path = path_in(typed) or (Path(typed.strip()) if typed.strip() else None)
    if path is None:
        return state, ()
    staged, file = started(state.staged, path)
    if file is None:
        return replace(state, problem=t("tui.too-many-files", count=MAX_FILES)), ()
    return replace(state, staged=staged, problem=None), (_hand_over(file),)


def _hand_over(file: StagedFile) -> AttachFile:
    number = file.number
    return AttachFile(
        path=file.path,
        as_is=file.as_is,
        progress=partial(Progressed, number),
        done=partial(HandedOver, number),
        failed=partial(NotHandedOver, number),
    )


def _changed(state: StagingState, number: int, **changes: Any) -> StagingState:
    changed = tuple(replace(each, **changes) if each.number == number else each for each in state.staged)
    return replace(state, staged=changed)


def _take_away(state: StagingState, number: int) -> tuple[StagingState, Effects]:
    gone = [each for each in state.staged if each.number == number]
    left = tuple(each for each in state.staged if each.number != number)
    files = tuple(Call("files.remove", {"file": each.file.id}) for each in gone if each.file)
    return replace(state, staged=left, problem=None), files


def _send(state: StagingState, t: Texts) -> tuple[StagingState, Effects]:
    if not state.staged:
        return state, ()
    files = ready(state.staged)
    if not files:
        return replace(state, problem=t("tui.not-ready")), ()
    message = {"conversation": state.conversation, "text": state.text, "files": files}
    return replace(state, waiting=True, problem=None), (Call("messages.send", message, done=Sent, failed=Failed),)


def rows(state: StagingState, t: Texts) -> Sequence[Row]:
    """Return a row for each file."""
    return [
        Row(
            id=str(each.number),
            text=line(each, t),
            style="$text-error" if each.error else "",
            note=t("tui.as-it-is") if each.could_go_as_it_is else visible(str(each.path.parent)),
        )
        for each in state.staged
    ]


class StagingPage(ListPage[StagingState]):
    """What is about to be sent."""

    HEADING = "files.staging"
    WITHOUT_ROW = frozenset({"add", "text"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "do('add')", id="staging.add"),
        Binding("t", "do('text')", id="staging.text"),
        Binding("s", "do('send')", id="staging.send"),
        Binding("x,delete", "do('away')", id="staging.away"),
        Binding("o", "do('as-is')", id="staging.as-is"),
    ]

    def __init__(self, conversation: str, paths: Sequence[str] = ()) -> None:
        super().__init__(StagingState(conversation=conversation))
        self._paths = paths

    def on_mount(self) -> None:
        """Hand over what was named already; ask for a file where nothing was."""
        for path in self._paths:
            self.dispatch(PathTyped(path))
        if not self._paths:
            self.dispatch(Pressed("add"))

    def on_paste(self, event: events.Paste) -> None:
        """Take each path that is pasted or dropped here."""
        event.stop()
        for path in event.text.split("\n", MAX_FILES)[:MAX_FILES]:
            self.dispatch(PathTyped(path))

    def action_close_page(self) -> None:
        """Leave: what is not sent is removed from the account."""
        self.dispatch(Pressed("leave"))

    def update_state(self, state: StagingState, action: Action, account: AccountState) -> tuple[StagingState, Effects]:
        """Take what happened."""
        del account
        return update(state, action, self.tui.t)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to send something as it is only where that helps."""
        if parameters == ("as-is",) and not any(each.could_go_as_it_is for each in self.state.staged):
            return False
        return super().check_action(action, parameters)

    def text(self) -> str:
        """Say what goes with the files, what is wrong, or what to do."""
        state, t = self.state, self.tui.t
        if state.waiting:
            return t("common.moment")
        return state.problem or (f"“{visible(state.text)}”" if state.text else t("tui.staging-text"))

    def rows(self) -> Sequence[Row]:
        """Return the files."""
        return rows(self.state, self.tui.t)
