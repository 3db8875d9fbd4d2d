"""The settings: those that front ends may change can be changed here, of others it is said why not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from balchat_texts import Texts
from textual.binding import Binding, BindingType

from balchat_host.api.frontend import SettingView
from balchat_host.api.text import visible
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Failed
from balchat_ui_tui.effects import Call, Effects, Notice, OpenScreen
from balchat_ui_tui.jobs import SettingChanged
from balchat_ui_tui.pages.actions import Pressed
from balchat_ui_tui.pages.listing import ListPage
from balchat_ui_tui.pages.page import is_back
from balchat_ui_tui.pages.rows import Row, heading
from balchat_ui_tui.severity import Severity

_SECRETS = ("account.passphrase", "account.recovery-code", "account.backup")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsState:
    """The settings, None before they are read. `all`: those that cannot be changed here are shown, too."""

    settings: tuple[SettingView, ...] | None = None
    all: bool = False


class SettingsCame(Action, frozen=True):
    """The settings came."""

    settings: Sequence[SettingView]


class SettingCame(Action, frozen=True):
    """One setting has another value."""

    setting: SettingView


class ValueTyped(Action, frozen=True):
    """The person typed a value for a setting."""

    key: str
    value: str


def update(state: SettingsState, action: Action, account: AccountState, t: Texts) -> tuple[SettingsState, Effects]:
    """Return the state after an action, and what is to be done."""
    if is_back(action, account):
        return state, (Call("settings.list", done=SettingsCame),)
    match action:
        case SettingsCame(settings=settings):
            return replace(state, settings=tuple(settings)), ()
        case SettingCame(setting=setting):
            changed = tuple(setting if each.key == setting.key else each for each in state.settings or ())
            pending = (Notice(t("settings.after-restart")),) if setting.pending else ()
            return replace(state, settings=changed), (SettingChanged(key=setting.key, value=setting.value), *pending)
        case Pressed(name="all"):
            return replace(state, all=not state.all), ()
        case Pressed(name="choose", row=str(row)) if row in _SECRETS:
            return state, (OpenScreen(row),)
        case Pressed(name="choose", row=str(key)):
            return state, _choose(_known(state, key), t)
        case Pressed(name="reset", row=str(key)) if (known := _known(state, key)) and known.writable:
            return state, (Call("settings.reset", {"key": key}, done=SettingCame, failed=Failed),)
        case ValueTyped(key=key, value=typed):
            return state, _typed(_known(state, key), typed, t)
        case Failed(error=error):
            return state, (Notice(t.error(error), Severity.ERROR),)
        case _:
            return state, ()


def _known(state: SettingsState, key: str) -> SettingView | None:
    return next((each for each in state.settings or () if each.key == key), None)


def _set(key: str, value: object) -> Call:
    return Call("settings.set", {"key": key, "value": value}, done=SettingCame, failed=Failed)


def _choose(setting: SettingView | None, t: Texts) -> Effects:
    """Change a setting at once where it has two values, ask where it has more, say why it cannot be changed."""
    if setting is None:
        return ()
    if not setting.writable or setting.locked_by or setting.overridden_by:
        return (Notice(why_not(setting, t), Severity.WARNING),)
    told = _typed_for(setting.key)
    match setting.kind:
        case "boolean":
            return (_set(setting.key, not setting.value),)
        case "choice":
            answers = tuple((each, visible(each)) for each in setting.choices)
            ask = {"question": question(setting, t), "answers": answers, "chosen": str(setting.value)}
            return (OpenScreen("choose", ask, closed=told),)
        case "integer" | "number" | "text":
            ask = {"question": question(setting, t), "agree": t("common.save"), "value": str(setting.value)}
            return (OpenScreen("ask", ask, closed=told),)
        case _:
            return (Notice(t("settings.by-hand", key=setting.key), Severity.WARNING),)


def _typed_for(key: str) -> Callable[[object], Action]:
    return lambda typed: ValueTyped(key, str(typed))


def _typed(setting: SettingView | None, typed: str, t: Texts) -> Effects:
    if setting is None:
        return ()
    if setting.kind not in {"integer", "number"}:
        return (_set(setting.key, typed),)
    try:
        value = int(typed) if setting.kind == "integer" else float(typed)
    except ValueError:
        return (Notice(t("settings.no-number", allowed=setting.allowed), Severity.ERROR),)
    return (_set(setting.key, value),)


def question(setting: SettingView, t: Texts) -> str:
    """Say what a setting is for, and what it takes."""
    said = f"{setting.key}\n\n{visible(setting.doc)}" if setting.doc else setting.key
    allowed = t("settings.allowed", allowed=visible(setting.allowed)) if setting.kind != "choice" else ""
    return f"{said}\n{allowed}" if allowed else said


def why_not(setting: SettingView, t: Texts) -> str:
    """Say why a setting cannot be changed here."""
    if setting.locked_by:
        return t("tui.setting-locked", key=setting.key, file=visible(setting.locked_by))
    if setting.overridden_by:
        return t("tui.setting-overridden", key=setting.key, by=visible(setting.overridden_by))
    return t("settings.by-hand", key=setting.key)


def shown_value(setting: SettingView, t: Texts) -> str:
    """Say what value a setting has."""
    if isinstance(setting.value, bool):
        return t("settings.on" if setting.value else "settings.off")
    if isinstance(setting.value, list | tuple):
        values: Sequence[object] = setting.value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # a list of what TOML has
        return visible(", ".join(map(str, values))) or "–"  # pyright: ignore[reportUnknownArgumentType]  # see above
    return visible(str(setting.value)) if setting.value not in ("", None) else "–"


def rows(state: SettingsState, t: Texts) -> Sequence[Row]:
    """Return what can be changed of the account, and the settings by their tables."""
    found = [
        heading(t("settings.account")),
        Row(id="account.passphrase", text=t("settings.passphrase")),
        Row(id="account.recovery-code", text=t("settings.recovery-code")),
        Row(id="account.backup", text=t("tui.backup")),
    ]
    table = ""
    for setting in state.settings or ():
        free = setting.writable and not setting.locked_by and not setting.overridden_by
        if not (free or state.all or setting.locked_by):
            continue
        of, _, name = setting.key.rpartition(".")
        if of != table:
            table = of
            found.append(heading(table))
        found.append(_row(setting, name, t, free=free))
    return found


def _row(setting: SettingView, name: str, t: Texts, *, free: bool) -> Row:
    marks = [
        t("settings.locked-mark") if setting.locked_by else "",
        t("settings.overridden-mark") if setting.overridden_by else "",
        t("settings.pending-mark") if setting.pending else "",
    ]
    return Row(
        id=setting.key,
        text=name,
        side=" · ".join(filter(None, [shown_value(setting, t), *marks])),
        side_style="$text-warning" if setting.pending else "$text-primary" if free else "dim",
        note=visible(setting.doc),
    )


class SettingsPage(ListPage[SettingsState]):
    """The settings."""

    HEADING = "settings.heading"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "do('reset')", id="settings.reset"),
        Binding("v", "do('all')", id="settings.all"),
    ]

    def __init__(self) -> None:
        super().__init__(SettingsState())

    def update_state(
        self, state: SettingsState, action: Action, account: AccountState
    ) -> tuple[SettingsState, Effects]:
        """Take a choice."""
        return update(state, action, account, self.tui.t)

    def rows(self) -> Sequence[Row]:
        """Return the settings."""
        return rows(self.state, self.tui.t)
