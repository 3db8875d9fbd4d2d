"""The state of an account: its network, transports and relays, its contacts, and what waits to be sent."""

from collections.abc import Iterable, Mapping, Sequence

from balchat_host.api.errors import NotRunning
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible
from balchat_host.api.types import Phase, ServiceState
from balchat_host.api.views import RelayView, ServiceStatus
from balchat_ui_cli.account_status import AccountStatus
from balchat_ui_cli.output import Line
from balchat_ui_cli.render.labels import LABEL, labelled
from balchat_ui_cli.render.names import short_name
from balchat_ui_cli.render.people import contact_lines, renewal_words
from balchat_ui_cli.text import counted, moment, progress_bar

IDENTITY_ADDRESS = "chat code"
"""How people call the address in their chat code, published or not."""
DEVICE_ADDRESS = "address"
"""How they call the address that their contacts use."""
ADDRESSES = (IDENTITY_ADDRESS, DEVICE_ADDRESS)
DISK = "disk"
"""How people call what the vault lies on."""
_WORKS_AS = {
    "direct-only": ": no enabled transport keeps messages for people who are away",
    "relay-only": ": no enabled transport reaches people themselves",
}
_PHASE_STYLES = {Phase.ONLINE: Style.GOOD, Phase.DEGRADED: Style.WARN, Phase.STARTING: Style.PLAIN}


def service(state: ServiceState, *, bar: bool = False) -> list[Span]:
    """Show a state, while it starts with a bar if wanted."""
    style = _PHASE_STYLES.get(state.phase, Style.FAINT)
    reason = f"  {state.reason}" if state.reason else ""
    remark = Style.WARN if state.phase is Phase.ONLINE else Style.FAINT
    if bar and state.phase is Phase.STARTING and state.percent is not None:
        return [Span(progress_bar(min(state.percent, 100) / 100), Style.OTHER), Span(f" {state.percent:3} %{reason}")]
    percent = "" if state.percent is None else f" {state.percent} %"
    return [Span(f"{state.phase}{percent}", style), Span(reason, remark)]


def services(status: ServiceStatus) -> Mapping[str, ServiceState]:
    """Name everything that has a state, as people call it; two that would be called the same, in full."""
    named = {short_name(name, "network_"): state for name, state in status.network.items()}
    named[DEVICE_ADDRESS] = status.device_onion
    named[IDENTITY_ADDRESS] = status.identity_onion
    for name, state in status.transports.items():
        spoken = short_name(name, "transport_")
        named[name if spoken in named else spoken] = state
    return named


def troubled(status: ServiceStatus) -> Mapping[str, ServiceState]:
    """Name what else does not work: the disk, and the plugins beside network and transports."""
    others = {DISK: status.storage, **status.plugins}
    return {name: state for name, state in others.items() if state.phase is not Phase.ONLINE}


def remarkable(status: ServiceStatus) -> Mapping[str, ServiceState]:
    """Name what works, and still has something to say of itself: a network that hides nothing, for example."""
    return {name: state for name, state in services(status).items() if state.phase is Phase.ONLINE and state.reason}


def status_lines(status: AccountStatus, *, bars: bool = False) -> Iterable[Line]:
    """Show the state of everything."""
    yield labelled("profile", status.profile)
    yield labelled("vault", status.vault)
    yield from service_lines(status, bars=bars)
    yield labelled("policy", *_policy(status))
    yield contacts_line(status)
    for contact, line in zip(status.contacts, contact_lines(status.contacts), strict=True):
        yield [" " * (LABEL + 2), *line]
        if (contact.renewed_by_us or contact.renewed_by_them) and not contact.blocked:
            yield [" " * (LABEL + 4), Span(f"keys {visible(renewal_words(contact))}", Style.FAINT)]
    if status.requests:
        yield requests_line(status)
    yield outbox_line(status)
    if not status.running:
        yield [str(NotRunning())]


def _policy(status: ServiceStatus) -> list[Span | str]:
    if status.works_as == status.policy:
        return [status.policy]
    why = _WORKS_AS.get(status.works_as, "")
    return [status.policy, Span(f"  works as {status.works_as}{why}", Style.FAINT)]


def service_lines(status: ServiceStatus, *, bars: bool) -> Iterable[Line]:
    """Show the states of network, address and transports, and of other plugins that do not work."""
    for name, state in {**services(status), **troubled(status)}.items():
        yield labelled(name, *service(state, bar=bars))


def contacts_line(status: AccountStatus) -> Line:
    """Say how many contacts there are, and how many of them can be reached."""
    if not status.contacts:
        return labelled("contacts", Span("none yet: `balchat code` is what others need of you", Style.FAINT))
    reachable = sum(contact.reachable for contact in status.contacts)
    return labelled("contacts", f"{reachable} of {len(status.contacts)} reachable")


def requests_line(status: AccountStatus) -> Line:
    """Say how many contact requests wait for an answer."""
    waits = "1 waits" if status.requests == 1 else f"{status.requests} wait"
    return labelled("requests", Span(f"{waits} for you: `balchat requests list`", Style.WARN))


def outbox_line(status: ServiceStatus) -> Line:
    """Say what waits to be sent."""
    outbox = status.outbox
    at_relays = f", {outbox.relayed} at relays" if outbox.relayed else ""
    if not outbox.waiting and not outbox.in_flight:
        return labelled("outbox", Span(f"empty{at_relays}", Style.FAINT))
    since = "" if outbox.oldest is None else f" since {moment(outbox.oldest)}"
    on_its_way = f", {outbox.in_flight} on the way" if outbox.in_flight else ""
    return labelled("outbox", f"{outbox.waiting} waiting{since}{on_its_way}{at_relays}")


def relay_lines(relays: Sequence[RelayView]) -> Iterable[Line]:
    """Show relays: address and which is the default; below, how each is and what lies there."""
    for relay in relays:
        facts = [counted(relay.queues, "queue")]
        if relay.round_trip is not None:
            facts.append(f"{relay.round_trip} ms")
        if relay.answered_at is not None:
            facts.append(f"answered {moment(relay.answered_at)}")
        default = [Span("  default", Style.STRONG)] if relay.default else []
        yield [relay.onion, *default]
        yield ["    ", *service(relay.state), Span(f"  {', '.join(facts)}", Style.FAINT)]
