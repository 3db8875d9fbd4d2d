"""All that is known of a message: a screen of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from balchat_texts import Texts

from balchat_host.api.errors import BalchatError
from balchat_host.api.events import MessageChanged, MessageRemoved
from balchat_host.api.text import visible, visible_lines
from balchat_host.api.views import MessageInfoView, ReceiptView, WayView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Heard
from balchat_ui_tui.asking.actions import Leave, Point, Step, Take
from balchat_ui_tui.asking.picker import Picker
from balchat_ui_tui.chat import words
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.drawing.cells import fill, fit, wrap
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row
from balchat_ui_tui.effects import Call, CloseScreen, Effects, ShowError

_LABEL = 14
_NARROW = 50
_LONGEST_VERSION = 2000
"""Cells of a former text that are shown: of each, one sees what it was about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoState:
    """Which message it is, and what is known of it. `place` is the row to which the view was scrolled."""

    message: str
    info: MessageInfoView | None = None
    place: int = 0


class InfoWanted(Action, frozen=True):
    """Ask for it."""


class InfoCame(Action, frozen=True):
    """It came."""

    info: MessageInfoView


class InfoFailed(Action, frozen=True):
    """It cannot be had."""

    error: BalchatError


def update(state: InfoState, action: Action, rows: int) -> tuple[InfoState, Effects]:
    """Return the state after an action, and what is to be done. `rows` is how many there are."""
    match action:
        case InfoWanted():
            return state, (_ask(state),)
        case Heard(event=MessageChanged(message=message)) if message.id == state.message:
            return state, (_ask(state),)
        case Heard(event=MessageRemoved(id=gone)) if gone == state.message:
            return state, (CloseScreen(),)
        case InfoCame(info=info):
            return replace(state, info=info), ()
        case InfoFailed(error=error):
            return state, (ShowError(error), CloseScreen())
        case Step(by=by):
            return replace(state, place=min(max(0, state.place + by), max(0, rows - 1))), ()
        case Leave() | Take() | Point():
            return state, (CloseScreen(),)
        case _:
            return state, ()


def _ask(state: InfoState) -> Call:
    return Call("messages.info", {"message": state.message}, done=InfoCame, failed=InfoFailed)


class MessageInfo(Picker[InfoState]):
    """All that is known of a message."""

    HAS_FIELD = False

    def __init__(self, message: str) -> None:
        super().__init__(InfoState(message=message))

    def on_mount(self) -> None:
        """Ask for it."""
        self.dispatch(InfoWanted())

    def update_state(self, state: InfoState, action: Action, account: AccountState) -> tuple[InfoState, Effects]:
        del account
        return update(state, action, len(self.choices(max(20, self.size.width - 6))))

    @property
    def heading(self) -> str:
        return self.tui.t("chat.info")

    @property
    def hints(self) -> str:
        return self.tui.t("tui.hints-info")

    @property
    def place(self) -> int:
        return self.state.place

    def choices(self, cells: int) -> Sequence[Sequence[Row]]:
        if self.state.info is None:
            return []
        return [[row] for row in info_rows(self.tui.t, self.state.info, cells, milliseconds_now())]


def info_rows(t: Texts, info: MessageInfoView, cells: int, now: int) -> Iterator[Row]:
    """Return all that is known of a message, as rows of labels and what they say."""
    for label, said in _facts(t, info, now):
        first = label
        room = cells if cells < _NARROW else cells - _LABEL
        if cells < _NARROW:
            yield [Piece(label, Ink.FAINT)]
            first = ""
        for line in visible_lines(said):
            for row in wrap(line, max(4, room)):
                yield [Piece(row)] if cells < _NARROW else [Piece(fill(first, _LABEL), Ink.FAINT), Piece(row)]
                first = ""


def _facts(t: Texts, info: MessageInfoView, now: int) -> Iterator[tuple[str, str]]:
    message = info.message
    yield t("chat.info-author"), words.author(t, message.author)
    yield t("chat.info-written"), t.moment(message.sent_at, now)
    if info.received_at is not None:
        way = f", {_way(t, info.way)}" if info.way else ""
        yield t("chat.info-received"), f"{t.moment(info.received_at, now)}{way}"
    if expiry := words.expiry(t, message, now):
        yield t("chat.info-expires"), expiry
    for receipt in info.receipts:
        yield t("chat.info-receipts"), _receipt(t, receipt, now)
    for reaction in info.reactions:
        said = f"{visible(reaction.emoji)} {words.author(t, reaction.name)}, {t.moment(reaction.sent_at, now)}"
        yield t("chat.info-reactions"), said
    for change in info.changes:
        reached = "; ".join(_receipt(t, receipt, now) for receipt in change.receipts)
        what = f"{visible(change.emoji)} " if change.emoji else ""
        yield t(f"tui.change-{change.kind.value}"), f"{what}{t.moment(change.made_at, now)}. {reached}"
    if len(info.versions) > 1:
        for version in info.versions:
            yield (
                t("chat.info-versions"),
                f"{t.moment(version.sent_at, now)}\n{fit(version.text or '', _LONGEST_VERSION)}",
            )


def _receipt(t: Texts, receipt: ReceiptView, now: int) -> str:
    state = t.known("states.message", receipt.state.value)
    reason = f": {words.refusal_words(t, receipt.reason)}" if receipt.reason else ""
    way = f", {_way(t, receipt.way)}" if receipt.way else ""
    return f"{visible(receipt.name)}: {state}, {t.moment(receipt.at, now)}{way}{reason}"


def _way(t: Texts, way: WayView) -> str:
    if way.direct:
        return t("chat.way-direct")
    return t("chat.way-by-relay", relay=visible(way.relay)) if way.relay else t("chat.way-relay")
