"""Commands about settings: what the configuration says, and what of it can be changed from here."""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Annotated, TypeVar

import anyio
import typer
from balchat_common.toml_files import value_of

from balchat_host.api.frontend import Settings, SettingView
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible
from balchat_ui_cli.frame import MACHINE, Run, command, new_group
from balchat_ui_cli.output import Line
from balchat_ui_cli.session import one_error

T = TypeVar("T")

Key = Annotated[str, typer.Argument(metavar="KEY", help="Its name, as `settings list` shows it.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    settings = new_group()
    examples = ["balchat settings list", "balchat settings list --json"]
    command(settings, "list", examples=examples)(list_settings)
    command(settings, "get", examples=["balchat settings get delivery.policy"])(get)
    examples = ["balchat settings set delivery.read_receipts false", "balchat settings set delivery.policy direct-only"]
    command(settings, "set", examples=examples)(set_value)
    command(settings, "reset", examples=["balchat settings reset delivery.read_receipts"])(reset)
    app.add_typer(settings, name="settings", help="Show settings, and change some.", rich_help_panel=MACHINE)


def list_settings(run: Run) -> None:
    """Show every setting with its value, and who says so. Those with a * can be changed with `settings set`."""
    views = _ask(run, lambda settings: settings.list())
    run.out.values(views, lambda: (setting_line(view) for view in views))


def get(run: Run, key: Key) -> None:
    """Show everything about one setting."""
    view = _ask(run, lambda settings: settings.get(key))
    run.out.value(view, lambda: _whole(view))


def set_value(
    run: Run,
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The value, as in TOML; a text needs no quotes.")],
) -> None:
    """Change a setting, in the configuration file of the profile."""
    change(run, key, value_of(value))


def change(run: Run, key: str, value: object, *, effect: str = "") -> None:
    """Change a setting, and show it, or say what its `effect` is."""
    _show_changed(run, _ask(run, lambda settings: settings.set(key, value)), effect)


def reset(run: Run, key: Key) -> None:
    """Take a setting out of the configuration file of the profile."""
    _show_changed(run, _ask(run, lambda settings: settings.reset(key)))


def _ask(run: Run, call: Callable[[Settings], Awaitable[T]]) -> T:
    """Ask the running account, or else the profile. Raise NoSuchProfile, and what the call raises."""
    answer = run.session.try_running(lambda app: call(app.settings))
    if answer is not None:
        return answer[0]

    async def ask() -> T:
        return await call(run.profile.settings)

    with one_error():
        return anyio.run(ask)


def _show_changed(run: Run, view: SettingView, effect: str = "") -> None:
    holds = view.overridden_by is None and not view.pending
    shown = [effect] if effect and holds else setting_line(view)
    run.out.value(view, lambda: [shown], done=f"{view.key} is {_spelt(view.value)} now.")
    if view.overridden_by is not None:
        run.out.hint([f"It is written, and does not hold: {view.overridden_by} says otherwise."])
    elif view.pending:
        run.out.hint(["It holds once balchat is started again: `balchat down`, then `balchat up`."])


def setting_line(view: SettingView) -> Line:
    """Return a setting as a person reads it, in one line."""
    mark = "* " if view.writable and view.locked_by is None else "  "
    return [mark, Span(view.key, Style.STRONG), f" = {_spelt(view.value)}  ", Span(_origin(view), Style.FAINT)]


def _whole(view: SettingView) -> Iterable[Line]:
    yield setting_line(view)
    if view.doc:
        yield [f"    {view.doc}"]
    rows = [("default", _spelt(view.default)), ("allowed", view.allowed), ("changes", _changes(view))]
    for label, value in rows:
        yield [Span(f"    {label:<9}", Style.FAINT), visible(value)]


def _changes(view: SettingView) -> str:
    if view.locked_by is not None:
        return f"fixed by {view.locked_by}"
    if not view.writable:
        return "only in the configuration file, by hand"
    return "with `balchat settings set`; " + ("they hold at once" if view.at_once else "they hold after a restart")


def _origin(view: SettingView) -> str:
    said: Sequence[str] = (
        view.source,
        *(() if view.locked_by is None else (f"locked by {view.locked_by}",)),
        *(("not in use before a restart",) if view.pending else ()),
    )
    return ", ".join(said)


def _spelt(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
