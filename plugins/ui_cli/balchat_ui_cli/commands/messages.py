"""Commands about messages: send, history and retry."""

import sys
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, Container, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import anyio
import typer
from balchat_common.text_files import NotText, decoded

from balchat_host.api.errors import BadInput, MessageFailed, TextTooLong, TimedOut
from balchat_host.api.events import MessageChanged
from balchat_host.api.following import following
from balchat_host.api.frontend import MAX_TEXT_SIZE, App
from balchat_host.api.local_files import attach, check_source
from balchat_host.api.views import MessageState, MessageView
from balchat_ui_cli.commands.conversations import Conversation
from balchat_ui_cli.dates import parse_date, parse_duration
from balchat_ui_cli.frame import MESSAGES, Run, command
from balchat_ui_cli.input_lines import read_blocking
from balchat_ui_cli.lookup import MessageId, info_of, message_of
from balchat_ui_cli.output import Line
from balchat_ui_cli.render.file_words import metadata_words
from balchat_ui_cli.render.message_info import version_lines
from balchat_ui_cli.render.message_words import reason_words, sent_line
from balchat_ui_cli.render.messages import MessageList
from balchat_ui_cli.transfers import TransferView, follow, is_received

MARKDOWN = "Emphasis, links, lists, quotes, headings and code are shown as such."
"""What the option `--markdown` is for."""
QUEUED = "the message is queued and goes out"


class Goal(StrEnum):
    """What `send --wait` can wait for."""

    SENT = "sent"
    DELIVERED = "delivered"
    RECEIVED = "received"
    """Its files are all there."""


_REACHED = {
    Goal.SENT: {MessageState.SENT, MessageState.RELAYED, MessageState.DELIVERED, MessageState.READ},
    Goal.DELIVERED: {MessageState.DELIVERED, MessageState.READ},
    Goal.RECEIVED: {MessageState.DELIVERED, MessageState.READ},
}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(
        app,
        "send",
        panel=MESSAGES,
        unlocks=True,
        examples=[
            "balchat send Bob 'Are you there?'",
            "balchat send Bob 'Yes.' --reply-to 3f2a9c1e --wait delivered --timeout 30",
            "uptime | balchat send Bob",
            "balchat send me 'Buy milk.'",
            "balchat send Bob 'It is *really* [there](https://example.org).' --markdown",
            "balchat send Bob --file minutes.pdf --file photo.jpg 'As promised.'",
            "balchat send Bob --file photo.jpg --as-is",
            "balchat send Bob 'The door code is 4711.' --expires 1h",
            "balchat send Bob 'See you there.' --expires-at 2026-12-01T20:00",
        ],
    )(send)
    command(
        app,
        "history",
        panel=MESSAGES,
        unlocks=True,
        examples=[
            "balchat history Bob",
            "balchat history Bob --limit 100 --before 3f2a9c1e --json",
            "balchat history Bob --date 2026-01-31",
            "balchat history Bob --versions 3f2a9c1e",
        ],
    )(history)
    command(app, "retry", panel=MESSAGES, unlocks=True, examples=["balchat retry Bob 3f2a9c1e"])(retry)


def send(  # noqa: PLR0917  # the command line's options, given by name
    run: Run,
    name: Conversation,
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="The message; without it, or with -, standard input.", show_default=False),
    ] = None,
    reply_to: Annotated[str | None, typer.Option(metavar="ID", help="The message that this one answers.")] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="T", help="Have it expire so long after it is read: 1h, 7d.")
    ] = None,
    expires_at: Annotated[
        str | None,
        typer.Option(metavar="D", help="Have it expire then, read or not: 2026-12-01, 2026-12-01T20:00, tomorrow."),
    ] = None,
    mention: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Whom @NAME in the text means; more than once for several.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help=MARKDOWN)] = False,
    file: Annotated[
        list[Path] | None, typer.Option(metavar="PATH", help="A file to send; more than once for several.")
    ] = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Send pictures with all that they hold: where, when and with what.")
    ] = False,
    wait: Annotated[Goal | None, typer.Option(help="Return when it is that far; received: its files, too.")] = None,
    timeout: Annotated[float, typer.Option(metavar="S", min=0, help="Wait at most S seconds; 0: without end.")] = 60,
) -> None:
    """Write a message.

    It is safe once the command is back, and leaves as soon as there is a way. With --wait, balchat must be running.
    """
    if expires is not None and expires_at is not None:
        raise typer.BadParameter("give one of --expires and --expires-at")
    lasts = None if expires is None else parse_duration(expires)
    until = None if expires_at is None else parse_date(expires_at)
    paths = file or []
    if wait is Goal.RECEIVED and not paths:
        raise typer.BadParameter("--wait received is for a message with --file")
    for path in paths:
        check_source(path)
    written = _read_text(run) if text == "-" or (text is None and not paths) else text or ""

    async def write(app: App) -> MessageView:
        files = [await _attach(run, app, path, as_is=as_is) for path in paths]
        return await app.messages.send(
            name,
            written,
            reply_to,
            markdown=markdown,
            mentions=mention or (),
            expires_after=lasts,
            expires_at=until,
            files=files,
        )

    if wait is None:
        message = run.session.ask(write)
    else:
        message = run.session.ask_running(lambda app: _follow(run, app, lambda: write(app), wait, timeout))
    run.out.value(message, lambda: [sent_line(message)], done=f"The message is {message.state}, as {message.id}.")
    if message.state is MessageState.QUEUED:
        run.warn_if_not_running(QUEUED)
    if wait is not None and message.state is MessageState.FAILED:
        raise MessageFailed(problem=reason_words(message.reason or "no reason is known"))
    if wait is not None and not _is_there(message, wait):
        raise TimedOut(
            seconds=f"{timeout:g}", what=f"the message is {message.state}, and will go on without this command"
        )


def _read_text(run: Run) -> str:
    if sys.stdin.isatty():
        run.out.hint(["Write the message; Ctrl-D on an empty line ends it."])
    # More than fits: for a byte-order mark and a line break, which are dropped, and to see that there is more.
    size = MAX_TEXT_SIZE + len(BOM_UTF8) + len(b"\r\n") + 1
    octets = b""
    try:
        while len(octets) < size and (more := read_blocking(sys.stdin.fileno(), size - len(octets))):
            octets += more
    except OSError as error:
        raise BadInput(what="Standard input", problem=f"it cannot be read ({error.strerror})") from error
    octets = octets.removeprefix(BOM_UTF8).removesuffix(b"\n").removesuffix(b"\r")
    if len(octets) > MAX_TEXT_SIZE:
        raise TextTooLong(size=f"more than {MAX_TEXT_SIZE}", limit=MAX_TEXT_SIZE)
    try:
        return decoded(octets)
    except NotText as error:
        raise BadInput(what="The text", problem=f"it {error}") from error


async def _attach(run: Run, app: App, path: Path, *, as_is: bool) -> str:
    """Hand a file to the account, and say what it tells besides its contents; return its id."""
    shown = TransferView(run.out)
    try:
        file = await attach(app, path, shown.show, as_is=as_is)
    finally:
        shown.clear()
    if words := metadata_words(file):
        run.out.hint([words])
    return file.id


async def _follow(
    run: Run,
    app: App,
    send_it: Callable[[], Awaitable[MessageView]],
    goal: Goal,
    timeout: float,  # noqa: ASYNC109  # the time is the person's, and being out of it is a result here
) -> MessageView:
    """Send, and return the message as it is when it is as far as `goal`, or has failed, or when the time is over."""
    done = _REACHED[goal] | {MessageState.FAILED}
    before = await app.events.cursor()
    message = await send_it()
    with anyio.move_on_after(timeout or None):
        if message.state not in done:
            await _reach(app, message.id, done, after=before)
        if goal is Goal.RECEIVED:
            await _hand_over(run, app, message)
    return await app.messages.get(message.id)


async def _reach(app: App, message: str, done: Container[MessageState], *, after: int) -> None:
    """Return once a message is in one of these states."""
    async with following(app.events.follow(after=after)) as events:
        async for event in events:
            if isinstance(event, MessageChanged) and event.message.id == message and event.message.state in done:
                return


async def _hand_over(run: Run, app: App, message: MessageView) -> None:
    """Return once all have the files of a message."""
    for file in message.files:
        shown = TransferView(run.out)
        try:
            await follow(app, file.id, is_received, shown.show)
        finally:
            shown.clear()


def _is_there(message: MessageView, goal: Goal) -> bool:
    return message.state in _REACHED[goal] and (goal is not Goal.RECEIVED or all(map(is_received, message.files)))


def history(  # noqa: PLR0917  # the command line's options, given by name
    run: Run,
    name: Conversation,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How many messages.")] = 20,
    before: Annotated[str | None, typer.Option(metavar="ID", help="The last ones before this message.")] = None,
    after: Annotated[str | None, typer.Option(metavar="ID", help="The first ones after this message.")] = None,
    around: Annotated[str | None, typer.Option(metavar="ID", help="This message and those around it.")] = None,
    versions: Annotated[
        str | None, typer.Option(metavar="ID", help="All versions of this message, the first one first.")
    ] = None,
    date: Annotated[
        str | None, typer.Option(metavar="D", help="Those around the beginning of a day, or around a time.")
    ] = None,
) -> None:
    """Show messages of a conversation, oldest first: the last ones, or those that an option names."""
    if sum(each is not None for each in (before, after, around, date, versions)) > 1:
        raise typer.BadParameter("give one of --before, --after, --around, --date and --versions")
    if versions is not None:
        known = run.session.ask(lambda app: info_of(app, name, versions))
        run.out.values(known.versions, lambda: version_lines(known.versions))
        return
    at = None if date is None else parse_date(date)
    messages = run.session.ask(
        lambda app: app.messages.history(name, limit, before=before, after=after, around=around, date=at)
    )
    run.out.values(messages, lambda: _lines(run, messages))
    if not messages:
        run.out.hint([_nothing(before, after)])


def _nothing(before: str | None, after: str | None) -> str:
    if before is not None:
        return "No messages before that one."
    return "No messages yet." if after is None else "No messages after that one."


def retry(run: Run, name: Conversation, message: MessageId) -> None:
    """Send a message once more that failed."""

    async def send_again(app: App) -> MessageView:
        return await app.messages.retry((await message_of(app, name, message)).id)

    again = run.session.ask(send_again)
    run.out.value(again, lambda: [sent_line(again)], done=f"The message is {again.state} again, as {again.id}.")
    run.warn_if_not_running(QUEUED)


def _lines(run: Run, messages: Sequence[MessageView]) -> list[Line]:
    longest = max((message.author or "" for message in messages), key=len, default="")
    shown = MessageList(run.out.columns if run.out.live else None, longest, styled=run.out.live and run.out.colour)
    return list(shown.lines(messages, {}))
