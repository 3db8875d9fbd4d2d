"""Commands about contact requests: list, accept, reject, block, on, off."""

from typing import Annotated, Final

import typer

from balchat_ui_cli.commands.contacts import GOES_OUT, added_line
from balchat_ui_cli.commands.settings import change
from balchat_ui_cli.frame import PEOPLE, Run, command, new_group
from balchat_ui_cli.render.people import request_lines

Requester = Annotated[str, typer.Argument(metavar="WHO", help="Name, onion address or peer id.")]

_ACCEPT: Final = "requests.accept"
"""The setting that `on` and `off` change."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    requests = new_group()
    command(requests, "list", unlocks=True, examples=["balchat requests list"])(list_requests)
    command(requests, "accept", unlocks=True, examples=["balchat requests accept Dave --name 'Dave W.'"])(accept)
    command(requests, "reject", unlocks=True, examples=["balchat requests reject Dave"])(reject)
    command(requests, "block", unlocks=True, examples=["balchat requests block Dave"])(block_request)
    command(requests, "on", examples=["balchat requests on"])(switch_on)
    command(requests, "off", examples=["balchat requests off"])(switch_off)
    app.add_typer(
        requests,
        name="requests",
        help="Answer people who ask to write to you, or let nobody ask.",
        rich_help_panel=PEOPLE,
    )


def list_requests(run: Run) -> None:
    """Show who asks to write to you."""
    requests = run.session.ask(lambda app: app.requests.list())
    run.out.values(requests, lambda: request_lines(requests))
    if not requests:
        run.out.hint(["Nobody is waiting."])


def switch_on(run: Run) -> None:
    """Let strangers ask you for contact again."""
    change(run, _ACCEPT, value=True, effect="Strangers may ask you for contact.")


def switch_off(run: Run) -> None:
    """Let no stranger ask you for contact: your chat code leads nowhere, and your contacts go on.

    A contact who has lost all routes to you cannot come back until it is on again.
    """
    change(run, _ACCEPT, value=False, effect="No stranger can ask you for contact now; your contacts go on.")


def accept(
    run: Run,
    who: Requester,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call them; else as they call themselves.")
    ] = None,
) -> None:
    """Make somebody who asks a contact."""
    contact = run.session.ask(lambda app: app.requests.accept(who, name))
    run.out.value(contact, lambda: [added_line(contact)], done=f"{contact.name} is added.")
    run.warn_if_not_running(GOES_OUT)


def reject(run: Run, who: Requester) -> None:
    """Turn a request down. Who asked is not told."""
    request = run.session.ask(lambda app: app.requests.reject(who))
    rejected = "The request is turned down."
    run.out.value({"peer_id": request.peer_id, "rejected": True}, lambda: [[rejected]], done=rejected)


def block_request(run: Run, who: Requester) -> None:
    """Turn a request down, and hear nothing from whoever asked any more. They are not told.

    They stand among your contacts as blocked; `contacts unblock` asks them, and `contacts remove` lets them ask again.
    """
    contact = run.session.ask(lambda app: app.requests.block(who))
    blocked = f"The request is turned down, and {contact.name} is blocked."
    run.out.value(contact, lambda: [[blocked]], done=blocked)
