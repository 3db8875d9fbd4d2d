"""The command for a conversation at the terminal: chat."""

import sys

import typer

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import App
from balchat_ui_cli.commands.conversations import Conversation
from balchat_ui_cli.frame import MESSAGES, Run, command


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "chat", panel=MESSAGES, examples=["balchat chat Bob", "balchat chat me"])(chat)


def chat(run: Run, name: Conversation) -> None:
    """Talk to a contact, or write notes to yourself.

    What arrives is shown at once, and what you write has a state that changes.
    """
    if not run.out.as_json and not (sys.stdin.isatty() and run.out.live):
        raise BadInput(what="chat", problem="it needs a terminal; for scripts there are chat --json, send and listen")
    run.session.ask_running(lambda app: _chat(app, run, name))


async def _chat(app: App, run: Run, name: str) -> None:
    conversation = await app.conversations.get(name)
    if run.out.as_json:
        from balchat_ui_cli.chat.lines import ChatLines

        await ChatLines(app, run.out, conversation).run()
    else:
        from balchat_ui_cli.chat.chat import Chat

        await Chat(app, run.out, conversation).run()
