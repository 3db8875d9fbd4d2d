"""Whether others can reach us, and what holds that up."""

from balchat_host.api.types import Phase, ServiceState
from balchat_host.api.views import ServiceStatus
from balchat_ui_cli.render.status import ADDRESSES, DEVICE_ADDRESS, services


def is_online(status: ServiceStatus) -> bool:
    """Return whether others can reach us: at our addresses or, where nothing publishes one, by another transport."""
    return all(state.phase is Phase.ONLINE for state in _addresses(status)) or (
        _is_settled(status) and any(state.phase is Phase.ONLINE for state in status.transports.values())
    )


def is_decided(status: ServiceStatus) -> bool:
    """Return whether waiting is of no use: we are online or, with no address to publish, not about to be."""
    return is_online(status) or _is_settled(status)


def bottleneck(status: ServiceStatus) -> tuple[str, ServiceState]:
    """Name what keeps others from reaching us, with its state: the network, then our addresses, then the transports.

    An address that nothing publishes holds nothing up. A transport may be no better for long, where we have no relay.
    """
    held_up = [(name, state) for name, state in services(status).items() if state.phase is not Phase.ONLINE]
    published = not _is_unpublished(status)
    return next(
        (
            found
            for found in held_up
            if found[0] not in ADDRESSES or (published and found[1].phase is not Phase.STOPPED)
        ),
        (DEVICE_ADDRESS, status.device_onion),
    )


def _addresses(status: ServiceStatus) -> tuple[ServiceState, ...]:
    """Return the states of the addresses that are to be published."""
    return (status.device_onion, status.identity_onion) if status.accepts_requests else (status.device_onion,)


def _is_unpublished(status: ServiceStatus) -> bool:
    return all(state.phase is Phase.STOPPED for state in _addresses(status))


def _is_settled(status: ServiceStatus) -> bool:
    """Return whether no address is about to be published, and everything that is to start has started.

    A transport may publish one of our addresses and not the other.
    """
    return (
        all(state.phase in {Phase.ONLINE, Phase.STOPPED} for state in _addresses(status))
        and all(state.phase is Phase.ONLINE for state in status.network.values())
        and all(state.phase in {Phase.ONLINE, Phase.DEGRADED} for state in status.transports.values())
    )
