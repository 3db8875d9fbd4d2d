"""Commands about people: contacts and contact requests."""

import sys
from pathlib import Path
from typing import Annotated, Final

import anyio
import typer

from balchat_host.api.errors import BadInput, PictureUnreadable
from balchat_host.api.frontend import App
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible
from balchat_host.api.views import ContactState, ContactView, SafetyNumberView
from balchat_ui_cli.commands.settings import change
from balchat_ui_cli.completion import complete_contact
from balchat_ui_cli.frame import PEOPLE, Run, command, new_group
from balchat_ui_cli.output import Line
from balchat_ui_cli.prompts import confirm
from balchat_ui_cli.render import contact_lines, request_lines

NOT_RUNNING = "balchat is not running: this goes out once `balchat up` runs."

Contact = Annotated[
    str, typer.Argument(metavar="NAME", help="The contact.", autocompletion=complete_contact, show_default=False)
]
Requester = Annotated[str, typer.Argument(metavar="WHO", help="Name, onion address or peer id.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]

_ACCEPT: Final = "requests.accept"
_LARGEST_PICTURE: Final = 8 * 1024 * 1024


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
        chat_code = _code_in(picture)
    elif code is not None and picture is None:
        chat_code = code
    else:
        raise BadInput(what="Whom to add", problem="give either a chat code or a picture of one")
    contact = run.session.ask(lambda app: app.contacts.add(chat_code, name, introduction))
    run.out.value(contact, lambda: [_added(contact)], done=f"{contact.name} is added.")
    _say_if_nothing_runs(run)


def _code_in(picture: Path) -> str:
    from balchat_host.api.pictures import read_qr  # most starts need no pictures

    name = visible(picture.name)
    try:
        with picture.open("rb") as file:
            octets = file.read(_LARGEST_PICTURE + 1)
    except OSError as error:
        raise BadInput(what=name, problem=error.strerror or type(error).__name__) from error
    if len(octets) > _LARGEST_PICTURE:
        raise BadInput(what=name, problem="the picture is larger than 8 MiB")
    try:
        code = anyio.run(read_qr, octets)
    except PictureUnreadable as error:
        raise BadInput(what=name, problem="this is no picture that can be read") from error
    if code is None:
        raise BadInput(what=name, problem="there is no QR code in this picture")
    return code


def _added(contact: ContactView) -> Line:
    words = {
        ContactState.ADDING: "is added. The request goes out as soon as they can be reached.",
        ContactState.REQUESTED: "is added. The request waits for their approval.",
        ContactState.ACTIVE: "is a contact: you can write to each other.",
    }
    return [Span(contact.name, Style.STRONG), f" {words[contact.state]}"]


def _say_if_nothing_runs(run: Run) -> None:
    if not run.session.connected:
        run.out.warn("not-running", NOT_RUNNING)


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
    _say_if_nothing_runs(run)


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
    run.out.value(contact, lambda: [_added(contact)], done=f"{contact.name} is added.")
    _say_if_nothing_runs(run)


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
