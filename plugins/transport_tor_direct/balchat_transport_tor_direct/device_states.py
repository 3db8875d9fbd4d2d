"""Finds the state of a device."""

from collections.abc import Iterator

from balchat_host.api.types import PeerId
from balchat_transport_tor_direct.collision_resolver import CollisionResolver
from balchat_transport_tor_direct.device_state import DeviceState


class DeviceStates:
    """The states of all devices that we have to do with now, by peer.

    A peer has at most one state without a device, and then no other: whichever device comes first, its is it.
    """

    def __init__(self) -> None:
        self._states: dict[PeerId, list[DeviceState]] = {}

    def of(self, peer: PeerId) -> list[DeviceState]:
        """Return all states of a peer's devices."""
        return [*self._states.get(peer, ())]

    def find(self, peer: PeerId, device_id: bytes | None) -> DeviceState | None:
        """Return the state of a device; for None that of any device of the peer, one that has a stream first."""
        of_peer = self._states.get(peer, [])
        if device_id is None:
            return next((each for each in of_peer if each.resolver.standing), next(iter(of_peer), None))
        return next((each for each in of_peer if each.device_id in (device_id, None)), None)

    def get(self, peer: PeerId, device_id: bytes | None, *, ours_wins: bool) -> DeviceState:
        """Return the state of a device; begin one where there is none."""
        state = self.find(peer, device_id)
        if state is None:
            state = DeviceState(peer, device_id, CollisionResolver(ours_wins=ours_wins))
            self._states.setdefault(peer, []).append(state)
        return state

    def forget_if_idle(self, state: DeviceState) -> None:
        """Keep a state no longer that nothing needs."""
        of_peer = self._states.get(state.peer, [])
        if state.idle and state in of_peer:
            of_peer.remove(state)
            if not of_peer:
                del self._states[state.peer]

    def __iter__(self) -> Iterator[DeviceState]:
        return (state for of_peer in self._states.values() for state in of_peer)
