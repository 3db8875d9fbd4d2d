"""What every command has around it: the options that all share, the session, and help with examples.

`command` registers a function whose first parameter is a `Run`; the shared options are added to the function's own,
so that each command is written once, without them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer
from balchat_common import commands
from balchat_common.commands import with_options
from typer.core import TyperCommand

from balchat_host.api.errors import BadInput, NoSuchProgram
from balchat_host.api.frontend import Profile, Profiles
from balchat_host.api.storage import SlotKind
from balchat_host.api.text import visible
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


@dataclass(frozen=True, slots=True)
class Choices:
    """What the program was started with, and what was said before the command's name."""

    profiles: Profiles
    profile: str | None = None
    json: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one command."""

    profiles: Profiles
    profile: Profile
    session: Session
    out: Output

    def warn_if_not_running(self, what: str) -> None:
        """Say that something happens only once balchat runs, where the last call found none that runs."""
        if not self.session.connected:
            self.out.warn("not-running", f"balchat is not running: {what} once `balchat up` runs.")


def command(
    group: typer.Typer, name: str, *, examples: Sequence[str], panel: str | None = None, unlocks: bool = False
) -> Callable[[Callable[Concatenate[Run, P], R]], Callable[Concatenate[Run, P], R]]:
    """Register a command. `unlocks`: it may have to open the vault. What it returns is its exit code, None for 0."""

    def register(function: Callable[Concatenate[Run, P], R]) -> Callable[Concatenate[Run, P], R]:
        options = _SHARED | (_UNLOCKING if unlocks else {})
        call = with_options(function, options, _run)
        group.command(name, cls=Command, epilog="\n".join(examples), rich_help_panel=panel)(call)
        return function

    return register


def _run(ctx: typer.Context, given: dict[str, Any]) -> Run:
    choices: Choices = ctx.obj
    chosen = given["profile"] or choices.profile or None
    out = Output(as_json=given["json"] or choices.json, profile=chosen, environment=environ)
    profile = choices.profiles.profile(chosen)
    return Run(
        profiles=choices.profiles,
        profile=profile,
        session=Session(profile, _key(given, out), out, _patience()),
        out=out,
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


class Command(commands.Command):
    """A command among whose options text may stand."""

    shared = frozenset({*_SHARED, *_UNLOCKING})

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


class Overview(commands.Overview):
    """A group whose commands stand under our panels."""

    panels = PANELS


class Root(Overview):
    """The program itself: a command that it does not have may be the program of another front end."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException as unknown:
            return args[0], _OtherProgram(args[0], unknown), args[1:]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        super().format_commands(ctx, formatter)
        choices: Choices = ctx.find_root().obj
        if programs := choices.profiles.programs():
            width = max(map(len, self.commands))
            with formatter.section("Other front ends"):
                formatter.write_dl([(each.name.ljust(width), visible(each.summary)) for each in programs])


class _OtherProgram(TyperCommand):
    """What another front end does with the rest of the line. `unknown` is what is wrong where there is none."""

    def __init__(self, name: str, unknown: typer.TyperException) -> None:
        super().__init__(name=name, add_help_option=False)
        self._program = name
        self._unknown = unknown

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.args = args
        return args

    def invoke(self, ctx: Any) -> int:
        choices: Choices = ctx.obj
        try:
            return choices.profiles.start(self._program, [*(["--json"] if choices.json else []), *ctx.args])
        except NoSuchProgram:
            raise self._unknown from None


def new_group() -> typer.Typer:
    """Make a group of commands, which without a command shows its help."""
    return commands.new_group(Overview)


def new_root() -> typer.Typer:
    """Make the program itself, without its commands."""
    return commands.new_group(Root, completion=True)
