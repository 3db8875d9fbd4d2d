"""What messages answer: a question to the account that more than one command has."""

from collections.abc import Container, Sequence

from balchat_host.api.errors import NoSuchMessage
from balchat_host.api.frontend import App
from balchat_host.api.views import Message


async def answered(app: App, messages: Sequence[Message], known: Container[str]) -> list[Message]:
    """Give the messages that `messages` answer, as far as we have them and their ids are not `known`."""
    wanted = dict.fromkeys(message.in_reply_to for message in messages)
    found: list[Message] = []
    for identifier in wanted:
        if identifier is not None and identifier not in known:
            try:
                found.append(await app.message(identifier))
            except NoSuchMessage:
                continue
    return found
