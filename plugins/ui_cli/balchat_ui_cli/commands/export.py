"""The command that writes a conversation out, for keeping."""

import html
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Final

import typer

from balchat_host.api.frontend import App
from balchat_host.api.text import visible, visible_lines
from balchat_host.api.views import MessageView
from balchat_ui_cli.commands.conversations import Conversation
from balchat_ui_cli.frame import MESSAGES, Run, command
from balchat_ui_cli.output import Line
from balchat_ui_cli.render.file_words import files_lines
from balchat_ui_cli.render.message_words import message_remarks, reply_words, shown_text, timer_words
from balchat_ui_cli.render.names import author
from balchat_ui_cli.text import moment

WARNING: Final = "What is exported is in the clear: whoever can read it reads all of it, and it does not expire."
_AT_ONCE: Final = 200
"""Messages of one page: it fits into an answer also where all are of the longest, and each character takes six."""


class Format(StrEnum):
    """What `export` writes."""

    JSON = "json"
    MD = "md"
    HTML = "html"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(
        app,
        "export",
        panel=MESSAGES,
        unlocks=True,
        examples=["balchat export Bob --format md > bob.md", "balchat export Bob --format json"],
    )(export)


def export(
    run: Run, name: Conversation, form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.MD
) -> None:
    """Write a whole conversation to standard output, oldest message first.

    It is in the clear: whoever can read it reads all of it. What has expired or was deleted is not in it.
    """
    messages = run.session.ask(lambda app: _everything(app, name))
    if run.out.as_json or form is Format.JSON:
        run.out.as_json = True
        run.out.values(messages, list)
    else:
        write = {Format.MD: _markdown, Format.HTML: _html}[form]
        run.out.values([], lambda: _lines(write, messages))
    run.out.warn("in-the-clear", WARNING)


async def _everything(app: App, name: str) -> list[MessageView]:
    messages = list(await app.messages.history(name, _AT_ONCE, date=0))
    while messages and (more := await app.messages.history(name, _AT_ONCE, after=messages[-1].id)):
        messages += more
    return messages


def _lines(write: Callable[[Iterable[MessageView]], Iterator[str]], messages: Iterable[MessageView]) -> Iterable[Line]:
    return ([line] for line in write(messages))


def _said(message: MessageView) -> list[str]:
    """Return what a message says, line by line."""
    if message.timer:
        return [timer_words(message, message.timer)]
    quote = [] if message.reply is None else [f"↳ {reply_words(message.reply)}"]
    if message.text is None:
        text = ["[deleted]"] if message.deleted else [] if message.files else [f"[{visible(message.content_type)}]"]
    else:
        text = list(visible_lines(shown_text(message.content_type, message.text)))
    remarks = message_remarks(message)
    return [*quote, *text, *files_lines(message), *([remarks] if remarks else [])]


def _markdown(messages: Iterable[MessageView]) -> Iterator[str]:
    for message in messages:
        yield f"**{_escaped(visible(author(message)))}**, {moment(message.sent_at)}"
        yield ""
        yield from (f"> {_escaped(line)}  " for line in _said(message))
        yield ""


def _escaped(line: str) -> str:
    """Return a line that Markdown shows as it is (GFM, section 6.1)."""
    return "".join(f"\\{each}" if each in r"\`*_{}[]()<>#+-.!|~&" else each for each in line)


def _html(messages: Iterable[MessageView]) -> Iterator[str]:
    yield '<!doctype html><meta charset="utf-8"><title>balchat</title>'
    for message in messages:
        yield f"<p><b>{html.escape(visible(author(message)))}</b>, <time>{moment(message.sent_at)}</time><br>"
        *first, last = (html.escape(line) for line in _said(message))
        yield from (f"{line}<br>" for line in first)
        yield f"{last}</p>"
