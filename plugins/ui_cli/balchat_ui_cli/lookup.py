"""Small questions to the account that more than one command has."""

from collections.abc import Container, Sequence

from balchat_host.api.errors import NoSuchContact, NoSuchMessage
from balchat_host.api.frontend import App
from balchat_host.api.views import ContactView, Message


async def find_contact(app: App, name: str) -> ContactView:
    """Give the contact called `name`, or with that address or peer id. Raises NoSuchContact."""
    address = name.lower().removesuffix(".onion")
    for contact in await app.contacts():
        if name in {contact.name, contact.peer_id} or address == contact.onion.removesuffix(".onion"):
            return contact
    raise NoSuchContact(name=name)


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
