"""What every command has around it: the options that all share, the session, and help with examples.

`command` registers a function whose first parameter is a `Run`; the shared options are added to the function's own,
so that each command is written once, without them.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from os import environ
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import Profile, Profiles
from balchat_host.api.storage import SlotKind
from balchat_ui_cli.free_text import NoSuchOption, options_first
from balchat_ui_cli.output import Output
from balchat_ui_cli.passphrases import SecretSource
from balchat_ui_cli.session import Key, Session

P = ParamSpec("P")
R = TypeVar("R")

PATIENCE_VARIABLE = "BALCHAT_LOCK_TIMEOUT"
PROFILE_HELP = "The account, by name or by directory (with a slash)."
JSON_HELP = "One JSON value a line, for programs."

MAX_FD = 2**31 - 1
"""The greatest number that a file descriptor can have."""

_SHARED: dict[str, Any] = {
    "profile": Annotated[str | None, typer.Option(metavar="NAME|DIR", help=PROFILE_HELP)],
    "json": Annotated[bool, typer.Option("--json", help=JSON_HELP)],
}
_UNLOCKING: dict[str, Any] = {
    "passphrase_fd": Annotated[
        int | None, typer.Option(metavar="N", min=0, max=MAX_FD, help="Read the passphrase's line from descriptor N.")
    ],
    "passphrase_file": Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read it from a file that others cannot write.")
    ],
    "recovery_code": Annotated[
        bool, typer.Option("--recovery-code", help="The secret is the recovery code, not the passphrase.")
    ],
}
PANELS = (ACCOUNT, RUNNING, PEOPLE, MESSAGES, MACHINE) = ("Account", "Running", "People", "Messages", "Machine")
"""The headings under which help lists the commands, in this order."""

SHARED_NAMES = frozenset({*_SHARED, *_UNLOCKING})
_DEFAULTS: dict[str, object] = {"json": False, "recovery_code": False}


@dataclass(frozen=True, slots=True)
class Choices:
    """What the program was started with, and what was said before the command's name."""

    profiles: Profiles
    arguments: Sequence[str]
    profile: str | None = None
    json: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one command.

    `chosen_profile` is what the person called the profile, if anything; `arguments` is the whole command line.
    """

    profiles: Profiles
    profile: Profile
    session: Session
    out: Output
    chosen_profile: str | None
    arguments: Sequence[str]


def command(
    group: typer.Typer, name: str, *, examples: Sequence[str], panel: str | None = None, unlocks: bool = False
) -> Callable[[Callable[Concatenate[Run, P], R]], Callable[Concatenate[Run, P], R]]:
    """Register a command. `unlocks`: it may have to open the vault. What it returns is its exit code, None for 0."""

    def register(function: Callable[Concatenate[Run, P], R]) -> Callable[Concatenate[Run, P], R]:
        shared = _SHARED | (_UNLOCKING if unlocks else {})

        @wraps(function)
        def call(ctx: typer.Context, **values: Any) -> Any:
            given = {name: values.pop(name) for name in shared}
            function_of_run: Callable[..., Any] = function
            return function_of_run(_run(ctx, given), **values)

        own = list(inspect.signature(function).parameters.values())[1:]
        added = [
            inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS.get(option), annotation=kind)
            for option, kind in shared.items()
        ]
        context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        parameters = [context, *own, *added]
        call.__dict__["__signature__"] = inspect.Signature(parameters)
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        group.command(name, cls=Command, epilog="\n".join(examples), rich_help_panel=panel)(call)
        return function

    return register


def _run(ctx: typer.Context, given: dict[str, Any]) -> Run:
    choices: Choices = ctx.obj
    chosen = given["profile"] or choices.profile or None
    out = Output(as_json=given["json"] or choices.json, environment=environ)
    profile = choices.profiles.profile(chosen)
    return Run(
        profiles=choices.profiles,
        profile=profile,
        session=Session(profile, _key(given, out), out, _patience()),
        out=out,
        chosen_profile=chosen,
        arguments=choices.arguments,
    )


def _patience() -> float:
    """Return how many seconds to wait for another command that has the vault open."""
    text = environ.get(PATIENCE_VARIABLE) or "20"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise BadInput(what=PATIENCE_VARIABLE, problem=f"it is {text!r}; it must be a number of seconds, 0 or more")
    return seconds


def _key(given: dict[str, Any], out: Output) -> Key:
    descriptor, file = given.get("passphrase_fd"), given.get("passphrase_file")
    if descriptor is not None and file is not None:
        raise BadInput(what="--passphrase-fd and --passphrase-file", problem="give one of them")
    name, slot = "Passphrase", SlotKind.PASSPHRASE
    if given.get("recovery_code"):
        name, slot = "Recovery code", SlotKind.RECOVERY_CODE
    return Key(SecretSource(name, descriptor, file, warn=out.warn), slot)


class Command(TyperCommand):
    """A command whose help tells its own options from the shared ones, and ends with examples."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        parameters = self.get_params(ctx)
        arguments = [parameter for parameter in parameters if parameter.param_type_name == "argument"]
        # Completion asks about half a line, and a command that takes no argument has no use for text.
        if arguments and not ctx.resilient_parsing:
            options = {
                name: parameter
                for parameter in parameters
                if parameter.param_type_name == "option"
                for name in (*parameter.opts, *parameter.secondary_opts)
            }
            try:
                args = options_first(args, options, len(arguments))
            except NoSuchOption as error:
                ctx.fail(str(error))
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], "Shared options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if parameter.param_type_name == "argument":
                sections["Arguments"].append((str(getattr(parameter, "metavar", None)), record[1]))
            elif parameter.name in SHARED_NAMES or parameter.name == "help":
                sections["Shared options"].append(record)
            else:
                sections["Options"].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # the signature is typer's
        """Write the examples, a line each, as they are."""
        with formatter.section("Examples"):
            for example in (self.epilog or "").splitlines():
                formatter.write(f"  {example}\n")


class Overview(TyperGroup):
    """A group whose help lists its commands under the panels that they were registered with."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # the signature is typer's
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in PANELS}
        width = max(map(len, self.commands))
        for name, listed in self.commands.items():
            if not listed.hidden:
                panel = getattr(listed, "rich_help_panel", None)
                title = panel if isinstance(panel, str) else "Commands"
                record = (name.ljust(width), listed.get_short_help_str(limit=100))
                panels.setdefault(title, []).append(record)
        for title, records in panels.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def new_group(*, completion: bool = False) -> typer.Typer:
    """Make a group of commands, which without a command shows its help."""
    group = typer.Typer(
        cls=Overview,
        add_completion=completion,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        invoke_without_command=True,
    )
    group.callback()(show_help)
    return group


def show_help(ctx: typer.Context) -> None:
    """Show a group's help when no command follows."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
