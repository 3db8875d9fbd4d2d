"""What every command of the program has around it: help, output, errors.

The manners are those of `balchat` (docs/cli.md): the same help, one line for an error, one JSON value a line with
`--json`, the same exit codes. The two programs share no code but balchat_host.api, because neither needs the other.
"""

import json
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from importlib.metadata import version as package_version
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final, ParamSpec, cast

import typer
from typer.core import TyperCommand, TyperGroup

from balchat_host.api.errors import BalchatError, OutputUnwritable
from balchat_host.api.streams import NOTHING_CHANGED, READER_GONE, ReaderGone
from balchat_host.api.text import visible
from balchat_relay.errors import OperatorError
from balchat_relay.operating.folder import Folder

USAGE: Final = 2
INTERRUPTED: Final = 130
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
_DEFAULTS: Final[dict[str, object]] = {"folder": None, "json": False}

P = ParamSpec("P")


class Output:
    """Standard output and standard error of one command. `as_json`: a program reads it."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def value(self, value: Mapping[str, object], *lines: str, done: str | None = None) -> None:
        """Print a result. `done` says what was changed, for whoever does not get to see it.

        Raises ReaderGone, OutputUnwritable.
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


class _Overview(TyperGroup):
    """The program, whose help shows each command's whole first line."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # the signature is typer's
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(limit=100)) for name, each in self.commands.items()])


class _Command(TyperCommand):
    """A command whose help tells its own options from the shared ones, and ends with examples."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], "Shared options": []}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                argument = parameter.param_type_name == "argument"
                shared = parameter.name in {*_SHARED, "help"}
                sections["Arguments" if argument else "Shared options" if shared else "Options"].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # the signature is typer's
        with formatter.section("Examples"):
            for example in (self.epilog or "").splitlines():
                formatter.write(f"  {example}\n")


def new_program(help_text: str) -> typer.Typer:
    """Make the program, which without a command shows its help."""
    app = typer.Typer(
        name="balchat-relay",
        cls=_Overview,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        invoke_without_command=True,
    )
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
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def command(
    app: typer.Typer, *, examples: Sequence[str]
) -> Callable[[Callable[Concatenate[Run, P], None]], Callable[Concatenate[Run, P], None]]:
    """Register a command under its function's name; the options that all share are added to its own."""

    def register(function: Callable[Concatenate[Run, P], None]) -> Callable[Concatenate[Run, P], None]:
        @wraps(function)
        def call(ctx: typer.Context, **values: Any) -> Any:
            first_folder, first_json = ctx.obj or (DEFAULT, False)
            folder, as_json = values.pop("folder") or first_folder, values.pop("json") or first_json
            run = Run(folder=Folder(folder.expanduser().absolute()), out=Output(as_json=as_json))
            function_of_run: Callable[..., Any] = function
            return function_of_run(run, **values)

        own = list(signature(function).parameters.values())[1:]
        shared = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=_DEFAULTS[name], annotation=kind)
            for name, kind in _SHARED.items()
        ]
        context = Parameter("ctx", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        parameters = [context, *own, *shared]
        call.__dict__["__signature__"] = Signature(parameters)
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(cls=_Command, epilog="\n".join(examples))(call)
        return function

    return register


def main(app: typer.Typer, argv: Sequence[str]) -> int:
    """Run one command line, without the program's name; return its exit code."""
    options = argv[: argv.index("--")] if "--" in argv else argv
    out = Output(as_json="--json" in options)
    try:
        code = typer.main.get_command(app).main(args=list(argv), prog_name="balchat-relay", standalone_mode=False)
    except typer.TyperException as error:
        out.failure("usage", _usage(error))
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BaseException as group:  # noqa: BLE001  # whatever it is, an operator gets one line
        return _failed(group, out)
    return code if isinstance(code, int) else 0


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
            out.failure("internal", f"balchat-relay itself failed ({_place(error)}). Please report it.")
            return _INTERNAL
        case _:
            raise error


def _place(error: BaseException) -> str:
    """Name an error and the line that raised it, and nothing that it says."""
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    return type(error).__name__ + (
        f" at {Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else ""
    )


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    program = context.command_path if context else "balchat-relay"
    problem = error.format_message().strip()
    stop = "" if problem.endswith((".", "?")) else "."
    return f"{problem}{stop} `{program} --help` shows what there is."
