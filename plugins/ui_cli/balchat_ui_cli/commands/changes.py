"""Commands that change messages, or show all that is known of one: react, edit, delete and info."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from balchat_common.private_folders import PrivateFolder, removed_on_signals

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import App
from balchat_host.api.text import visible
from balchat_host.api.views import ContactInfoView, ConversationKind, ConversationView, MessageView
from balchat_ui_cli.commands.conversations import Conversation
from balchat_ui_cli.commands.messages import MARKDOWN
from balchat_ui_cli.frame import MESSAGES, Run, command
from balchat_ui_cli.lookup import MessageId, OptionalMessageId, info_of, message_of
from balchat_ui_cli.render.message_info import info_lines
from balchat_ui_cli.render.message_words import message_as_typed, state_words
from balchat_ui_cli.render.people import contact_info_lines, conversation_lines
from balchat_ui_cli.text import SHORT_ID


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for name, function, examples in (
        ("react", react, ["balchat react Bob 3f2a9c1e 👍", "balchat react Bob 3f2a9c1e 👍 --remove"]),
        (
            "edit",
            edit,
            [
                "balchat edit Bob 3f2a9c1e 'At seven.'",
                "balchat edit Bob 3f2a9c1e",
                "balchat edit Bob 3f2a9c1e 'At *seven*.' --markdown",
            ],
        ),
        ("delete", delete, ["balchat delete Bob 3f2a9c1e", "balchat delete Bob 3f2a9c1e --for-me"]),
        ("info", info, ["balchat info Bob", "balchat info Bob 3f2a9c1e"]),
    ):
        command(app, name, panel=MESSAGES, unlocks=True, examples=examples)(function)


def react(
    run: Run,
    name: Conversation,
    message: MessageId,
    emoji: Annotated[str, typer.Argument(metavar="EMOJI", help="One emoji.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take that reaction back.")] = False,
) -> None:
    """Answer a message with an emoji, besides those that are there."""

    async def change(app: App) -> MessageView:
        return await app.messages.react((await message_of(app, name, message)).id, emoji, remove=remove)

    changed = run.session.ask(change)
    words = f"{changed.id[:SHORT_ID]}: {visible(emoji)} {'taken back' if remove else 'added'}"
    done = f"The reaction to {changed.id} is {'taken back' if remove else 'there'}."
    run.out.value(changed, lambda: [[words]], done=done)


def edit(
    run: Run,
    name: Conversation,
    message: MessageId,
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="The new text; without it, your editor opens.", show_default=False),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help=MARKDOWN)] = False,
) -> None:
    """Put another text in place of a message of yours.

    Without TEXT, $VISUAL or $EDITOR opens the old one. What was markdown stays markdown. Earlier versions are kept, and
    others can see them too.
    """

    async def change(app: App, text: str) -> MessageView:
        there = await message_of(app, name, message)
        before, was_markdown = message_as_typed(there)
        contact = (await app.conversations.get(name)).contact
        # Who was mentioned is still meant.
        mentioned = contact is not None and "](balchat:" in (there.text or "") and f"@{contact.name}" in before
        meant = [contact.name] if contact and mentioned else []
        return await app.messages.edit(there.id, text, markdown=markdown or was_markdown, mentions=meant)

    if text is None:
        there = run.session.ask(lambda app: message_of(app, name, message))
        text = _edited(message_as_typed(there)[0])
    changed = run.session.ask(lambda app: change(app, text))
    # Of a note to ourselves there is nothing to wait for.
    words = f"{changed.id[:SHORT_ID]}: {state_words(changed) if changed.recipients else 'edited'}"
    run.out.value(changed, lambda: [[words]], done=f"The message {changed.id} is edited.")


def delete(
    run: Run,
    name: Conversation,
    message: MessageId,
    for_me: Annotated[bool, typer.Option("--for-me", help="Here only; anybody's message.")] = False,
) -> None:
    """Delete a message of yours for everybody, or anybody's here only.

    It goes on the other side too, with its earlier versions, and a remark stays that there was one. That cannot undo
    what others have read, copied, photographed or backed up, and a program that is not balchat may keep it.
    """

    async def change(app: App) -> tuple[MessageView, str]:
        found = await message_of(app, name, message)
        await app.messages.delete(found.id, for_me=for_me)
        shared = (await app.conversations.get(name)).kind is not ConversationKind.SELF
        return found, " here" if for_me else " for everybody" if shared else ""

    gone, where = run.session.ask(change)
    words = f"{gone.id[:SHORT_ID]}: deleted{where}"
    value = {"id": gone.id, "conversation": gone.conversation}
    run.out.value(value, lambda: [[words]], done=f"The message {gone.id} is deleted.")


def info(run: Run, name: Conversation, message: OptionalMessageId = None) -> None:
    """Show all that is known of a contact, or of a message: its versions, who has it, and who reacted.

    Of a contact: their device and how it is reached, whether you verified them, when keys were renewed, and alarms.
    """
    if message is not None:
        known = run.session.ask(lambda app: info_of(app, name, message))
        run.out.value(known, lambda: info_lines(known), done=None)
        return

    async def look(app: App) -> ContactInfoView | ConversationView:
        view = await app.conversations.get(name)
        return view if view.contact is None else await app.contacts.info(view.contact.peer_id)

    found = run.session.ask(look)
    lines = contact_info_lines(found) if isinstance(found, ContactInfoView) else conversation_lines([found])
    run.out.value(found, lambda: lines, done=None)


def _edited(text: str) -> str:
    """Return what a person makes of a text in their editor. Raise BadInput."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise BadInput(what="TEXT", problem="it is missing, and neither $VISUAL nor $EDITOR names an editor")
    private = os.environ.get("XDG_RUNTIME_DIR")
    if not private or not Path(private).is_dir():
        problem = "it is missing, and there is no runtime directory for a private file ($XDG_RUNTIME_DIR)"
        raise BadInput(what="TEXT", problem=problem)
    with PrivateFolder(Path(private), "balchat-edit-") as folder, removed_on_signals(folder):
        file = folder.path / "message.txt"
        file.write_text(text, encoding="utf-8")
        try:
            code = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode  # the person's own editor
        except (OSError, ValueError) as error:
            raise BadInput(what=f"The editor “{editor}”", problem=f"it cannot be started ({error})") from error
        if code:
            raise BadInput(what=f"The editor “{editor}”", problem=f"it ended with {code}; nothing was changed")
        try:
            return file.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(what="What the editor left", problem="it is no text; nothing was changed") from error
