"""The command that finds messages by their words."""

from typing import Annotated

import typer

from balchat_host.api.frontend import MYSELF
from balchat_ui_cli.completion import complete_conversation
from balchat_ui_cli.dates import parse_date
from balchat_ui_cli.frame import MESSAGES, Run, command
from balchat_ui_cli.render.hits import hit_lines


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(
        app,
        "search",
        panel=MESSAGES,
        unlocks=True,
        examples=[
            "balchat search harbour",
            "balchat search '\"red bicycle\"' --in Bob --since 2026-11-01",
            "balchat search 'passp*' --from me --json",
        ],
    )(search)


def search(  # noqa: PLR0917  # the command line's options, given by name
    run: Run,
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help="What to look for.", show_default=False)],
    within: Annotated[
        str | None,
        typer.Option("--in", metavar="NAME", help="In this conversation only.", autocompletion=complete_conversation),
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="NAME", help=f"Written by this contact, or by {MYSELF}.",
            autocompletion=complete_conversation,
        ),
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="D", help="Written on this day or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="D", help="Written before this day.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="How many messages.")] = 20,
    before: Annotated[str | None, typer.Option(metavar="ID", help="Go on before this message.")] = None,
) -> None:  # fmt: skip
    """Find messages by their words, the newest first.

    All words must be in a message. Case and accents do not matter. Words in double quotes must follow one another, and
    * at the end of a word stands for any ending. A day is 2026-11-27, today, yesterday, or 3d for three days ago.
    """
    start, end = (None if date is None else parse_date(date) for date in (since, until))
    page = run.session.ask(lambda app: app.messages.search(" ".join(words), within, sender, start, end, limit, before))
    run.out.value(page, lambda: hit_lines(page.hits), done=None)
    if not page.hits and page.resume_before is None:
        run.out.hint(["Nothing was found."])
    if page.resume_before is not None:
        run.out.hint([f"There may be more: add --before {page.resume_before[:12]}"])
