"""The program behind the `balchat` command: its commands, and what becomes of their errors."""

import sys
from collections.abc import Sequence
from functools import cache
from itertools import zip_longest
from os import environ
from typing import Annotated, Any

import typer
import typer.main
from balchat_common.commands import INTERRUPTED, USAGE, place_of, run, show_help, what_is_wrong

from balchat_host.api.errors import BalchatError, InternalError, PluginError
from balchat_host.api.frontend import Profiles
from balchat_host.api.streams import READER_GONE, ReaderGone
from balchat_ui_cli.commands import (
    account,
    changes,
    chat,
    contacts,
    conversations,
    deployment,
    export,
    files,
    follow,
    machine,
    messages,
    plugins,
    relays,
    requests,
    running,
    search,
    settings,
    voice,
)
from balchat_ui_cli.frame import JSON_HELP, PROFILE_HELP, Choices, new_root
from balchat_ui_cli.output import Output


def main(profiles: Profiles, argv: Sequence[str]) -> int:
    """Run one command line, without the program's name; return its exit code."""
    try:
        return _run(profiles, argv)
    except BaseException as error:  # noqa: BLE001  # whatever it is, a person gets one line, and a report a place to look
        return failed(error, argv)


def failed(error: BaseException, argv: Sequence[str]) -> int:
    """Say what ended a command line; return the exit code. Raise it where it is nobody's failure."""
    options = argv[: argv.index("--")] if "--" in argv else argv
    out = Output(as_json="--json" in options, profile=_profile_in(options), environment=environ)
    match error:
        case BalchatError():
            # What a plugin raised is its author's to know.
            if isinstance(error, PluginError) and error.__cause__ is not None and environ.get("BALCHAT_TRACEBACK"):
                sys.excepthook(type(error.__cause__), error.__cause__, error.__cause__.__traceback__)
            out.error(error)
            return error.exit_code
        case typer.TyperException():
            out.failure("usage", what_is_wrong(error, "balchat"))
            return USAGE
        case typer.Abort() | KeyboardInterrupt():
            return INTERRUPTED
        case ReaderGone():
            return READER_GONE
        case Exception():
            if environ.get("BALCHAT_TRACEBACK"):
                sys.excepthook(type(error), error, error.__traceback__)
            failure = InternalError(kind=place_of(error))
            out.error(failure)
            return failure.exit_code
        case _:
            raise error


def _profile_in(options: Sequence[str]) -> str | None:
    """Return the profile that a command line names, which may be wrong in other places."""
    for option, value in zip_longest(options, options[1:]):
        if option == "--profile":
            return value
        if option.startswith("--profile="):
            return option.removeprefix("--profile=")
    return None


def _run(profiles: Profiles, argv: Sequence[str]) -> int:
    for argument in argv:
        if not argument.isprintable() and any("\ud800" <= character <= "\udfff" for character in argument):
            raise typer.BadParameter("an argument is not valid UTF-8")
    choices = Choices(profiles=profiles)
    return run(program(), argv, name="balchat", given=choices)


@cache
def program() -> Any:  # the type that typer gives it is private
    """Return the program, with all its commands."""
    return typer.main.get_command(application())


def application() -> typer.Typer:
    """Put the commands together."""
    app = new_root()
    app.callback(help="Chat end-to-end-encrypted, without a server, over Tor.")(begin)
    for module in (
        account,
        running,
        relays,
        contacts,
        requests,
        conversations,
        messages,
        voice,
        changes,
        search,
        export,
        files,
        chat,
        follow,
        settings,
        plugins,
        deployment,
        machine,
    ):
        module.register(app)
    return app


def begin(
    ctx: typer.Context,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME|DIR", envvar="BALCHAT_PROFILE", show_envvar=True, help=PROFILE_HELP),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A configuration value for this run.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Take what was said before the command's name."""
    del overrides  # the host takes them before we see the line; they stand here for the help
    start: Choices = ctx.obj
    ctx.obj = Choices(profiles=start.profiles, profile=profile, json=json)
    if version:
        typer.echo(f"balchat {start.profiles.version}")
        raise typer.Exit
    show_help(ctx)
