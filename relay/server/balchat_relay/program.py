"""The program `balchat-relay`: what an operator types."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from os import environ
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated, Any, Final

import anyio
import typer
from balchat_relay_proto.address import RelayAddress
from balchat_relay_proto.replies import Creation
from balchat_relay_proto.sizes import MAX_PERMIT

from balchat_host.api.streams import prepare_standard_streams
from balchat_relay import frame
from balchat_relay.errors import BadSettings, OperatorError
from balchat_relay.frame import Output, Run, command, new_program
from balchat_relay.operating.folder import Folder
from balchat_relay.settings import OWN_STORE, read_settings

app: Final = new_program("Keeps sealed envelopes for people who are away, behind an onion of its own.")


def main() -> int:
    """Run the command line that this process was started with; return its exit code."""
    prepare_standard_streams()
    return frame.main(app, sys.argv[1:])


@command(app, examples=["balchat-relay init", "balchat-relay init --creation invitation"])
def init(
    run: Run,
    creation: Annotated[
        Creation | None, typer.Option(metavar="HOW", help="Who may create queues: open, invitation or password.")
    ] = None,
    empty_store: Annotated[
        bool, typer.Option("--empty-store", help="Only begin with an empty store, under the key that is there.")
    ] = False,
) -> None:
    """Make a new relay: its key, its settings, its store."""
    folder = run.folder
    if empty_store:
        if creation is not None:
            raise OperatorError("--empty-store changes no settings. Leave --creation away.")
        from balchat_relay import service

        folder.relay_key()  # where there is no relay at all, that is what is to be said
        settings = read_settings(folder.settings)
        _in_loop(lambda: service.begin_empty(folder, settings))
        said = f"The relay in {folder.path} begins with an empty store."
    else:
        folder.make(creation=creation or Creation.OPEN)
        said = f"Made a relay in {folder.path}. Its address:"
    address = str(RelayAddress(relay_key=folder.relay_key()))
    lines = (
        [said]
        if empty_store
        else [
            said,
            address,
            "`balchat-relay run` starts it. Keep a copy of onion.key: without it the address is lost.",
        ]
    )
    run.out.value({"folder": str(folder.path), "address": address}, *lines, done=f"{said} {address}")


@command(app, examples=["balchat-relay run", "balchat-relay run --socket /run/relay/public"])
def run(
    run: Run,
    socket: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Serve at this unix socket instead of publishing an onion.")
    ] = None,
) -> None:
    """Run the relay until it is told to end (Ctrl-C, SIGTERM)."""
    from balchat_relay import service

    run.folder.relay_key()  # where there is no relay at all, that is what is to be said
    settings = read_settings(run.folder.settings)
    if socket is not None:
        settings = replace(settings, relay=replace(settings.relay, socket=str(socket.absolute())))

    def say(text: str) -> None:
        # Whoever no longer reads what it says has not told it to end.
        run.out.remark({"state": text}, text)

    _in_loop(lambda: service.run(run.folder, settings, say=say))


@command(app, examples=["balchat-relay address", "balchat-relay address --qr"])
def address(
    run: Run,
    qr: Annotated[bool, typer.Option("--qr", help="Show it as a QR code, too.")] = False,
    permit: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Put an invitation or the password into it.")
    ] = None,
) -> None:
    """Show the address to hand out."""
    if permit is not None and (not permit.isprintable() or not 0 < len(permit) <= MAX_PERMIT):
        raise OperatorError(f"--permit: it must have 1 to {MAX_PERMIT} characters, and no control characters.")
    text = str(RelayAddress(relay_key=run.folder.relay_key(), permit=permit))
    run.out.value({"address": text}, text)
    if qr and not run.out.as_json:
        _draw(run.out, text)


@command(app, examples=["balchat-relay invite", "balchat-relay invite --queues 20"])
def invite(
    run: Run,
    queues: Annotated[int, typer.Option(metavar="N", min=1, max=10**6, help="How many queues it is good for.")] = 100,
) -> None:
    """Make an invitation, and show the address with it."""
    key = run.folder.relay_key()
    if read_settings(run.folder.settings).relay.creation is not Creation.INVITATION:
        raise BadSettings(f'{run.folder.settings}: relay.creation is not "invitation", so nobody needs one.')
    permit = secrets.token_urlsafe(24)
    verifier = sha256(permit.encode()).hexdigest()
    _ask(run.folder, "POST", "/invite", {"verifier": verifier, "queues": queues})
    text = str(RelayAddress(relay_key=key, permit=permit))
    done = "An invitation was made that nobody has seen; make another one."
    run.out.value({"address": text, "queues": queues}, text, done=done)


@command(app, examples=["balchat-relay status", "balchat-relay status --json"])
def status(run: Run) -> None:
    """Show how the running relay is: its disk, counts and sizes."""
    found = _ask(run.folder, "GET", "/status")
    run.out.value(found, *(f"{name:14} {_as_words(value)}" for name, value in found.items()))


def _as_words(value: object) -> object:
    return "yes" if value is True else "no" if value is False else value


@command(app, examples=["balchat-relay drain", "balchat-relay drain --stop"])
def drain(
    run: Run,
    stop: Annotated[bool, typer.Option("--stop", help="Take new things again.")] = False,
) -> None:
    """Have the running relay take nothing new, while people fetch what is there and move."""
    found = _ask(run.folder, "POST", f"/drain?on={int(not stop)}")
    said = "The relay takes new things again." if stop else "The relay takes nothing new until it is restarted."
    run.out.value(found, said, done=said)


@command(app, examples=["balchat-relay backup /mnt/backup/relay-2026-05-01"])
def backup(run: Run, target: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")]) -> None:
    """Copy database, key and settings into a new folder; the relay may run meanwhile."""
    from balchat_relay.operating.maintenance import back_up

    store = back_up(run.folder, target.absolute())
    said = f"Copied to {target}. The key is in it: keep it as safe as the relay."
    if store != OWN_STORE:
        said += f" What {store} keeps is not: copy that as its author says."
    run.out.value({"folder": str(target.absolute())}, said, done=said)


@command(app, examples=["balchat-relay check"])
def check(run: Run) -> None:
    """Check key, settings, disk and database; the relay may run meanwhile."""
    from balchat_relay.operating.maintenance import problems

    found = list(problems(run.folder))
    run.out.values([{"problem": problem} for problem in found], *(found or ["All is well."]))
    if found:
        raise typer.Exit(frame.CHECK_FAILED)


def _draw(out: Output, text: str) -> None:
    """Draw a text as a QR code; where the terminal is too narrow, say so instead: what wraps cannot be read."""
    import segno

    from balchat_host.api.qr import qr_lines, width_of_picture

    modules = [bytes(row) for row in segno.make(text, error="l", micro=False).matrix]
    terminal, needed = sys.stdout.isatty(), width_of_picture(modules)
    if terminal and (columns := get_terminal_size().columns) < needed:
        out.warn(f"The QR code needs {needed} columns, and this terminal has {columns}. Make it wider.")
        return
    colour = terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    out.draw(qr_lines(modules, colour=colour))


def _in_loop(function: Callable[[], Any]) -> Any:
    return anyio.run(function, backend="asyncio", backend_options={"use_uvloop": True})


def _ask(folder: Folder, method: str, path: str, given: object = None) -> dict[str, Any]:
    from balchat_relay.operating.admin import ask

    async def asking() -> dict[str, Any]:
        return await ask(folder, method, path, given=given)

    return _in_loop(asking)
