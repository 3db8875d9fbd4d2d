"""Nothing leaves an account that was encrypted twice with one key, whatever crashes and whatever is sent again.

Who sees all that ever left can tell: of two ciphertexts with one position in a ratchet, the second does not open any
more.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from balchat_crypto_mls import signatures
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.core.envelope import Envelope, EraMessage, Kind
from balchat_host.core.messages.compose import compose
from balchat_host.testing.dict_area import DictArea
from tests.simulation.test_core import SEEDS, become_contacts, either_way
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from balchat_host.api.crypto import Invitation, Joined
    from balchat_host.api.storage import KeyValueArea
    from balchat_host.api.types import PeerId
    from balchat_host.testing.simulated_accounts import SimulatedAccount


class RememberingEngine(MlsEngine):
    """Keeps each side's state of an era as it was in the beginning: from that, all that the other sends is read."""

    def __init__(self) -> None:
        self._first: dict[bytes, dict[PeerId, tuple[bytes, DictArea]]] = defaultdict(dict)

    def found(self, state: KeyValueArea, group_id: bytes, *arguments: Any, **options: Any) -> Invitation:
        made = super().found(state, group_id, *arguments, **options)
        self._remember(state, made.era_id, group_id)
        return made

    def join(self, state: KeyValueArea, *arguments: Any, **options: Any) -> Joined:
        joined = super().join(state, *arguments, **options)
        self._remember(state, joined.era_id, joined.group_id)
        return joined

    def _remember(self, state: KeyValueArea, era_id: bytes, group_id: bytes) -> None:
        peer = signatures.peer_id(self.identity_seed(state).reveal())
        self._first[era_id][peer] = group_id, DictArea(dict(state.scan()))

    def read_all(self, author: PeerId, era_id: bytes, messages: Iterable[bytes]) -> int:
        """Decrypt all that an author ever sent in an era; return how much that was. Raise CryptoRejected."""
        ((group_id, area),) = [kept for peer, kept in self._first[era_id].items() if peer != author]
        return len([self.decrypt(area, group_id, message) for message in messages])


class WatchedWorld(World):
    """Keeps all that ever left, also what was lost after that."""

    def __init__(self, seed: int, engine: MlsEngine) -> None:
        super().__init__(seed, engine)
        self.left: dict[tuple[PeerId, bytes], dict[bytes, None]] = defaultdict(dict)
        """The ciphertexts of an author in an era."""

    def go_on(self, author: SimulatedAccount, reader: SimulatedAccount) -> None:
        super().go_on(author, reader)
        for _, envelope in self._wires[author.peer, reader.peer]:
            read = Envelope.decode(envelope)
            if read.kind is Kind.MLS_MESSAGE:
                inside = EraMessage.decode(read.payload)
                self.left[author.peer, inside.era_id][inside.message] = None


@pytest.mark.parametrize("seed", SEEDS)
def test_all_that_ever_left_opens_so_no_two_ciphertexts_have_one_position(seed: int) -> None:
    engine = RememberingEngine()
    world = WatchedWorld(seed, engine)
    alice, bob = world.account("Alice"), world.account("Bob")
    become_contacts(world, alice, bob)
    for step in range(150):
        one, other = either_way(world.random, alice, bob)
        match world.random.randrange(12):
            case 0 | 1:
                one.write(other, f"{one.name} writes at step {step}")
            case 2:
                write_and_die(one, other)
            case 3 if world.random.random() < 0.2:
                one.remove(other)
                one.add(other)
            case _:
                world.misbehave(one, other)
    world.heal(alice, bob)
    for one, other in ((alice, bob), (bob, alice)):
        if one.asked_by(other):
            one.accept(other)
    world.heal(alice, bob)
    read = sum(engine.read_all(author, era_id, messages) for (author, era_id), messages in world.left.items())
    assert read


def write_and_die(author: Account, reader: Account) -> None:
    """Write, and die before the commit: the ciphertext is never seen, and its key is used again."""
    key = reader.peer.octets.hex()
    if author.contact(reader) is not None:
        author.change(lambda unit: compose(unit, key, "never written"), then_crash=True)
