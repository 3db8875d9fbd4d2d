"""Commands about this machine: profile, config, doctor, version."""

from collections.abc import Iterable, Sequence
from platform import python_version

import anyio
import typer

from balchat_host.api.errors import WorldError
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import text_lines, visible
from balchat_host.api.types import Check
from balchat_ui_cli.frame import MACHINE, Run, command, new_group
from balchat_ui_cli.output import Line
from balchat_ui_cli.session import one_error
from balchat_ui_cli.text import columns


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    profile = new_group()
    command(profile, "list", examples=["balchat profile list"])(list_profiles)
    app.add_typer(profile, name="profile", help="Show the accounts on this machine.", rich_help_panel=MACHINE)

    config = new_group()
    command(config, "check", examples=["balchat config check && balchat up"])(check_configuration)
    command(config, "path", examples=["balchat config path"])(list_configuration_files)
    app.add_typer(config, name="config", help="Check the configuration, and find its files.", rich_help_panel=MACHINE)

    command(app, "doctor", panel=MACHINE, examples=["balchat doctor", "balchat doctor --json"])(doctor)
    command(app, "version", panel=MACHINE, examples=["balchat version"])(version)


def list_profiles(run: Run) -> None:
    """Show the accounts on this machine."""
    default = run.profiles.profile().directory
    found = [
        {"name": profile.name, "directory": str(profile.directory), "default": profile.directory == default}
        for profile in run.profiles.profiles()
    ]
    rows = columns([[visible(str(value["name"])), str(value["directory"])] for value in found])
    run.out.values(found, lambda: ([Span(name, Style.STRONG), f"  {directory}"] for name, directory in rows))
    if not found:
        run.out.hint(["No account yet. `balchat init` makes one."])


def check_configuration(run: Run) -> None:
    """Read the configuration and say whether it is right."""
    run.profile.check_configuration()
    files = [str(path) for path in run.profile.configuration_files() if path.exists()]
    read = " and ".join(files) if files else "no file; every value is its default"
    run.out.value({"valid": True, "files": files}, lambda: [[f"The configuration is right ({read})."]])


def list_configuration_files(run: Run) -> None:
    """Show the files that are looked for, the strongest last."""
    files = [{"path": str(path), "exists": path.exists()} for path in run.profile.configuration_files()]
    run.out.values(
        files,
        lambda: ([str(file["path"]), Span("" if file["exists"] else "  (not there)", Style.FAINT)] for file in files),
    )


def doctor(run: Run) -> int:
    """Look at everything that an account needs, and say what to do."""
    with one_error():
        checks = anyio.run(run.profile.checks)
    run.out.values(checks, lambda: check_lines(checks))
    return WorldError.exit_code if any(check.problem for check in checks) else 0


def check_lines(checks: Sequence[Check]) -> Iterable[Line]:
    """Return findings as a person reads them."""
    rows = columns([[visible(check.name), ""] for check in checks])
    for check, (name, _) in zip(checks, rows, strict=True):
        if not check.tried:
            yield [Span("--", Style.WARN), f"  {name}  {check.finding}"]
        elif check.problem is None:
            yield [Span("ok", Style.GOOD), f"  {name}  {check.finding}"]
        else:
            first, *others = text_lines(check.problem.what)
            yield [Span("!!", Style.BAD), f"  {name}  {first}"]
            yield from ([" " * (len(name) + 6), line] for line in (*others, check.problem.remedy))


def version(run: Run) -> None:
    """Show the version."""
    run.out.value(
        {"version": run.profiles.version, "python": python_version()}, lambda: [[f"balchat {run.profiles.version}"]]
    )
