"""A program of several commands, on typer: shared options, help with examples, and what is said of a wrong line.

Each command is written once, as a function whose first parameter the program makes of the options that all commands
share; `with_options` adds those. It needs the extra `commands`.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar, Final, cast, get_args

import typer
from typer.core import TyperCommand, TyperGroup

USAGE: Final = 2
"""The exit code of a program whose command line is wrong."""
INTERRUPTED: Final = 130
"""What a shell reports for a program that SIGINT ended: 128 and the signal's number."""


class Command(TyperCommand):
    """A command whose help tells its own options from the `shared` ones, and ends with examples, the epilog's lines."""

    shared: ClassVar[frozenset[str]] = frozenset()

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], "Shared options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if parameter.param_type_name == "argument":
                sections["Arguments"].append((str(getattr(parameter, "metavar", None)), record[1]))
            elif parameter.name in self.shared or parameter.name == "help":
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
    """A group whose help lists its commands under the `panels` that they were registered with, in this order."""

    panels: ClassVar[tuple[str, ...]] = ()

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # the signature is typer's
        listed: dict[str, list[tuple[str, str]]] = {panel: [] for panel in self.panels}
        width = max(map(len, self.commands))
        for name, command in self.commands.items():
            if not command.hidden:
                panel = getattr(command, "rich_help_panel", None)
                title = panel if isinstance(panel, str) else "Commands"
                listed.setdefault(title, []).append((name.ljust(width), command.get_short_help_str(limit=100)))
        for title, records in listed.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def new_group(kind: type[Overview] = Overview, *, completion: bool = False) -> typer.Typer:
    """Make a group of commands, which without a command shows its help."""
    group = typer.Typer(
        cls=kind,
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


def with_options(
    function: Callable[..., Any], options: Mapping[str, Any], first: Callable[[typer.Context, dict[str, Any]], object]
) -> Callable[..., Any]:
    """Return what typer calls for a function: it has the shared options besides the function's own.

    `options` are annotations by name. A flag's default is False, any other's None. `first` makes of what was given for
    them what the function gets first.
    """

    @wraps(function)
    def call(ctx: typer.Context, **values: Any) -> Any:
        given = {name: values.pop(name) for name in options}
        return function(first(ctx, given), **values)

    own = list(inspect.signature(function).parameters.values())[1:]
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if get_args(kind)[0] is bool else None,
            annotation=kind,
        )
        for name, kind in options.items()
    ]
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *own, *added]
    call.__dict__["__signature__"] = inspect.Signature(parameters)
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def run(program: Any, arguments: Sequence[str], *, name: str, given: object = None) -> int:
    """Run a command line; return its exit code. Raise what the command raises, and typer's exceptions.

    `program` is what `typer.main.get_command` makes, whose type is private; `given` is its context's `obj`.
    """
    code = program.main(args=list(arguments), prog_name=name, standalone_mode=False, obj=given)
    return code if isinstance(code, int) else 0


def what_is_wrong(error: typer.TyperException, name: str) -> str:
    """Say what is wrong with the command line of the program `name`, and where to look."""
    context = getattr(error, "ctx", None)
    program = context.command_path if context else name
    # Typer gives pydantic's words, which name the kind of exception first, and puts each choice on a line of its own.
    problem = " ".join(error.format_message().replace(": Value error, ", ": ", 1).split())
    stop = "" if problem.endswith((".", "?")) else "."
    return f"{problem}{stop} `{program} --help` shows what there is."


def place_of(error: BaseException) -> str:
    """Name an error and the line that raised it, and nothing that it says: that might be somebody's words."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    place = f" at {Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else ""
    return type(error).__name__ + place
