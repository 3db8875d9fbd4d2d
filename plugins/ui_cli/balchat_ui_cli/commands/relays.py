"""Commands about relays: where others leave us something while we are away."""

from contextlib import suppress
from typing import Annotated

import anyio
import typer

from balchat_host.api.errors import NoSuchRelay
from balchat_host.api.frontend import App
from balchat_host.api.spans import Span, Style
from balchat_host.api.types import Phase
from balchat_host.api.views import RelayView
from balchat_ui_cli.completion import complete_relay
from balchat_ui_cli.frame import RUNNING, Run, command, new_group
from balchat_ui_cli.render.status import relay_lines

NOT_ONLINE = 7
"""The exit code where a relay cannot be used: what fails is outside of balchat."""
_NO_RELAY = ["No relay yet: nothing can be left for you. `balchat relay add ADDRESS` adds one."]

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
    """Use a relay from now on, so that people reach you while you are away. It is asked first whether it takes you."""
    relay = run.session.ask_running(lambda app: app.relays.add(address))
    where = "your default relay" if relay.default else "a relay of yours"
    told = f" is {where}. Contacts learn of it."
    run.out.value(relay, lambda: [[Span(relay.onion, Style.STRONG), told]], done=relay.onion + told)


def list_relays(run: Run) -> None:
    """Show your relays and how each is."""
    relays = run.session.ask_running(lambda app: app.relays.list())
    run.out.values(relays, lambda: relay_lines(relays))
    if not relays:
        run.out.hint(_NO_RELAY)


def check(
    run: Run,
    relay: Annotated[
        str | None,
        typer.Argument(metavar="RELAY", help="Which one; else all.", autocompletion=complete_relay, show_default=False),
    ] = None,
) -> int:
    """Go to a relay, or to all of them, and say how it is. The exit code is 7 where one cannot be used."""
    checked = run.session.ask_running(lambda app: _check(app, relay))
    run.out.values(checked, lambda: relay_lines(checked))
    if not checked:
        run.out.hint(_NO_RELAY)
    return 0 if all(each.state.phase is Phase.ONLINE for each in checked) else NOT_ONLINE


async def _check(app: App, relay: str | None) -> list[RelayView]:
    if relay is not None:
        return [await app.relays.check(relay)]
    relays = await app.relays.list()
    checked: dict[str, RelayView] = {}

    async def go(onion: str) -> None:
        # One that was removed in the meantime is none of ours any more.
        with suppress(NoSuchRelay):
            checked[onion] = await app.relays.check(onion)

    async with anyio.create_task_group() as tasks:
        for each in relays:
            tasks.start_soon(go, each.onion)
    return [checked[each.onion] for each in relays if each.onion in checked]


def make_default(run: Run, relay: Relay) -> None:
    """Have contacts try a relay first."""
    view = run.session.ask_running(lambda app: app.relays.set_default(relay))
    told = " is your default relay now."
    run.out.value(view, lambda: [[Span(view.onion, Style.STRONG), told]], done=view.onion + told)


def remove(run: Run, relay: Relay) -> None:
    """Use a relay no more. What waits there is fetched while it lasts."""
    onion = run.session.ask_running(lambda app: _remove(app, relay))
    told = " is used no more. Contacts learn of it."
    run.out.value({"relay": onion, "removed": True}, lambda: [[Span(onion, Style.STRONG), told]], done=onion + told)


async def _remove(app: App, relay: str) -> str:
    """Remove a relay; return its whole address, which nobody can look up afterwards."""
    beginning = relay.strip().lower().removesuffix(".onion")
    onion = next((each.onion for each in await app.relays.list() if each.onion.startswith(beginning)), relay)
    await app.relays.remove(relay)
    return onion
