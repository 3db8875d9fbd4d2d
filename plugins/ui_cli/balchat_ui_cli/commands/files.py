"""Commands about files: shown, fetched, written out, stopped, removed."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from balchat_common.private_folders import PrivateFolder, removed_on_signals

from balchat_host.api import sound
from balchat_host.api.errors import BadInput, FileUnavailable
from balchat_host.api.following import following
from balchat_host.api.frontend import App
from balchat_host.api.local_files import export
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible
from balchat_host.api.views import FileState, FileView
from balchat_ui_cli.commands.conversations import Conversation
from balchat_ui_cli.frame import MESSAGES, Run, command, new_group
from balchat_ui_cli.output import Line
from balchat_ui_cli.prompts import NoTerminal, ask_hidden, confirm
from balchat_ui_cli.render.file_words import file_reason_words, file_state_words, file_words
from balchat_ui_cli.sizes import parse_size, size_words
from balchat_ui_cli.text import columns, short_ids
from balchat_ui_cli.transfers import TransferView, follow, is_settled

_COMES = "the file comes"
_GOES_ON = "It goes on coming. `balchat files list` shows how far it is, `balchat files cancel` ends it."

FileId = Annotated[str, typer.Argument(metavar="ID", help="A file, or the beginning of its id.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    files = new_group()
    command(files, "list", unlocks=True, examples=["balchat files list", "balchat files list Bob --json"])(list_files)
    command(files, "get", unlocks=True, examples=["balchat files get 3f2a9c1e", "balchat files get 3f2a9c1e --to ~"])(
        get
    )
    command(files, "open", unlocks=True, examples=["balchat files open 3f2a9c1e"])(open_file)
    command(files, "play", unlocks=True, examples=["balchat files play 3f2a9c1e"])(play)
    command(files, "pause", unlocks=True, examples=["balchat files pause 3f2a9c1e"])(pause)
    command(files, "resume", unlocks=True, examples=["balchat files resume 3f2a9c1e"])(resume)
    command(files, "cancel", unlocks=True, examples=["balchat files cancel 3f2a9c1e"])(cancel)
    command(files, "remove", unlocks=True, examples=["balchat files remove 3f2a9c1e"])(remove)
    command(
        files,
        "automatic",
        unlocks=True,
        examples=["balchat files automatic Bob 20M", "balchat files automatic Bob off"],
    )(automatic)
    app.add_typer(files, name="files", help="Get what others send, and see how it goes.", rich_help_panel=MESSAGES)


def list_files(
    run: Run,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Of one conversation; else of all.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How many files.")] = 50,
) -> None:
    """Show files that were sent and received, the newest first."""
    found = run.session.ask(lambda app: app.files.list(name, limit))
    run.out.values(found, lambda: _lines(found))
    if not found:
        run.out.hint(["No files yet. `balchat send NAME --file PATH` sends one."])


def _lines(found: Sequence[FileView]) -> list[Line]:
    ids = short_ids(file.id for file in found)
    rows = columns(
        [[ids[file.id], visible(file.author or "you"), size_words(file.size), visible(file.name), ""] for file in found]
    )
    return [
        [
            Span(f"{row[0]}  ", Style.FAINT),
            f"{row[1]}  {row[2]}  ",
            Span(row[3], Style.STRONG),
            f"  {file_state_words(file)}",
        ]
        for file, row in zip(found, rows, strict=True)
    ]


def get(
    run: Run,
    file: FileId,
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder that it is written into.")] = Path(),
    wait: Annotated[bool, typer.Option(help="Wait for one that is not here yet, and write it.")] = True,
) -> None:
    """Have a file come, wait until it is here, and write it into a folder, in the clear.

    Ctrl-C ends the waiting; the file goes on coming.
    """
    view = run.session.ask(lambda app: _want(app, file))
    if view.state is not FileState.COMPLETE and (not run.session.connected or not wait):
        run.out.value(view, lambda: [[file_words(view)]])
        run.warn_if_not_running(_COMES)
        return
    shown = TransferView(run.out)
    comes = view.state is not FileState.COMPLETE

    async def write(app: App) -> tuple[FileView, Path]:
        nonlocal comes
        try:
            whole = await follow(app, view.id, is_settled, shown.show)
            comes = False
            if whole.state is not FileState.COMPLETE:
                raise FileUnavailable(
                    name=whole.name, problem=file_reason_words(whole.reason or f"it is {whole.state}")
                )
            return whole, await export(app, whole, to.expanduser(), shown.show)
        finally:
            shown.clear()

    try:
        whole, path = run.session.ask(write)
    except KeyboardInterrupt:
        if comes:
            run.out.hint(
                ["It goes on coming. `balchat files list` shows how far it is, `balchat files cancel` ends it."]
            )
        raise
    text = f"{visible(str(path))}, {size_words(whole.size)}"
    run.out.value({"file": whole, "path": str(path)}, lambda: [[text]], done=f"The file is written, as {path}.")


def open_file(run: Run, file: FileId) -> None:
    """Write a file into a private folder in memory, for you to open it with a program of yours, and delete it again.

    Nothing is started by itself. It is asked about before, and it stays until you press Enter.
    """
    view = run.session.ask(lambda app: app.files.get(file))
    private = os.environ.get("XDG_RUNTIME_DIR")
    if not private or not Path(private).is_dir():
        problem = "there is none ($XDG_RUNTIME_DIR); `balchat files get` writes into a folder of your choice"
        raise BadInput(what="The runtime directory", problem=problem)
    kind = visible(view.content_type)
    who = visible(view.author) if view.author else "you"
    run.out.hint([f"{visible(view.name)}, {size_words(view.size)}, from {who}, who call it {kind}: it may be another."])
    run.out.hint(["Other programs of yours can read it while it is open, and may keep what they show."])
    try:
        if not confirm(f"Write it in the clear into {private}, until you press Enter?"):
            return
    except NoTerminal:
        raise BadInput(what="files open", problem="it asks at a terminal; `balchat files get` does not") from None
    with PrivateFolder(Path(private), "balchat-open-") as folder, removed_on_signals(folder):
        shown = TransferView(run.out)

        async def write(app: App) -> Path:
            try:
                return await export(app, view, folder.path, shown.show)
            finally:
                shown.clear()

        path = run.session.ask(write)
        run.out.value({"file": view, "path": str(path)}, lambda: [[visible(str(path))]])
        with suppress(EOFError, KeyboardInterrupt):
            ask_hidden("Enter deletes it again")
    run.out.hint(["It is deleted."])


def play(
    run: Run,
    file: FileId,
    speed: Annotated[float, typer.Option("--speed", metavar="N", help="1, 1.5 or 2 times as fast.")] = 1.0,
) -> None:
    """Play a voice message on this machine's loudspeaker. Nothing of it is written to the disk."""
    if speed not in sound.SPEEDS:
        raise BadInput(what="--speed", problem="it is 1, 1.5 or 2")

    async def whole(app: App) -> tuple[FileView, bytes]:
        async with following(app.files.play(file)) as pieces:
            return await app.files.get(file), b"".join([piece async for piece in pieces])

    view, wav = run.session.ask(whole)
    octets, rate = sound.wav_sound(wav)
    with sound.Loudspeaker(rate, speed) as loudspeaker:
        for piece in sound.pieces(octets, rate):
            loudspeaker.write(piece)
        loudspeaker.finish()
    run.out.value(view, list, done="It was played to its end.")


async def _want(app: App, file: str) -> FileView:
    view = await app.files.get(file)
    return view if view.ours or view.state is FileState.COMPLETE else await app.files.fetch(file)


def pause(run: Run, file: FileId) -> None:
    """Stop a file from coming, and keep what is here of it."""
    _say(run, run.session.ask(lambda app: app.files.pause(file)))


def resume(run: Run, file: FileId) -> None:
    """Have a file come, or go on coming, without waiting for it."""
    _say(run, run.session.ask(lambda app: app.files.fetch(file)))
    run.warn_if_not_running(_COMES)


def cancel(run: Run, file: FileId) -> None:
    """Stop a file from coming, and delete what is here of it. One of yours is offered no more."""
    remove(run, file)


def remove(run: Run, file: FileId) -> None:
    """Delete what is here of a file. The message stays; what others have of it they keep."""

    async def take_away(app: App) -> FileView:
        before = await app.files.get(file)
        return await app.files.remove(file) or before

    _say(run, run.session.ask(take_away))


def _say(run: Run, file: FileView) -> None:
    run.out.value(file, lambda: [[file_words(file)]], done=f"The file is {file.state}.")


def automatic(
    run: Run,
    name: Conversation,
    size: Annotated[str, typer.Argument(metavar="SIZE", help="500k, 10M, 2G; off; default: as configured.")],
) -> None:
    """Have files of others in a conversation come by themselves up to a size, none of them, or as configured."""
    up_to = None if size == "default" else 0 if size == "off" else parse_size(size)
    view = run.session.ask(lambda app: app.files.set_automatic(name, up_to))
    told = {None: "pictures come by themselves, as configured", 0: "nothing comes by itself"}
    words = told.get(up_to, f"files of up to {size_words(up_to or 0)} come by themselves")
    run.out.value(view, lambda: [[f"{visible(view.title)}: {words}."]], done=f"{view.title}: {words}.")
