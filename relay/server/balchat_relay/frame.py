"""What every command of the program has around it: help, output, errors.

The manners are those of `balchat` (docs/cli.md): the same help, one line for an error, one JSON value a line with
`--json`, the same exit codes. What both are made of is in `balchat_common.commands` and `balchat_host.api`.
"""

import json
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final, ParamSpec, cast

import typer
from balchat_common import commands
from balchat_common.commands import INTERRUPTED, USAGE, new_group, place_of, show_help, what_is_wrong, with_options

from balchat_host.api.errors import BalchatError, OutputUnwritable
from balchat_host.api.streams import NOTHING_CHANGED, READER_GONE, ReaderGone
from balchat_host.api.text import visible
from balchat_relay.errors import OperatorError
from balchat_relay.operating.folder import Folder

CHECK_FAILED: Final = 7
_INTERNAL: Final = 1
_WORLD: Final = 7
DEFAULT: Final = Path("~/.local/share/balchat-relay")
_FOLDER_HELP: Final = "The relay's folder."
_JSON_HELP: Final = "One JSON value a line, for programs."
_SHARED: Final[dict[str, Any]] = {
    "folder": Annotated[Path | None, typer.Option("--folder", "-f", metavar="DIR", help=_FOLDER_HELP)],
    "json": Annotated[bool, typer.Option("--json", help=_JSON_HELP)],
}

P = ParamSpec("P")


class Output:
    """Standard output and standard error of one command. `as_json`: a program reads it."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def value(self, value: Mapping[str, object], *lines: str, done: str | None = None) -> None:
        """Print a result. `done` says what was changed, for whoever does not get to see it.

        Raise ReaderGone, OutputUnwritable.
        """
        try:
            print(_json(value) if self.as_json else "\n".join(map(visible, lines)), flush=True)  # noqa: T201  # it is what prints
        except ReaderGone:
            if done is None:
                raise
            raise OutputUnwritable(problem="whoever read it is gone", done=done) from None
        except OutputUnwritable as error:
            raise OutputUnwritable(problem=error.fields["problem"], done=done or NOTHING_CHANGED) from None

    def values(self, values: Sequence[Mapping[str, object]], *lines: str) -> None:
        """Print a result that is a list: one JSON value for each, or a person's lines."""
        if not self.as_json:
            self.value({}, *lines)
        for value in values if self.as_json else ():
            self.value(value)

    def remark(self, value: Mapping[str, object], line: str) -> None:
        """Print news while something goes on, which no reader of it ends."""
        with suppress(ReaderGone, OutputUnwritable):
            self.value(value, line)

    def draw(self, lines: Iterable[str]) -> None:
        """Print lines as they are, colours too: nobody else has written any of them."""
        print("\n".join(lines), flush=True)  # noqa: T201  # as above

    def warn(self, message: str) -> None:
        """Say on standard error what a person must know, and that is no error."""
        print(visible(message), file=sys.stderr)  # noqa: T201  # as above

    def failure(self, code: str, message: str, fields: Mapping[str, object] | None = None) -> None:
        """Say what went wrong, on one line of standard error."""
        described = {"error": {"code": code, "message": message, "fields": dict(fields or {})}}
        print(_json(described) if self.as_json else f"balchat-relay: {visible(message)}", file=sys.stderr)  # noqa: T201  # as above


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "))


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one command."""

    folder: Folder
    out: Output


class _Command(commands.Command):
    """A command of this program."""

    shared = frozenset(_SHARED)


def new_program(help_text: str) -> typer.Typer:
    """Make the program, which without a command shows its help."""
    app = new_group(completion=True)
    app.callback(help=help_text)(_begin)
    return app


def _begin(
    ctx: typer.Context,
    folder: Annotated[
        Path,
        typer.Option(
            "--folder", "-f", metavar="DIR", envvar="BALCHAT_RELAY_FOLDER", show_envvar=True, help=_FOLDER_HELP
        ),
    ] = DEFAULT,
    json: Annotated[bool, typer.Option("--json", help=_JSON_HELP)] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    ctx.obj = (folder, json)
    if version:
        typer.echo(f"balchat-relay {package_version('balchat-relay')}")
        raise typer.Exit
    show_help(ctx)


def command(
    app: typer.Typer, *, examples: Sequence[str]
) -> Callable[[Callable[Concatenate[Run, P], None]], Callable[Concatenate[Run, P], None]]:
    """Register a command under its function's name; the options that all share are added to its own."""

    def register(function: Callable[Concatenate[Run, P], None]) -> Callable[Concatenate[Run, P], None]:
        app.command(cls=_Command, epilog="\n".join(examples))(with_options(function, _SHARED, _run))
        return function

    return register


def _run(ctx: typer.Context, given: dict[str, Any]) -> Run:
    first_folder, first_json = ctx.obj or (DEFAULT, False)
    folder: Path = given["folder"] or first_folder
    return Run(folder=Folder(folder.expanduser().absolute()), out=Output(as_json=given["json"] or first_json))


def main(app: typer.Typer, argv: Sequence[str]) -> int:
    """Run one command line, without the program's name; return its exit code."""
    options = argv[: argv.index("--")] if "--" in argv else argv
    out = Output(as_json="--json" in options)
    try:
        return commands.run(typer.main.get_command(app), argv, name="balchat-relay")
    except typer.TyperException as error:
        out.failure("usage", what_is_wrong(error, "balchat-relay"))
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BaseException as group:  # noqa: BLE001  # whatever it is, an operator gets one line
        return _failed(group, out)


def _failed(error: BaseException, out: Output) -> int:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    match error:
        case OperatorError():
            out.failure(error.code, str(error))
            return error.exit_code
        case BalchatError():
            out.failure(error.code, str(error), error.fields)
            return error.exit_code
        case ReaderGone():
            return READER_GONE
        case KeyboardInterrupt():
            return INTERRUPTED
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            out.failure("storage-failed", f"The machine failed: {where}{error.strerror or type(error).__name__}.")
            return _WORLD
        case sqlite3.Error():
            out.failure("storage-failed", f"The database failed: {error}. `balchat-relay check` looks at it.")
            return _WORLD
        case Exception():
            out.failure("internal", f"balchat-relay itself failed ({place_of(error)}). Please report it.")
            return _INTERNAL
        case _:
            raise error
