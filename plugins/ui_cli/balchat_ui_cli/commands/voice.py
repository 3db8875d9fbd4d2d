"""The command about voice messages: recorded here, or taken from a file."""

import select
import sys
from pathlib import Path
from typing import Annotated

import typer

from balchat_host.api import sound
from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import App
from balchat_host.api.views import MessageState, MessageView
from balchat_ui_cli.commands.conversations import Conversation
from balchat_ui_cli.commands.messages import QUEUED
from balchat_ui_cli.frame import MESSAGES, Run, command
from balchat_ui_cli.render.message_words import sent_line


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(
        app,
        "voice",
        panel=MESSAGES,
        unlocks=True,
        examples=["balchat voice Bob", "balchat voice Bob --from note.wav"],
    )(voice)


def voice(
    run: Run,
    name: Conversation,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="PATH", help="A WAV file in place of the microphone.")
    ] = None,
) -> None:
    """Record a voice message of at most 5 minutes, and send it.

    Enter ends and sends it, Ctrl-C throws it away. It is never on the disk but sealed.
    """
    # Nobody should speak for five minutes to learn that there is nobody of that name.
    run.session.ask(lambda app: app.conversations.get(name))
    octets, rate = sound.read_wav(source) if source is not None else (_record(run), sound.RATE)

    async def write(app: App) -> MessageView:
        file = await sound.attach(app, octets, rate)
        return await app.messages.send(name, "", files=[file.id])

    message = run.session.ask(write)
    run.out.value(message, lambda: [sent_line(message)], done=f"The message is {message.state}, as {message.id}.")
    if message.state is MessageState.QUEUED:
        run.warn_if_not_running(QUEUED)


def _record(run: Run) -> bytes:
    if not sys.stdin.isatty():
        raise BadInput(what="Standard input", problem="a voice message is recorded at a terminal; --from takes a file")
    recording = sound.Recording()
    warned = False
    with sound.Microphone() as microphone:
        run.out.hint(["Recording. Enter ends and sends it, Ctrl-C throws it away."])
        while not recording.full:
            recording.take(microphone.read())
            if select.select([sys.stdin], [], [], 0)[0]:
                sys.stdin.readline()
                return recording.sound
            if recording.ends_soon and not warned:
                warned = True
                run.out.hint([f"{sound.WARNED_AT} seconds are left."])
    run.out.hint(["That was 5 minutes, the longest there is. Enter sends it, Ctrl-C throws it away."])
    sys.stdin.readline()
    return recording.sound
