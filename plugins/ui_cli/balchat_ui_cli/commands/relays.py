"""Commands about relays: where others leave us something while we are away."""

from typing import Annotated

import typer

from balchat_host.api.types import Phase
from balchat_ui_cli.completion import complete_relay
from balchat_ui_cli.frame import RUNNING, Run, command, new_group
from balchat_ui_cli.output import Span, Style
from balchat_ui_cli.render import relay_lines

NOT_ONLINE = 7
"""The exit code where a relay cannot be used: what fails is outside of balchat."""

Relay = Annotated[
    str,
    typer.Argument(
        metavar="RELAY", help="Its onion address, or how it begins.", autocompletion=complete_relay, show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    relay = new_group()
    command(relay, "add", examples=["balchat relay add 'balchat-relay:…'", "balchat relay add 2gzyx…d.onion"])(add)
    command(relay, "list", examples=["balchat relay list", "balchat relay list --json"])(list_relays)
    command(relay, "check", examples=["balchat relay check", "balchat relay check 2gzyxa"])(check)
    command(relay, "default", examples=["balchat relay default 2gzyxa"])(make_default)
    command(relay, "remove", examples=["balchat relay remove 2gzyxa"])(remove)
    app.add_typer(relay, name="relay", help="Choose where others leave you messages.", rich_help_panel=RUNNING)


def add(
    run: Run, address: Annotated[str, typer.Argument(metavar="ADDRESS", help="As the relay's operator hands it out.")]
) -> None:
    """Use a relay from now on; it is asked first whether it takes you."""
    relay = run.session.ask_running(lambda app: app.add_relay(address))
    where = "your default relay" if relay.default else "a relay of yours"
    run.out.value(relay, lambda: [[Span(relay.onion, Style.STRONG), f" is {where}. Contacts learn of it."]])


def list_relays(run: Run) -> None:
    """Show your relays and how each is."""
    relays = run.session.ask_running(lambda app: app.relays())
    run.out.values(relays, lambda: relay_lines(relays))
    if not relays:
        run.out.hint(["No relay yet: nothing can be left for you. `balchat relay add ADDRESS` adds one."])


def check(
    run: Run,
    relay: Annotated[
        str | None,
        typer.Argument(
            metavar="[RELAY]", help="Which one; else all.", autocompletion=complete_relay, show_default=False
        ),
    ] = None,
) -> int:
    """Go to a relay, or to all of them, and say how it is. The exit code is 7 where one cannot be used."""
    names = [relay] if relay else [each.onion for each in run.session.ask_running(lambda app: app.relays())]
    checked = [run.session.ask_running(lambda app, name=name: app.check_relay(name)) for name in names]
    run.out.values(checked, lambda: relay_lines(checked))
    return 0 if all(each.state.phase is Phase.ONLINE for each in checked) else NOT_ONLINE


def make_default(run: Run, relay: Relay) -> None:
    """Have contacts try a relay first."""
    view = run.session.ask_running(lambda app: app.set_default_relay(relay))
    run.out.value(view, lambda: [[Span(view.onion, Style.STRONG), " is your default relay now."]])


def remove(run: Run, relay: Relay) -> None:
    """Use a relay no more. What waits there is fetched while it lasts."""
    run.session.ask_running(lambda app: app.remove_relay(relay))
    run.out.value({"relay": relay, "removed": True}, lambda: [[f"{relay} is used no more. Contacts learn of it."]])
