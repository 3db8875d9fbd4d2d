"""The program `balchat-relay`: what an operator types."""

import secrets
import sqlite3
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

import anyio
import typer
from balchat_relay_proto.address import RelayAddress
from balchat_relay_proto.replies import Creation

from balchat_relay.operating.folder import Folder, FolderProblem
from balchat_relay.settings import BadSettings, read_settings

DEFAULT: Final = Path("~/.local/share/balchat-relay")

app: Final = typer.Typer(
    name="balchat-relay",
    help="Keeps sealed envelopes for people who are away, behind an onion of its own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

FolderOption = Annotated[
    Path, typer.Option("--folder", "-f", envvar="BALCHAT_RELAY_FOLDER", help="The relay's data folder.")
]


@app.command()
def init(folder: FolderOption = DEFAULT, creation: Creation = Creation.OPEN) -> None:
    """Make a new relay: its key, its settings."""
    with _told():
        there = _folder(folder)
        there.make(creation=creation)
        typer.echo(f"Made a relay in {there.path}. Its address:")
        typer.echo(str(RelayAddress(relay_key=there.relay_key())))
        typer.echo("`balchat-relay run` starts it. Keep a copy of onion.key: without it the address is lost.")


@app.command()
def run(
    folder: FolderOption = DEFAULT,
    socket: Annotated[
        Path | None, typer.Option(help="Serve at this unix socket instead of publishing an onion.")
    ] = None,
) -> None:
    """Run the relay until it is told to end (Ctrl-C, SIGTERM)."""
    from dataclasses import replace

    from balchat_relay import service

    with _told():
        there = _folder(folder)
        settings = read_settings(there.settings)
        if socket is not None:
            settings = replace(settings, relay=replace(settings.relay, socket=str(socket.absolute())))
        _in_loop(lambda: service.run(there, settings, say=_say))


@app.command()
def address(
    folder: FolderOption = DEFAULT,
    qr: Annotated[bool, typer.Option("--qr", help="Show it as a QR code, too.")] = False,
    permit: Annotated[str | None, typer.Option(help="Put an invitation or the password into it.")] = None,
) -> None:
    """Show the address to hand out."""
    with _told():
        text = str(RelayAddress(relay_key=_folder(folder).relay_key(), permit=permit))
        typer.echo(text)
        if qr:
            import segno

            segno.make(text, error="m").terminal(compact=True)


@app.command()
def invite(
    folder: FolderOption = DEFAULT,
    queues: Annotated[int, typer.Option(min=1, max=10**6, help="How many queues it is good for.")] = 100,
) -> None:
    """Make an invitation, and show the address with it."""
    with _told():
        there = _folder(folder)
        if read_settings(there.settings).relay.creation is not Creation.INVITATION:
            raise BadSettings(f'{there.settings}: relay.creation is not "invitation", so nobody needs one.')
        permit = secrets.token_urlsafe(24)
        verifier = sha256(permit.encode()).hexdigest()
        _ask(there, "POST", "/invite", {"verifier": verifier, "queues": queues})
        typer.echo(str(RelayAddress(relay_key=there.relay_key(), permit=permit)))


@app.command()
def status(folder: FolderOption = DEFAULT) -> None:
    """Show how the running relay is: counts and sizes."""
    with _told():
        for name, value in _ask(_folder(folder), "GET", "/status").items():
            typer.echo(f"{name:14} {value}")


@app.command()
def drain(
    folder: FolderOption = DEFAULT,
    stop: Annotated[bool, typer.Option("--stop", help="Take new things again.")] = False,
) -> None:
    """Have the running relay take nothing new, while people fetch what is there and move."""
    with _told():
        _ask(_folder(folder), "POST", f"/drain?on={int(not stop)}")
        typer.echo(
            "The relay takes new things again." if stop else "The relay takes nothing new until it is restarted."
        )


@app.command()
def backup(target: Path, folder: FolderOption = DEFAULT) -> None:
    """Copy database, key and settings into a new folder; the relay may run meanwhile."""
    from balchat_relay.operating.care import back_up

    with _told():
        back_up(_folder(folder), target.absolute())
        typer.echo(f"Copied to {target}. The key is in it: keep it as safe as the relay.")


@app.command()
def check(folder: FolderOption = DEFAULT) -> None:
    """Check key, settings and database; the relay may run meanwhile."""
    from balchat_host.api.text import visible
    from balchat_relay.operating.care import problems

    with _told():
        found = list(problems(_folder(folder)))
    for problem in found:
        typer.echo(visible(problem), err=True)
    if found:
        raise typer.Exit(1)
    typer.echo("All is well.")


@contextmanager
def _told() -> Generator[None]:
    """Tell of what went wrong in one sentence, and end with 1."""
    # Loaded here: the errors of the host and the store are needed once something runs.
    from balchat_host.api.errors import BalchatError
    from balchat_host.api.text import visible
    from balchat_relay.storage.sqlite.schema import StoreUnusable

    try:
        yield
    except* (FolderProblem, BadSettings, StoreUnusable, BalchatError, OSError, sqlite3.Error) as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        typer.echo(visible(str(error)), err=True)
        sys.exit(1)


def _in_loop(function: Callable[[], Any]) -> Any:
    return anyio.run(function, backend="asyncio", backend_options={"use_uvloop": True})


def _ask(folder: Folder, method: str, path: str, given: object = None) -> dict[str, Any]:
    from balchat_relay.operating.admin import ask

    async def asking() -> dict[str, Any]:
        return await ask(folder.control, method, path, given=given)

    return _in_loop(asking)


def _folder(path: Path) -> Folder:
    return Folder(path.expanduser().absolute())


def _say(text: str) -> None:
    typer.echo(text)
    sys.stdout.flush()
