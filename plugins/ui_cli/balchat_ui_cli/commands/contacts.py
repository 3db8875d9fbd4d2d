"""Commands about contacts: add, list, rename, verify, renew, block, unblock, remove."""

import sys
from pathlib import Path
from typing import Annotated

import anyio
import typer

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import App
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible
from balchat_host.api.views import ContactState, ContactView, SafetyNumberView
from balchat_ui_cli.completion import complete_contact
from balchat_ui_cli.frame import PEOPLE, Run, command, new_group
from balchat_ui_cli.output import Line
from balchat_ui_cli.prompts import confirm
from balchat_ui_cli.render.people import contact_lines

GOES_OUT = "this goes out"
"""What a request or a renewal does once balchat runs."""

Contact = Annotated[
    str, typer.Argument(metavar="NAME", help="The contact.", autocompletion=complete_contact, show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    contacts = new_group()
    command(
        contacts,
        "add",
        unlocks=True,
        examples=[
            "balchat contacts add 'balchat:…' --name Bob",
            "balchat contacts add 2gzyx…d.onion --name Bob",
            "balchat contacts add --picture bob.png",
        ],
    )(add)
    command(contacts, "list", unlocks=True, examples=["balchat contacts list", "balchat contacts list --json"])(
        list_contacts
    )
    command(contacts, "rename", unlocks=True, examples=["balchat contacts rename Bob Robert"])(rename)
    command(
        contacts,
        "verify",
        unlocks=True,
        examples=["balchat contacts verify Bob", "balchat contacts verify Bob '05123 77120 …'"],
    )(verify)
    command(contacts, "renew", unlocks=True, examples=["balchat contacts renew Bob"])(renew)
    command(contacts, "block", unlocks=True, examples=["balchat contacts block Bob"])(block)
    command(contacts, "unblock", unlocks=True, examples=["balchat contacts unblock Bob"])(unblock)
    command(contacts, "remove", unlocks=True, examples=["balchat contacts remove Bob --yes"])(remove)
    app.add_typer(contacts, name="contacts", help="Add, show and change contacts.", rich_help_panel=PEOPLE)


def add(
    run: Run,
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="Their chat code, or their onion address.", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call them; else the name in the code.")
    ] = None,
    introduction: Annotated[str, typer.Option(metavar="TEXT", help="What they read before they accept you.")] = "",
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture of their QR code, in place of the code.")
    ] = None,
) -> None:
    """Ask somebody to become a contact. They need not be there now."""
    if code is None and picture is not None:
        chat_code = _code_in(picture.expanduser())
    elif code is not None and picture is None:
        chat_code = code
    else:
        raise BadInput(what="Whom to add", problem="give either a chat code or a picture of one")
    contact = run.session.ask(lambda app: app.contacts.add(chat_code, name, introduction))
    run.out.value(contact, lambda: [added_line(contact)], done=f"{contact.name} is added.")
    run.warn_if_not_running(GOES_OUT)


def _code_in(picture: Path) -> str:
    from balchat_host.api.pictures import read_qr_file  # most starts need no pictures

    code = anyio.run(read_qr_file, picture)
    if code is None:
        raise BadInput(what=visible(picture.name), problem="there is no QR code in this picture")
    return code


def added_line(contact: ContactView) -> Line:
    """Say that somebody is a contact now, and what happens next."""
    words = {
        ContactState.ADDING: "is added. The request goes out as soon as they can be reached.",
        ContactState.REQUESTED: "is added. The request waits for their approval.",
        ContactState.ACTIVE: "is a contact: you can write to each other.",
    }
    return [Span(contact.name, Style.STRONG), f" {words[contact.state]}"]


def list_contacts(run: Run) -> None:
    """Show all contacts."""
    contacts = run.session.ask(lambda app: app.contacts.list())
    run.out.values(contacts, lambda: contact_lines(contacts))
    if not contacts:
        run.out.hint(
            ["No contacts yet. `balchat contacts add CODE` asks somebody; `balchat code` shows your own code."]
        )


def rename(run: Run, name: Contact, new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")]) -> None:
    """Call a contact something else."""
    contact = run.session.ask(lambda app: app.contacts.rename(name, new))
    renamed = f"{name} is now called {contact.name}."
    run.out.value(contact, lambda: [[renamed]], done=renamed)


def verify(
    run: Run,
    name: Contact,
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help="The number that the other side sees.", show_default=False)
    ] = None,
) -> None:
    """Compare the safety number with a contact, over a channel that you trust."""
    shown = run.session.ask(lambda app: app.contacts.safety_number(name))
    given = number
    if given is None and not run.out.as_json:
        run.out.say(*_number_lines(shown))
        if not shown.verified and sys.stdin.isatty() and _same(shown.contact):
            given = shown.safety_number
    if given is None:
        run.out.value(shown, list)
        return
    digits = _digits(given)

    async def take(app: App) -> SafetyNumberView:
        await app.contacts.verify(name, digits)
        return await app.contacts.safety_number(name)

    now = run.session.ask(take)
    verified = f"{now.contact} is verified."
    run.out.value(now, lambda: [[verified]], done=verified)


def _digits(number: str) -> str:
    return "".join(filter(str.isdecimal, number))


def _number_lines(shown: SafetyNumberView) -> list[Line]:
    digits = _digits(shown.safety_number)
    groups = [digits[start : start + 5] for start in range(0, len(digits), 5)]
    rows = ["    " + " ".join(groups[start : start + 4]) for start in range(0, len(groups), 4)]
    verified: list[Line] = [[], [f"{shown.contact} is verified already."]] if shown.verified else [[]]
    return [[f"The safety number that you share with {shown.contact}:"], [], *([row] for row in rows), *verified]


def _same(contact: str) -> bool:
    return confirm(f"Does {visible(contact)} see the same number?")


def renew(run: Run, name: Contact) -> None:
    """Renew the keys with a contact now, where you think that somebody has copied yours or theirs.

    That is done by itself, every week while you write to each other and every month otherwise, and once an hour at
    most. It shuts out whoever once had a copy, as soon as both sides have been up; it does not shut out somebody who
    reads along on your machine or theirs.
    """
    contact = run.session.ask(lambda app: app.contacts.renew(name))
    earliest = "an hour after the last time at the earliest"
    renewed = f"The keys with {contact.name} are renewed as soon as both of you have been up, {earliest}."
    run.out.value(contact, lambda: [[renewed]], done=renewed)
    run.warn_if_not_running(GOES_OUT)


def block(run: Run, name: Contact) -> None:
    """Hear nothing from a contact any more. They are not told."""
    contact = run.session.ask(lambda app: app.contacts.block(name))
    blocked = f"{contact.name} is blocked."
    run.out.value(contact, lambda: [[blocked]], done=blocked)


def unblock(run: Run, name: Contact) -> None:
    """Hear from a contact again."""
    contact = run.session.ask(lambda app: app.contacts.unblock(name))
    unblocked = f"{contact.name} is no longer blocked."
    run.out.value(contact, lambda: [[unblocked]], done=unblocked)


def remove(run: Run, name: Contact, yes: Yes = False) -> None:
    """Delete a contact with the whole conversation."""
    if not yes:
        if run.out.as_json or not sys.stdin.isatty():
            raise BadInput(what="The contact is not removed", problem="that cannot be undone, so it needs --yes")
        if not confirm(f"Delete {visible(name)} and every message of the conversation?"):
            run.out.hint(["Nothing was removed."])
            return
    run.session.ask(lambda app: app.contacts.remove(name))
    removed = f"{name} is removed."
    run.out.value({"name": name, "removed": True}, lambda: [[removed]], done=removed)
