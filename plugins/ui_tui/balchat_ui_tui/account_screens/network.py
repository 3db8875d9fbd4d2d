"""How everything is: the network, the addresses, the ways to send, the relays, what waits, and the disk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from balchat_texts import Texts

from balchat_host.api.text import visible
from balchat_host.api.types import Phase, ServiceState
from balchat_host.api.views import RelayView, ServiceStatus
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Failed, StatusCame
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.connection_state import Connection
from balchat_ui_tui.connection_state import Phase as Reached
from balchat_ui_tui.effects import Call, Effects, OpenScreen
from balchat_ui_tui.main.connection_words import service_reason
from balchat_ui_tui.pages.actions import Pressed
from balchat_ui_tui.pages.listing import ListPage
from balchat_ui_tui.pages.page import is_back
from balchat_ui_tui.pages.rows import Row, heading

STYLES: Final = {
    Phase.ONLINE: "$text-success",
    Phase.DEGRADED: "$text-warning",
    Phase.STARTING: "$text-accent",
    Phase.STOPPED: "dim",
}
_BAR: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """The relays, as they were when they were read last; how everything else is, the account's state has."""

    relays: tuple[RelayView, ...] = ()
    asked: bool = False


class RelaysCame(Action, frozen=True):
    """The relays came."""

    relays: Sequence[RelayView]


def update(state: NetworkState, action: Action, account: AccountState) -> tuple[NetworkState, Effects]:
    """Return the state after an action, and what is to be done."""
    if is_back(action, account):
        return _read(state, account)
    match action:
        case RelaysCame(relays=relays):
            return replace(state, relays=tuple(relays), asked=False), ()
        case Failed():
            return replace(state, relays=(), asked=False), ()
        case StatusCame() if not state.asked:
            return _read(state, account)
        case Pressed(name="choose", row=row) if row == "relays":
            return state, (OpenScreen("account.relays"),)
        case Pressed(name="choose", row=row) if row == "requests":
            return state, (OpenScreen("people.requests"),)
        case _:
            return state, ()


def _read(state: NetworkState, account: AccountState) -> tuple[NetworkState, Effects]:
    """Ask for the relays, where the account has any; not again before they have come."""
    if "relays.list" not in account.capabilities:
        return state, ()
    return replace(state, asked=True), (Call("relays.list", done=RelaysCame, failed=Failed),)


def service_words(state: ServiceState, t: Texts) -> str:
    """Say how a service is: its phase, how far it has come, and why it is no better."""
    if state.phase is Phase.STARTING and state.percent is not None:
        full = _BAR * min(max(state.percent, 0), 100) // 100
        said = f"{'━' * full}{'─' * (_BAR - full)} {state.percent} %"
    else:
        said = t(f"states.phase.{state.phase}")
    return f"{said} · {service_reason(t, state)}" if state.reason else said


def rows(state: NetworkState, account: AccountState, t: Texts, now: int) -> Sequence[Row]:
    """Return a row for everything that can be well or not."""
    status = account.status
    if status is None:
        return [Row(id=None, text=t("network.no-account"), style="$text-warning", note=_why(account.connection))]
    services = [heading(t("network.network"))]
    services += [_service(t.known("network.of", name), each, t) for name, each in status.network.items()]
    services.append(heading(t("network.addresses")))
    services.append(_service(t("network.identity-onion"), status.identity_onion, t))
    services.append(_service(t("network.device-onion"), status.device_onion, t))
    services.append(heading(t("network.ways")))
    services += [_service(t.known("network.of", name), each, t) for name, each in status.transports.items()]
    services.append(Row(id=None, text=t("network.policy"), side=t.known("network.policies", status.works_as)))
    if state.relays:
        services.append(heading(t("network.relays")))
        services += [relay_row(each, t, now, row="relays") for each in state.relays]
    return [*services, *_waiting(status, t, now), *_rest(status, t)]


def _waiting(status: ServiceStatus, t: Texts, now: int) -> Iterable[Row]:
    outbox = status.outbox
    yield heading(t("network.waiting"))
    since = t("network.since", when=t.moment(outbox.oldest, now)) if outbox.oldest is not None else ""
    yield Row(id=None, text=t("tui.outbox", count=outbox.waiting), side=since)
    yield Row(id=None, text=t("network.relayed", count=outbox.relayed))
    yield Row(id="requests", text=t("network.requests", count=status.requests))


def _rest(status: ServiceStatus, t: Texts) -> Iterable[Row]:
    yield heading(t("network.machine"))
    yield _service(t("network.disk"), status.storage, t)
    for name, each in status.plugins.items():
        yield _service(name, each, t)


def _service(name: str, state: ServiceState, t: Texts) -> Row:
    return Row(id=None, text=visible(name), side=service_words(state, t), side_style=STYLES[state.phase])


def _why(connection: Connection) -> str:
    return connection.reason or "" if connection.phase is Reached.LOST else ""


def relay_row(relay: RelayView, t: Texts, now: int, row: str | None = None) -> Row:
    """Return a row for a relay of ours."""
    told = [t("network.queues", count=relay.queues)]
    if relay.round_trip is not None and relay.answered_at is not None:
        told.append(t("tui.answered", when=t.relative(relay.answered_at, now), count=relay.round_trip))
    first = f"{t('network.default')} · " if relay.default else ""
    return Row(
        id=row or relay.onion,
        text=f"{relay.onion[:16]}…",
        side=f"{first}{service_words(relay.state, t)}",
        side_style=STYLES[relay.state.phase],
        note=" · ".join(told),
    )


class NetworkPage(ListPage[NetworkState]):
    """How everything is."""

    HEADING = "network.heading"

    def __init__(self) -> None:
        super().__init__(NetworkState())

    def update_state(self, state: NetworkState, action: Action, account: AccountState) -> tuple[NetworkState, Effects]:
        """Take what is told."""
        return update(state, action, account)

    def rows(self) -> Sequence[Row]:
        """Return how everything is."""
        return rows(self.state, self.account, self.tui.t, milliseconds_now())
