"""What the shell completes besides commands and options: the names of contacts, while balchat runs.

Completion never asks for a passphrase and never shows an error: where it cannot know, it offers nothing.
"""

import typer

from balchat_host.api.errors import BalchatError
from balchat_host.api.frontend import App, Host
from balchat_ui_cli.frame import Choices


def complete_contact(ctx: typer.Context, incomplete: str) -> list[str]:
    """Give the names that begin as what was typed does."""
    import anyio

    root = ctx.find_root()
    choices: Choices = root.obj
    chosen = ctx.params.get("profile") or root.params.get("profile") or None
    try:
        names = anyio.run(_names, choices.host, chosen)
    except (BalchatError, BaseExceptionGroup, OSError):
        return []
    return [name for name in names if name.startswith(incomplete) and name.isprintable()]


async def _names(host: Host, profile: str | None) -> list[str]:
    connection = await host.profile(profile).connect()
    if connection is None:
        return []
    async with connection as app:
        return await _contact_names(app)


async def _contact_names(app: App) -> list[str]:
    return [contact.name for contact in await app.contacts()]
