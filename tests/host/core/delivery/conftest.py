"""Two contacts on the real core, and what waits for one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.core import contacts
from balchat_host.core.delivery import outgoing, reports
from balchat_host.core.messages import history
from balchat_host.core.unit_of_work import SendPending
from tests.support.simulator import World

if TYPE_CHECKING:
    from balchat_host.api.types import PeerId


class Pair:
    """Alice and Bob, who are contacts and for whom nothing waits. Everything here is as Alice sees it."""

    def __init__(self) -> None:
        self.world = World(1, MlsEngine())
        self.alice, self.bob = self.world.account("Alice"), self.world.account("Bob")
        self.effects: list[object] = []
        """What the last unit asked for."""

    @property
    def now(self) -> int:
        return self.world.now

    def become_contacts(self) -> None:
        self.alice.add(self.bob)
        self.world.heal(self.alice, self.bob)
        self.bob.accept(self.alice)
        self.world.heal(self.alice, self.bob)

    def run(self, fn):
        """Run one unit of Alice's."""

        def fill(unit):
            result = fn(unit)
            self.effects = list(unit.effects)
            return result

        return self.alice.change(fill)

    def with_bob(self, fn):
        """Run one unit of Alice's, that is given Bob as her contact too."""
        return self.run(lambda unit: fn(unit, contacts.find(unit.tx, "Bob")))

    @property
    def woken(self) -> set[PeerId]:
        """For whom the last unit asked to look at what waits."""
        return {effect.peer for effect in self.effects if isinstance(effect, SendPending)}

    def write(self, *texts: str) -> list[str]:
        """Write messages to Bob; return their ids."""
        return [self.alice.write(self.bob, text).id for text in texts]

    def pending(self, *, after: int = 0, limit: int = 100) -> outgoing.Pending:
        return self.alice.read(lambda tx: outgoing.pending(tx, self.bob.peer, after=after, now=self.now, limit=limit))

    def to_store(self, *, queued_until: int | None = None) -> outgoing.Pending:
        until = self.now if queued_until is None else queued_until
        return self.alice.read(
            lambda tx: outgoing.to_store(tx, self.bob.peer, queued_until=until, now=self.now, limit=100)
        )

    def tickets(self, **more) -> list[int]:
        return [each.ticket for each in self.pending(**more).outgoing]

    def texts(self, tickets) -> list[object]:
        """Return what was written in the messages that these tickets deliver."""
        written = (
            "SELECT text FROM delivery JOIN payload ON payload.id = payload JOIN message ON seq = message"
            " WHERE ticket = ?"
        )
        return [row[0] for each in tickets for row in self.alice.read(lambda tx, t=each: tx.query(written, (t,)))]

    def report(self, ticket: int, outcome: Outcome, *, latency: Latency = Latency.INTERACTIVE, **more) -> None:
        told = SendReport(ticket=ticket, outcome=outcome, **more)
        self.run(lambda unit: reports.apply_reports(unit, [(told, latency)]))

    def state(self, message_id: str):
        message = self.alice.read(lambda tx: history.show(tx, message_id))
        return message.state, message.reason

    def count(self, table: str) -> int:
        return self.alice.read(lambda tx: tx.query(f"SELECT count(*) FROM {table}"))[0][0]


@pytest.fixture
def strangers() -> Pair:
    """Return Alice and Bob, who do not know each other."""
    return Pair()


@pytest.fixture
def pair() -> Pair:
    pair = Pair()
    pair.become_contacts()
    return pair
