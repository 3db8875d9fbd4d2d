"""What messages answer: a question to the account that more than one command has."""

from collections.abc import Container, Sequence

from balchat_host.api.errors import NoSuchMessage
from balchat_host.api.frontend import App
from balchat_host.api.views import MessageView


async def answered(app: App, messages: Sequence[MessageView], known: Container[str]) -> list[MessageView]:
    """Give the messages that `messages` answer, as far as we have them and their ids are not `known`."""
    wanted = dict.fromkeys(message.in_reply_to for message in messages)
    found: list[MessageView] = []
    for identifier in wanted:
        if identifier is not None and identifier not in known:
            try:
                found.append(await app.messages.get(identifier))
            except NoSuchMessage:
                continue
    return found
