"""How the account is, in a line: never better than it is."""

from collections.abc import Iterable

from balchat_texts import Texts

from balchat_host.api.text import visible
from balchat_host.api.types import Phase as ServicePhase
from balchat_host.api.types import ServiceState
from balchat_host.api.views import ServiceStatus
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.connection_state import Phase
from balchat_ui_tui.drawing.pieces import Ink, Piece

_WORST_FIRST = (ServicePhase.STOPPED, ServicePhase.DEGRADED, ServicePhase.STARTING)


def connection_piece(t: Texts, account: AccountState) -> Piece:
    """Return how far the account can be reached, and can reach others."""
    match account.connection.phase:
        case Phase.CONNECTING:
            return Piece(f"◌ {t('tui.connecting')}", Ink.FAINT)
        case Phase.LOST:
            reason = account.connection.reason
            said = f"{t('entry.unreachable-title')}. {visible(reason)}" if reason else t("tui.lost")
            return Piece(f"✗ {said}", Ink.BAD)
        case Phase.STOPPED:
            return Piece(f"✗ {t('tui.stopped')}", Ink.BAD)
        case Phase.UP:
            return _service_piece(t, account.status)


def _service_piece(t: Texts, status: ServiceStatus | None) -> Piece:
    if status is None:
        return Piece(f"◌ {t('tui.connecting')}", Ink.FAINT)
    if status.storage.phase is not ServicePhase.ONLINE:
        return Piece(f"✗ {t('tui.disk')}{_reason(t, status.storage)}", Ink.BAD)
    network = _worst(status.network.values())
    if network is not None and network.phase is not ServicePhase.ONLINE:
        return _state(t, t("tui.network"), network)
    if status.device_onion.phase is not ServicePhase.ONLINE:
        return _state(t, t("tui.address"), status.device_onion)
    transport = _worst(status.transports.values())
    if transport is not None and transport.phase is not ServicePhase.ONLINE:
        return _state(t, t("tui.delivery"), transport)
    return Piece(f"● {t('states.phase.online')}", Ink.GOOD)


def _worst(states: Iterable[ServiceState]) -> ServiceState | None:
    known = [*states]
    for phase in _WORST_FIRST:
        for state in known:
            if state.phase is phase:
                return state
    return known[0] if known else None


def _state(t: Texts, what: str, state: ServiceState) -> Piece:
    phase = t.known("states.phase", state.phase.value)
    percent = f" {state.percent} %" if state.percent is not None else ""
    sign, ink = ("◐", Ink.WARN) if state.phase is ServicePhase.STARTING else ("✗", Ink.BAD)
    return Piece(f"{sign} {what}: {phase}{percent}{_reason(t, state)}", ink)


def _reason(t: Texts, state: ServiceState) -> str:
    return f" ({service_reason(t, state)})" if state.reason else ""


def service_reason(t: Texts, state: ServiceState) -> str:
    """Say why a service is no better; in its own words where there are none for it in the catalogue."""
    key = f"states.service-reason.{state.code}"
    return t(key).removesuffix(".") if key in t else visible(state.reason or "")
