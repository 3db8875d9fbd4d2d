"""The files of a conversation, or of all: how far each is, and what can be done with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from balchat_texts import Texts
from textual.binding import Binding, BindingType

from balchat_host.api.ephemeral import FileProgress
from balchat_host.api.events import FileChanged, MessageAdded
from balchat_host.api.text import visible
from balchat_host.api.views import FileState, FileView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Heard, Told
from balchat_ui_tui.chat import words
from balchat_ui_tui.chat.gone import gone_message
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.effects import Call, Effects, Notice, OpenScreen
from balchat_ui_tui.files.jobs import ExportFile
from balchat_ui_tui.files.viewers import viewer_of
from balchat_ui_tui.jobs import path_in
from balchat_ui_tui.pages.actions import Pressed
from balchat_ui_tui.pages.listing import ListPage
from balchat_ui_tui.pages.page import is_back
from balchat_ui_tui.pages.rows import Row
from balchat_ui_tui.voice.levels import bars

_LIMIT: Final = 200
_BAR: Final = 16
_WIDEST_VOICE: Final = 24
_SECOND: Final = 1000
_COMES: Final = frozenset({FileState.OFFERED, FileState.PAUSED, FileState.GONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much of a file was done at two moments (Unix milliseconds)."""

    since: int
    from_: int
    at: int
    done: int

    @property
    def per_second(self) -> float:
        """Octets in a second, 0 where it is not known."""
        return (self.done - self.from_) * _SECOND / (self.at - self.since) if self.at - self.since >= _SECOND else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesState:
    """The files, None before they are read; how quick each goes; which are being written out, and how far.

    They are those of a conversation, or of a message in it, where one is named.
    """

    conversation: str | None = None
    message: str | None = None
    files: tuple[FileView, ...] | None = None
    paces: Mapping[str, Pace] = field(default_factory=dict[str, Pace])
    exports: Mapping[str, int] = field(default_factory=dict[str, int])
    now: int = 0


class FilesCame(Action, frozen=True):
    """The files came."""

    files: Sequence[FileView]


class FileCame(Action, frozen=True):
    """One file is different now; None where it was in no message."""

    file: FileView | None


class FolderTyped(Action, frozen=True):
    """The person said where a file goes."""

    file: str
    folder: str


class RemoveAgreed(Action, frozen=True):
    """The person wants a file removed here."""

    file: str


class Exporting(Action, frozen=True):
    """So much of a file is written out."""

    file: str
    done: int
    size: int


class Exported(Action, frozen=True):
    """A file is written out."""

    file: str
    path: Path


def update(  # noqa: C901  # a line or two for each action
    state: FilesState, action: Action, account: AccountState, t: Texts
) -> tuple[FilesState, Effects]:
    """Return the state after an action, and what is to be done."""
    if is_back(action, account):
        return state, (_read(state),)
    match action:
        case FilesCame(files=files):
            mine = (each for each in files if state.message is None or each.message == state.message)
            return replace(state, files=tuple(mine)), ()
        case Heard(event=FileChanged(file=file)) | FileCame(file=FileView() as file):
            changed = tuple(file if each.id == file.id else each for each in state.files or ())
            return replace(state, files=changed), ()
        case Heard(event=MessageAdded(message=message)) if message.files:
            return state, (_read(state),)
        case Heard(event=event) if (gone := gone_message(event)) is not None:
            return replace(state, files=_without(state.files, gone)), ()
        case Told(change=FileProgress() as progress):
            return _progressed(state, progress), ()
        case Exporting(file=file, done=done):
            return replace(state, exports={**state.exports, file: done}), ()
        case Exported(file=file, path=path):
            left = {name: done for name, done in state.exports.items() if name != file}
            return replace(state, exports=left), (Notice(t("tui.exported", path=visible(str(path)))),)
        case FolderTyped(file=file, folder=folder) if folder.strip():
            target = path_in(folder) or Path(folder.strip())
            done, going = partial(Exported, file), partial(Exporting, file)
            return state, (ExportFile(file=file, folder=target, progress=going, done=done),)
        case RemoveAgreed(file=file):
            return state, (Call("files.remove", {"file": file}, done=FileCame),)
        case Pressed(name=name, row=str(row)):
            file = next((each for each in state.files or () if each.id == row), None)
            return state, _pressed(file, name, t) if file else ()
        case _:
            return state, ()


def _without(files: tuple[FileView, ...] | None, gone: str) -> tuple[FileView, ...] | None:
    return None if files is None else tuple(each for each in files if each.message != gone)


def _read(state: FilesState) -> Call:
    return Call("files.list", {"conversation": state.conversation, "limit": _LIMIT}, done=FilesCame)


def _progressed(state: FilesState, progress: FileProgress) -> FilesState:
    # One of ours is all here while it leaves.
    ours = any(each.id == progress.file and each.ours for each in state.files or ())
    done, known = progress.there if ours else progress.here, state.paces.get(progress.file)
    if known is None or done < known.done:
        pace = Pace(since=state.now, from_=done, at=state.now, done=done)
    else:
        pace = replace(known, at=state.now, done=done)
    return replace(state, paces={**state.paces, progress.file: pace})


def _pressed(file: FileView, name: str, t: Texts) -> Effects:
    if name == "choose":
        name = _usual(file)
    match name:
        case "fetch" if not file.ours:
            return (Call("files.fetch", {"file": file.id}, done=FileCame),)
        case "pause":
            return (Call("files.pause", {"file": file.id}, done=FileCame),)
        case "save" if file.state is FileState.COMPLETE:
            ask = {"question": t("tui.which-folder", name=visible(file.name)), "agree": t("common.save")}
            return (OpenScreen("ask", ask | {"value": "~/"}, closed=partial(_folder, file.id)),)
        case "view" if (viewer := viewer_of(file)) is not None:
            return (viewer,)
        case "save" | "view":
            return (Notice(t("tui.no-viewer" if file.state is FileState.COMPLETE else "tui.file-not-here")),)
        case "remove" if file.ours or file.here or file.state is FileState.FETCHING:
            more = t("files.remove-ours" if file.ours else "files.remove-theirs")
            question = f"{t('files.remove-title', name=visible(file.name))} {more}"
            ask = {"question": question, "agree": t("common.remove"), "serious": True}
            return (OpenScreen("confirm", ask, closed=lambda _: RemoveAgreed(file.id)),)
        case _:
            return ()


def _usual(file: FileView) -> str:
    """Return what Enter does with a file."""
    if file.state is FileState.FETCHING:
        return "pause"
    if not file.ours and file.state in _COMES:
        return "fetch"
    return "view" if file.voice is not None else "save"


def _folder(file: str, folder: object) -> Action:
    return FolderTyped(file, str(folder))


def rows(state: FilesState, account: AccountState, t: Texts) -> Sequence[Row]:
    """Return a row for each file."""
    return [_row(each, state, account.progress.get(each.id), t) for each in state.files or ()]


def _row(file: FileView, state: FilesState, progress: FileProgress | None, t: Texts) -> Row:
    arrow = "↑" if file.ours else "↓"
    name = visible(file.name)
    if file.voice is not None:
        name = f"{t('voice.of', time=t.duration(file.voice.duration))} {bars(file.voice.levels, _WIDEST_VOICE)}"
    whose = t("tui.from-me") if file.ours else visible(file.author or "")
    return Row(
        id=file.id,
        text=f"{arrow} {name}",
        side=f"{t.size(file.size)} · {whose}",
        note=" · ".join(filter(None, _how_far(file, state, progress, t))),
    )


def _how_far(file: FileView, state: FilesState, progress: FileProgress | None, t: Texts) -> Sequence[str]:
    """Say how far a file is; all of it only once the other side has confirmed it."""
    if file.id in state.exports:
        return [t("tui.saving"), _bar(state.exports[file.id], file.size)]
    if file.ours:
        return _ours(file, state, progress, t)
    reason = _reason(file, progress, t)
    told = [t(f"states.file.{file.state}"), reason]
    if file.state in (FileState.FETCHING, FileState.PAUSED):
        here = progress.here if progress else file.here
        coming = file.state is FileState.FETCHING and not reason
        way = words.ways(t, progress.ways if progress else file.ways) if coming else ""
        told = [told[0], _bar(here, file.size), way, *(_pace(file, here, state, t) if coming else ()), reason]
    return told


def _ours(file: FileView, state: FilesState, progress: FileProgress | None, t: Texts) -> Sequence[str]:
    if file.state is not FileState.COMPLETE:
        return [t(f"states.file.{file.state}")]
    if file.recipients and file.received_by >= file.recipients:
        return [t("files.received")]
    if not file.recipients:
        return []
    reason = _reason(file, progress, t)
    there = max(progress.there if progress else 0, file.there)
    relayed = t("files.at-relay", size=t.size(file.at_relays)) if file.at_relays else ""
    if there:
        return [_bar(there, file.size), *(_pace(file, there, state, t) if not reason else ()), reason, relayed]
    return [t("files.waits"), reason, relayed]


def _reason(file: FileView, progress: FileProgress | None, t: Texts) -> str:
    """Say what keeps a file from coming or leaving; nothing where nothing does."""
    reason = (progress.hindered if progress else None) or file.reason
    return t.known("states.reason", reason) if reason else ""


def _bar(done: int, size: int) -> str:
    part = min(done / size, 1.0) if size else 1.0
    full = int(part * _BAR)
    return f"{'━' * full}{'─' * (_BAR - full)} {int(part * 100)} %"


def _pace(file: FileView, done: int, state: FilesState, t: Texts) -> Sequence[str]:
    pace = state.paces.get(file.id)
    if pace is None or pace.per_second < 1:
        return []
    left = t.span(int((file.size - done) / pace.per_second * _SECOND))
    return [t("files.pace", size=t.size(int(pace.per_second))), t("files.left", time=left)]


class FilesPage(ListPage[FilesState]):
    """The files."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "do('fetch')", id="files.fetch"),
        Binding("p", "do('pause')", id="files.pause"),
        Binding("s", "do('save')", id="files.save"),
        Binding("v", "do('view')", id="files.view"),
        Binding("x,delete", "do('remove')", id="files.remove"),
    ]

    def __init__(self, conversation: str | None = None, message: str | None = None) -> None:
        super().__init__(FilesState(conversation=conversation, message=message))

    def heading(self) -> str:
        """Return which files these are."""
        if self.state.message:
            return self.tui.t("files.of-message")
        return self.tui.t("files.of-conversation" if self.state.conversation else "files.all")

    def update_state(self, state: FilesState, action: Action, account: AccountState) -> tuple[FilesState, Effects]:
        """Take what happened."""
        return update(replace(state, now=milliseconds_now()), action, account, self.tui.t)

    def text(self) -> str:
        """Say that there are none."""
        return self.tui.t("files.none") if self.state.files == () else ""

    def rows(self) -> Sequence[Row]:
        """Return the files."""
        return rows(self.state, self.account, self.tui.t)
