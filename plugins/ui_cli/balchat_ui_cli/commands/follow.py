"""The command that prints what happens: listen."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated

import typer

from balchat_host.api.events import (
    ContactChanged,
    ContactRemoved,
    Event,
    MessageAdded,
    MessageStateChanged,
    RequestClosed,
    RequestReceived,
)
from balchat_host.api.frontend import App
from balchat_ui_cli.frame import MESSAGES, Run, command
from balchat_ui_cli.output import Line, Span, Style
from balchat_ui_cli.render import contact_words, missing_span, reason_words, state_style
from balchat_ui_cli.session import following
from balchat_ui_cli.text import SHORT_ID, clock_with_seconds, text_lines


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(
        app,
        "listen",
        panel=MESSAGES,
        examples=["balchat listen", "balchat listen --json --as my-bot", "balchat listen --json --from 0 --count 10"],
    )(listen)


def listen(
    run: Run,
    after: Annotated[
        int | None, typer.Option("--from", metavar="CURSOR", min=0, help="Begin after the event with this cursor.")
    ] = None,
    subscriber: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Remember how far we came, and go on there next time.")
    ] = None,
    count: Annotated[int | None, typer.Option(metavar="N", min=1, help="End after N events.")] = None,
) -> None:
    """Print what happens, one event a line, until Ctrl-C."""
    run.session.ask_running(partial(_listen, run=run, after=after, subscriber=subscriber, count=count))


async def _listen(app: App, *, run: Run, after: int | None, subscriber: str | None, count: int | None) -> None:
    printed = 0
    async with following(app.events(after, subscriber)) as events:
        async for event in events:
            await run.out.patiently(run.out.value, event, lambda event=event: event_lines(event))
            if subscriber is not None:
                await app.acknowledge(subscriber, event.cursor)
            printed += 1
            if printed == count:
                return


def event_lines(event: Event) -> Iterable[Line]:
    """Show one event on one line, after one without a time if messages are missing before it."""
    if isinstance(event, MessageAdded) and event.message.missing_before:
        yield [missing_span(event.message)]
    yield [Span(f"{clock_with_seconds(event.at)}  ", Style.FAINT), *_words(event)]


def _words(event: Event) -> Sequence[Span | str]:
    match event:
        case MessageAdded(message=message):
            text = f"[{message.content_type}]" if message.text is None else " ⏎ ".join(text_lines(message.text))
            style = Style.STRONG if message.author is None else Style.OTHER
            name = Span("you" if message.author is None else message.author, style)
            return [name, f": {text}  ", Span(f"[{message.id[:SHORT_ID]}]", Style.FAINT)]
        case MessageStateChanged(id=identifier, state=state, reason=reason):
            because = f": {reason_words(reason)}" if reason else ""
            return [Span(f"{identifier[:SHORT_ID]} ", Style.FAINT), Span(f"{state}{because}", state_style(state))]
        case ContactChanged(contact=contact):
            return [Span(contact.name, Style.STRONG), f" {', '.join(contact_words(contact))}"]
        case ContactRemoved(name=name):
            return [Span(name, Style.STRONG), " removed"]
        case RequestReceived(request=request):
            said = f": {' ⏎ '.join(text_lines(request.introduction))}" if request.introduction else ""
            return [Span(request.name or request.onion, Style.WARN), f" asks to become a contact{said}"]
        case RequestClosed(peer_id=peer_id, outcome=outcome):
            return [f"request {outcome} ", Span(f"[{peer_id[:SHORT_ID]}]", Style.FAINT)]
        case _:
            return [event.type]
