"""Commands about conversations: what there is, and how it is kept."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated

import typer

from balchat_host.api.frontend import MYSELF, App
from balchat_host.api.views import ConversationView
from balchat_ui_cli.completion import complete_conversation
from balchat_ui_cli.dates import parse_duration
from balchat_ui_cli.frame import MESSAGES, Run, command, new_group
from balchat_ui_cli.render.people import conversation_lines
from balchat_ui_cli.text import duration, moment

Conversation = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help=f"A contact, a conversation's title or id, or {MYSELF} for notes to yourself.",
        autocompletion=complete_conversation,
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = new_group()
    for name, function, examples in (
        ("list", list_conversations, ["balchat conversations list", "balchat conversations list --archived --json"]),
        ("mute", mute, ["balchat conversations mute Bob", "balchat conversations mute Bob --for 8"]),
        ("unmute", unmute, ["balchat conversations unmute Bob"]),
        ("archive", archive, ["balchat conversations archive Bob"]),
        ("unarchive", unarchive, ["balchat conversations unarchive Bob"]),
        ("read", read, ["balchat conversations read Bob"]),
        ("unread", unread, ["balchat conversations unread Bob"]),
        (
            "set",
            set_up,
            ["balchat conversations set Bob --expire-after 7d", "balchat conversations set Bob --expire-after off"],
        ),
        ("draft", draft, ["balchat conversations draft Bob 'What I meant to'", "balchat conversations draft Bob ''"]),
    ):
        command(group, name, unlocks=True, examples=examples)(function)
    app.add_typer(
        group, name="conversations", help="Show conversations, mute and archive them.", rich_help_panel=MESSAGES
    )


def list_conversations(
    run: Run, archived: Annotated[bool, typer.Option("--archived", help="Show those that are archived.")] = False
) -> None:
    """Show conversations, whichever has the newest message first."""
    views = run.session.ask(lambda app: app.conversations.list())
    shown = [view for view in views if view.archived is archived]
    run.out.values(shown, lambda: conversation_lines(shown))
    if not shown:
        run.out.hint(["No conversation is archived." if archived else "All conversations are archived."])


def mute(
    run: Run,
    name: Conversation,
    hours: Annotated[
        float | None, typer.Option("--for", metavar="HOURS", min=0, help="For so long; else until unmuted.")
    ] = None,
) -> None:
    """Have nothing call attention to a conversation."""
    until = None if hours is None else int((datetime.now().astimezone() + timedelta(hours=hours)).timestamp() * 1000)
    _change(run, lambda app: app.conversations.mute(name, until), _muted)


def unmute(run: Run, name: Conversation) -> None:
    """Have messages in a conversation call attention again."""
    _change(run, lambda app: app.conversations.unmute(name), lambda view: f"{view.title} is not muted.")


def archive(run: Run, name: Conversation) -> None:
    """Put a conversation away, until a message comes or you write in it."""
    _change(run, lambda app: app.conversations.archive(name), lambda view: f"{view.title} is archived.")


def unarchive(run: Run, name: Conversation) -> None:
    """Fetch a conversation back from the archive."""
    _change(run, lambda app: app.conversations.unarchive(name), lambda view: f"{view.title} is not archived.")


def read(run: Run, name: Conversation) -> None:
    """Mark all that is in a conversation now as read. Its authors learn it, unless read receipts are off."""

    async def change(app: App) -> ConversationView:
        view = await app.conversations.get(name)
        return view if view.last_message is None else await app.conversations.mark_read(view.id, view.last_message.id)

    _change(run, change, lambda view: f"{view.title} is read.")


def unread(run: Run, name: Conversation) -> None:
    """Mark a conversation as unread, from the newest message of others on."""
    _change(run, lambda app: app.conversations.mark_unread(name), lambda view: f"{view.title}: {view.unread} unread.")


def set_up(
    run: Run,
    name: Conversation,
    expire_after: Annotated[
        str,
        typer.Option(metavar="T|off", help="So long after it is read, what is written from now on expires: 1h, 7d."),
    ],
) -> None:
    """Set what holds in a conversation for everybody in it."""
    seconds = None if expire_after == "off" else parse_duration(expire_after)

    def words(view: ConversationView) -> str:
        if seconds is None:
            return f"{view.title}: messages do not expire."
        return f"{view.title}: messages expire {duration(seconds)} after they are read."

    _change(run, lambda app: app.conversations.set_timer(name, seconds), words)


def draft(
    run: Run, name: Conversation, text: Annotated[str, typer.Argument(metavar="TEXT", help="Empty: keep none.")]
) -> None:
    """Keep a text that is not sent yet. Sending the same text ends it."""
    _change(run, lambda app: app.conversations.draft(name, text), _drafted)


def _change(
    run: Run, change: Callable[[App], Awaitable[ConversationView]], words: Callable[[ConversationView], str]
) -> None:
    view = run.session.ask(change)
    run.out.value(view, lambda: [[words(view)]], done=words(view))


def _drafted(view: ConversationView) -> str:
    return f"The draft for {view.title} is kept." if view.draft else f"There is no draft for {view.title}."


def _muted(view: ConversationView) -> str:
    until = "" if view.muted_until is None else f" until {moment(view.muted_until)}"
    return f"{view.title} is muted{until}."
