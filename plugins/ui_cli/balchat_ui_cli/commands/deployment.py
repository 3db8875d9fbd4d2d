"""Commands for whoever deploys balchat for others."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from balchat_common.words import one_line

from balchat_host.api.errors import ConfigurationError
from balchat_host.api.frontend import DeploymentView
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible
from balchat_ui_cli.commands.settings import setting_line
from balchat_ui_cli.frame import MACHINE, Run, command, new_group
from balchat_ui_cli.output import Line
from balchat_ui_cli.text import columns


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    deployment = new_group()
    examples = ["balchat deployment check /etc/balchat/balchat.toml", "balchat deployment check new.toml --json"]
    command(deployment, "check", examples=examples)(check_deployment)
    app.add_typer(deployment, name="deployment", help="Check a file that fixes a deployment.", rich_help_panel=MACHINE)


def check_deployment(
    run: Run, file: Annotated[Path, typer.Argument(metavar="FILE", help="A configuration file.")]
) -> int:
    """Say whether a file works as the system file of this machine, and show all that would hold."""
    found = run.profiles.check_deployment(file)
    run.out.value(found, lambda: _lines(found))
    return ConfigurationError.exit_code if found.problems else 0


def _lines(found: DeploymentView) -> Iterable[Line]:
    works_as = "" if found.works_as in {None, found.policy} else f", which works as {found.works_as}"
    yield [Span("policy   ", Style.FAINT), f"{found.policy}{works_as}"]
    yield [Span("locked   ", Style.FAINT), one_line(found.locks)]
    rows = columns([[visible(view.name), visible(view.kind or "–"), ""] for view in found.plugins])
    for view, (name, kind, _) in zip(found.plugins, rows, strict=True):
        state = Span("cannot be used", Style.BAD) if view.problem else Span("there", Style.GOOD)
        made_by = f"  {view.distribution} {view.version}" if view.distribution else ""
        yield [Span("plugin   ", Style.FAINT), Span(name, Style.STRONG), f"  {kind}  ", state, made_by]
    for setting in found.settings:
        yield [Span("setting  ", Style.FAINT), *setting_line(setting)]
    for problem in found.problems:
        yield [Span("!!       ", Style.BAD), problem]
    if not found.problems:
        yield [Span("ok       ", Style.GOOD), f"{found.file} can be used."]
