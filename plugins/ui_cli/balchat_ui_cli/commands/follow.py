"""The command that prints what happens: listen."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Annotated, Final

import anyio
import typer
from anyio.abc import TaskStatus

from balchat_host.api.events import (
    DEVICE,
    AccountRestored,
    ContactAlarm,
    ContactChanged,
    ContactRemoved,
    ConversationChanged,
    Event,
    FileChanged,
    MessageAdded,
    MessageChanged,
    RequestClosed,
    RequestReceived,
)
from balchat_host.api.following import following
from balchat_host.api.frontend import App
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import text_lines
from balchat_ui_cli.confirming import Confirming
from balchat_ui_cli.executing import Executing
from balchat_ui_cli.frame import MESSAGES, Run, command
from balchat_ui_cli.output import Line, Lines
from balchat_ui_cli.render.alarms import alarm_words
from balchat_ui_cli.render.file_words import file_words, files_lines
from balchat_ui_cli.render.message_words import missing_span, state_style, state_words, timer_words
from balchat_ui_cli.render.names import author
from balchat_ui_cli.render.people import contact_words
from balchat_ui_cli.text import SHORT_ID, clock_with_seconds, moment

MAX_CURSOR: Final = 10**18
"""No event ever has such a cursor, and it fits the integers of every language that JSON comes from."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(
        app,
        "listen",
        panel=MESSAGES,
        examples=[
            "balchat listen",
            "balchat listen --json --from 0 --count 10",
            "balchat listen --as my-bot --exec ./handle-event",
        ],
    )(listen)


def listen(  # noqa: PLR0917  # the command line's options, given by name
    run: Run,
    after: Annotated[
        int | None,
        typer.Option("--from", metavar="CURSOR", min=0, max=MAX_CURSOR, help="Begin after the event with this cursor."),
    ] = None,
    subscriber: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Begin after the last event that the reader NAME has confirmed."),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="With --as: read cursors of handled events, one a line, from stdin.")
    ] = False,
    execute: Annotated[
        str | None,
        typer.Option(
            "--exec", metavar="COMMAND", help="With --as: run COMMAND for each event; exit code 0 confirms it."
        ),
    ] = None,
    tries: Annotated[
        int, typer.Option(metavar="N", min=0, help="With --exec: give up after N failures in a row; 0: never.")
    ] = 5,
    count: Annotated[int | None, typer.Option(metavar="N", min=1, help="End after N events.")] = None,
) -> None:
    """Print what happens, one event a line, until Ctrl-C.

    What is printed does not count as handled: with --as, only what --confirm or --exec confirms is left out the next
    time.
    """
    if subscriber is None and (confirm or execute is not None):
        raise typer.BadParameter("--confirm and --exec need --as NAME: the reader whose events they confirm")
    if confirm and execute is not None:
        raise typer.BadParameter("--confirm and --exec both confirm events; give one of them")

    async def follow(app: App) -> None:
        if subscriber is not None:
            # From now on, what this reader has not confirmed is kept for it.
            await app.events.acknowledge(subscriber, 0)
        async with following(app.events.follow(after, subscriber)) as events:
            if subscriber is None or not (confirm or execute is not None):
                await _print(run, events, count)
            elif execute is None:
                await Confirming(app, run.out, subscriber).run(_with_lines(events), count)
            else:
                executing = Executing(
                    app, run.out, subscriber, command=execute, profile=run.profile.directory, tries=tries
                )
                await executing.run(events, count)

    if execute is None:
        run.session.ask_running(follow)
    else:
        run.session.ask_running(partial(_ended_by_signals, follow))


async def _print(run: Run, events: AsyncIterator[Event], count: int | None) -> None:
    printed = 0
    async for event in events:
        await run.out.patiently(run.out.value, event, lambda event=event: event_lines(event))
        printed += 1
        if printed == count:
            return


async def _with_lines(events: AsyncIterator[Event]) -> AsyncIterator[tuple[Event, Lines]]:
    async for event in events:
        yield event, partial(event_lines, event)


async def _ended_by_signals(call: Callable[[App], Awaitable[None]], app: App) -> None:
    """Call, and end by a signal only after what the call has to do at its end. Ctrl-C does that anyway."""
    caught: list[signal.Signals] = []

    async def wait_for_signal(*, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGHUP) as signals:
            task_status.started()
            async for received in signals:
                caught.append(received)
                tasks.cancel_scope.cancel()
                return

    async with anyio.create_task_group() as tasks:
        await tasks.start(wait_for_signal)
        await call(app)
        tasks.cancel_scope.cancel()
    if caught:
        signal.raise_signal(caught[0])


def event_lines(event: Event) -> Iterable[Line]:
    """Show one event on one line, after one without a time if messages are missing before it."""
    if isinstance(event, MessageAdded) and event.message.missing_before:
        yield [missing_span(event.message)]
    yield [Span(f"{clock_with_seconds(event.at)}  ", Style.FAINT), *_words(event)]


def _words(event: Event) -> Sequence[Span | str]:
    match event:
        case MessageAdded(message=message) if message.timer:
            return [timer_words(message, message.timer), Span(f"  [{message.id[:SHORT_ID]}]", Style.FAINT)]
        case MessageAdded(message=message):
            said = [] if message.text is None else text_lines(message.text)
            text = " ⏎ ".join([*said, *files_lines(message)]) or f"[{message.content_type}]"
            style = Style.STRONG if message.author is None else Style.OTHER
            name = Span(author(message), style)
            return [name, f": {text}  ", Span(f"[{message.id[:SHORT_ID]}]", Style.FAINT)]
        case MessageChanged(message=message):
            return [
                Span(f"{message.id[:SHORT_ID]} ", Style.FAINT),
                Span(state_words(message), state_style(message.state)),
            ]
        case FileChanged(file=file):
            return [Span(f"[file] {file_words(file)}", Style.FAINT)]
        case ConversationChanged(conversation=conversation, changed=changed):
            return [Span(conversation.title, Style.STRONG), f" changed: {', '.join(changed).replace('_', ' ')}"]
        case AccountRestored(copied_at=copied_at, contacts=contacts):
            asked = "1 contact is" if contacts == 1 else f"{contacts} contacts are"
            return [f"restored from a backup of {moment(copied_at)}: {asked} asked again"]
        case _:
            return _people_words(event)


def _people_words(event: Event) -> Sequence[Span | str]:
    match event:
        case ContactChanged(contact=contact, changed=changed) if DEVICE in changed:
            return [
                Span(contact.name, Style.STRONG),
                Span(" goes on with another device, or from a backup", Style.WARN),
            ]
        case ContactChanged(contact=contact):
            return [Span(contact.name, Style.STRONG), f" {', '.join(contact_words(contact))}"]
        case ContactRemoved(name=name):
            return [Span(name, Style.STRONG), " removed"]
        case ContactAlarm(name=name, kind=kind):
            return [Span(alarm_words(kind, name), Style.BAD if kind.is_serious else Style.WARN)]
        case RequestReceived(request=request):
            said = f": {' ⏎ '.join(text_lines(request.introduction))}" if request.introduction else ""
            return [Span(request.name or request.onion, Style.WARN), f" asks to become a contact{said}"]
        case RequestClosed(peer_id=peer_id, outcome=outcome):
            return [f"request {outcome} ", Span(f"[{peer_id[:SHORT_ID]}]", Style.FAINT)]
        case _:
            return [event.type]
