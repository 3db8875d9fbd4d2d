"""What people and plugins are called."""

import unicodedata

from balchat_host.api.views import MessageView

YOU = "you"
"""Who wrote our own messages."""


def author(message: MessageView) -> str:
    """Name who wrote a message."""
    return YOU if message.author is None else called(message.author)


def called(name: str) -> str:
    """Return a contact's name as it stands before what they wrote. Quotes tell whoever is called "you" from us."""
    return f"“{name}”" if unicodedata.normalize("NFKC", name).casefold() == YOU else name


def short_name(plugin: str, prefix: str) -> str:
    """Return what people call a plugin: its name without the prefix of its kind."""
    return plugin.removeprefix(prefix).replace("_", " ")
