"""Commands about plugins: what is installed, and for those who write one."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from balchat_host.api.errors import PluginError
from balchat_host.api.frontend import PluginDetails, PluginKind, PluginView
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible
from balchat_ui_cli.commands.machine import check_lines
from balchat_ui_cli.frame import MACHINE, Run, command, new_group
from balchat_ui_cli.output import Line
from balchat_ui_cli.text import columns


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    plugins = new_group()
    command(plugins, "list", examples=["balchat plugins list"])(list_plugins)
    command(plugins, "show", examples=["balchat plugins show network_tor"])(show_plugin)
    examples = ["balchat plugins accept ui_bell", "balchat plugins accept ui_bell transport_pigeon"]
    command(plugins, "accept", examples=examples)(accept_plugins)
    examples = ["balchat plugins check .", "balchat plugins check transport_tor_direct --json"]
    command(plugins, "check", examples=examples)(check_plugin)
    examples = ["balchat plugins new front-end bell", "balchat plugins new transport pigeon --dir ~/src"]
    command(plugins, "new", examples=examples)(new_plugin)
    app.add_typer(plugins, name="plugins", help="Show what is installed, and write plugins.", rich_help_panel=MACHINE)


def list_plugins(run: Run) -> None:
    """Show every plugin that is installed or configured; broken ones with the reason."""
    plugins = run.profile.plugins()
    run.out.values(plugins, lambda: _plugin_lines(plugins))


def _plugin_lines(plugins: Sequence[PluginView]) -> Iterable[Line]:
    rows = columns(
        [[visible(view.name), visible(view.kind or "–"), visible(_plugin_state(view)), ""] for view in plugins]
    )
    for view, (name, kind, state, _) in zip(plugins, rows, strict=True):
        style = (
            Style.BAD if view.problem else Style.WARN if view.changed else Style.GOOD if view.enabled else Style.FAINT
        )
        made_by = f"  {view.distribution} {view.version}"
        yield [Span(name, Style.STRONG), f"  {kind}  ", Span(state, style), Span(made_by, Style.FAINT)]


def _plugin_state(view: PluginView) -> str:
    if view.problem:
        return f"broken: {view.problem}"
    if view.changed:
        return f"enabled, but {view.changed}"
    return "enabled" if view.enabled else "installed, not enabled"


def show_plugin(run: Run, name: Annotated[str, typer.Argument(metavar="NAME", help="The plugin.")]) -> None:
    """Show everything about one plugin: who made it, what it may see and do, its files, and whether they changed."""
    details = run.profile.plugin(name)
    run.out.value(details, lambda: _whole(details))


def _whole(details: PluginDetails) -> Iterable[Line]:
    view = details.plugin
    # Only a plugin's code can tell these, and that of one that is not enabled is not run.
    untold = "could not be read" if view.enabled else "not enabled"
    version = untold if view.api_version is None else str(view.api_version)
    yield [Span(view.name, Style.STRONG), f"  {view.summary}"]
    for label, value in (
        ("kind", view.kind or untold),
        ("state", _plugin_state(view)),
        ("made by", f"{view.distribution} {view.version}"),
        ("for API", version),
        *(("uses" if first else "", use) for first, use in _first(details.uses)),
        *(("files" if first else "", file) for first, file in _first(details.files)),
    ):
        yield [Span(f"  {label:<8}  ", Style.FAINT), value]


def _first(values: Sequence[str]) -> Iterable[tuple[bool, str]]:
    return ((number == 0, value) for number, value in enumerate(values))


def accept_plugins(
    run: Run,
    names: Annotated[list[str], typer.Argument(metavar="NAMES", help="One plugin or more.", show_default=False)],
) -> None:
    """Say that enabled plugins are as you want them: remember their versions and their files as they are now."""
    for name in dict.fromkeys(names):
        run.profile.accept_plugin(name)
        accepted = f"{name} is remembered as it is now."
        run.out.value({"accepted": name}, partial(list, [[accepted]]), done=accepted)


def new_plugin(
    run: Run,
    kind: Annotated[PluginKind, typer.Argument(metavar="KIND", help="What it is, such as front-end.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What you call it: a to z, 0 to 9, _ and -.")],
    parent: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where its folder is made.", show_default=False)
    ] = Path(),
) -> None:
    """Make a plugin to begin with: a whole distribution, whose tests pass.

    KIND is transport, front-end, network, storage, crypto or relay-store.
    """
    folder = run.profiles.new_plugin(kind, name, parent)
    made = f"{folder} is there. Its README.md says how to try it."
    run.out.value({"folder": str(folder)}, lambda: [[made]], done=made)


def check_plugin(
    run: Run,
    plugin: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="An installed plugin, or its source.")],
) -> int:
    """Try a plugin apart from every account: import it, run its tests, let two accounts talk with it.

    Settings that it needs are given with --set. It takes a minute or so.
    """
    well = True
    for check in run.profiles.check_plugin(plugin):
        well = well and check.problem is None
        run.out.values([check], partial(check_lines, [check]))
    return 0 if well else PluginError.exit_code
