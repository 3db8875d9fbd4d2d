"""What the shell completes besides commands and options: names of contacts, and relays, while balchat runs.

Completion never asks for a passphrase and never shows an error: where it cannot know, it offers nothing.
"""

from collections.abc import Awaitable, Callable

import typer

from balchat_host.api.errors import BalchatError
from balchat_host.api.frontend import MYSELF, App, Profiles
from balchat_host.api.text import visible
from balchat_host.api.views import ConversationKind
from balchat_ui_cli.frame import Choices


def complete_contact(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of contacts that begin as what was typed does."""
    return _complete(ctx, incomplete, _contact_names)


def complete_conversation(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the titles of conversations, and ours, that begin as what was typed does."""
    return _complete(ctx, incomplete, _conversation_names)


def complete_relay(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the relays that begin as what was typed does."""
    return _complete(ctx, incomplete, _relay_names)


def _complete(ctx: typer.Context, incomplete: str, names_of: Callable[[App], Awaitable[list[str]]]) -> list[str]:
    import anyio

    root = ctx.find_root()
    choices: Choices = root.obj
    chosen = ctx.params.get("profile") or root.params.get("profile") or None
    try:
        names = anyio.run(_names, choices.profiles, chosen, names_of)
    except (BalchatError, BaseExceptionGroup, OSError):
        return []
    return [name for name in names if name.startswith(incomplete) and visible(name) == name]


async def _names(profiles: Profiles, profile: str | None, names_of: Callable[[App], Awaitable[list[str]]]) -> list[str]:
    connection = await profiles.profile(profile).connect()
    if connection is None:
        return []
    async with connection as app:
        return await names_of(app)


async def _contact_names(app: App) -> list[str]:
    return [contact.name for contact in await app.contacts.list()]


async def _conversation_names(app: App) -> list[str]:
    titles = (view.title for view in await app.conversations.list() if view.kind is not ConversationKind.SELF)
    return [*titles, MYSELF]


async def _relay_names(app: App) -> list[str]:
    return [relay.onion for relay in await app.relays.list()]
