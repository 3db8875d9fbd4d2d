"""A world of accounts with a relay for each, honest or not, and no loop or network: `simulator.World` with boxes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from balchat_host.api.transport import Latency, Outcome, SendReport, Verdict
from balchat_host.core import inbox
from balchat_host.core.delivery import outgoing
from balchat_host.core.envelope import Envelope, EraMessage, Kind
from balchat_host.testing.simulated_accounts import report
from tests.support.plain_engine import PlainEngine, position
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from balchat_host.api.crypto import CryptoEngine
    from balchat_host.api.types import PeerId

_PORTION: Final = 16


class Relay:
    """Keeps what is left for one of them, honestly or not. Nobody loses anything by it but time."""

    def __init__(self) -> None:
        self.box: list[bytes] = []
        self._withheld: list[bytes] = []
        self._remembered: list[bytes] = []

    def let_go(self) -> None:
        """Give out what was withheld."""
        self.box, self._withheld = self._withheld + self.box, []

    def lies(self, random: Random) -> Mapping[str, Callable[[], object]]:
        """Return what it may do against the rules."""
        return {
            "withhold": self._withhold,
            "let go": self.let_go,
            "shuffle": lambda: random.shuffle(self.box),
            "repeat": lambda: self.box.extend(self.box),
            "remember": self._remember,
            "go back": self._go_back,
        }

    def _withhold(self) -> None:
        self._withheld, self.box = self._withheld + self.box, []

    def _remember(self) -> None:
        self._remembered = list(self.box)

    def _go_back(self) -> None:
        self.box = list(self._remembered)


class RelayedWorld(World):
    """A world with a relay for each account, which keeps what is left for it. `relays` are by whom they serve."""

    def __init__(self, seed: int, engine: CryptoEngine) -> None:
        super().__init__(seed, engine)
        self.relays: defaultdict[PeerId, Relay] = defaultdict(Relay)
        self._positions: dict[tuple[bytes, bytes, int], bytes] = {}

    def store(self, author: Account, reader: Account) -> None:
        """Leave for the reader what may be left."""
        found = author.read(
            lambda tx: outgoing.to_store(tx, reader.peer, queued_until=self.now, now=self.now, limit=_PORTION)
        ).outgoing
        for each in found:
            self.leaves(each.envelope)
            self.relays[reader.peer].box.append(each.envelope)
            stored = SendReport(ticket=each.ticket, outcome=Outcome.STORED)
            report(author, stored, latency=Latency.STORE_AND_FORWARD)

    def collect(self, reader: Account, *, then_crash: bool = False) -> bool:
        """Have somebody fetch what lies for them; return whether anything was taken."""
        relay = self.relays[reader.peer]
        found = relay.box[:_PORTION]
        if not found:
            return False
        answers = reader.change(lambda unit: inbox.receive(unit, None, found), then_crash=then_crash)
        if then_crash:
            return True
        kept = [
            envelope
            for envelope, answer in zip(found, answers, strict=True)
            if answer.verdict is Verdict.REFUSED and answer.retry_after is not None
        ]
        relay.box = relay.box[len(found) :] + kept
        return len(kept) < len(found)

    def go_on(self, author: Any, reader: Any) -> None:
        wire = self._wires[author.peer, reader.peer]
        before = len(wire)
        super().go_on(author, reader)
        for _, envelope in wire[before:]:
            self.leaves(envelope)

    def leaves(self, envelope: bytes) -> None:
        """See that nothing leaves that was encrypted at a ratchet position at which something else has left."""
        if not isinstance(self.engine, PlainEngine):
            return
        decoded = Envelope.decode(envelope)
        if decoded.kind is Kind.MLS_MESSAGE:
            message = EraMessage.decode(decoded.payload).message
            assert self._positions.setdefault(position(message), message) == message, "one key encrypts one message"
