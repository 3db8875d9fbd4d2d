"""Messages that are called by their conversation and their id."""

from typing import Annotated

import typer

from balchat_host.api.errors import NoSuchMessage
from balchat_host.api.frontend import App
from balchat_host.api.views import MessageInfoView, MessageView

MessageId = Annotated[str, typer.Argument(metavar="ID", help="A message, or the beginning of its id.")]
OptionalMessageId = Annotated[
    str | None, typer.Argument(metavar="ID", help="A message, or the beginning of its id.", show_default=False)
]


async def message_of(app: App, name: str, message: str) -> MessageView:
    """Return a message of a conversation. Raise NoSuchConversation, NoSuchMessage."""
    conversation = await app.conversations.get(name)
    found = await app.messages.get(message)
    if found.conversation != conversation.id:
        raise NoSuchMessage(name=message)
    return found


async def info_of(app: App, name: str, message: str) -> MessageInfoView:
    """Return all that is known of a message of a conversation. Raise NoSuchConversation, NoSuchMessage."""
    return await app.messages.info((await message_of(app, name, message)).id)
