"""Accounts on the real core, in one thread, and the wires between them: nothing happens but what a test lets happen.

The core, the database and the crypto engine are real. The world plays the runtime and the transports: it carries an
envelope, loses it, brings it twice, or has its receiver die before or after the commit. It has no event loop and no
clock but `now`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeVar

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.storage import ReadTransaction, Transaction
from balchat_host.api.transport import Latency, Outcome, SendReport, Verdict
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactView, MessageView
from balchat_host.core import account, contacts, inbox, schema
from balchat_host.core.delivery import outgoing, reports
from balchat_host.core.first_contact import answering
from balchat_host.core.messages import history
from balchat_host.core.messages.compose import compose
from balchat_host.core.unit_of_work import Effect, Policy, UnitOfWork
from balchat_host.core.views import contact_view
from balchat_host.testing.sqlite_transaction import SqliteUnits

T = TypeVar("T")

BEGINNING: Final = 1_800_000_000_000
"""When a world begins, in Unix milliseconds."""
_OUTCOMES: Final = {
    Verdict.COMMITTED: Outcome.DELIVERED,
    Verdict.REFUSED: Outcome.REFUSED,
    Verdict.IGNORED: Outcome.LOST,
}


class Units(Protocol):
    """Runs units of change, one after the other. With `then_crash`, the unit is undone as if it had never begun."""

    def run(self, fn: Callable[[Transaction], T], *, then_crash: bool = False) -> T: ...


class SimulatedAccount:
    """One account of a world. `peer` and `code` are its peer id and its chat code."""

    peer: PeerId
    code: str

    def __init__(self, world: "SimulatedWorld", name: str, units: Units | None = None) -> None:
        self.name = name
        self._world = world
        self._units = units or SqliteUnits()

    def create(self) -> None:
        """Make the account in its database."""
        self.change(lambda unit: schema.migrate(unit.tx))
        self.peer = self.change(lambda unit: account.create(unit, self.name)).peer
        self.code = self.read(account.code).code

    @property
    def device_id(self) -> bytes:
        """The id of the device that it is."""
        return self.read(account.load).device_id

    def change(self, fn: Callable[[UnitOfWork], T], *, then_crash: bool = False) -> T:
        """Run a changing function of the core; with `then_crash`, die before its commit."""
        effects: dict[Effect, None] = {}

        def run(tx: Transaction) -> T:
            world = self._world
            return fn(
                UnitOfWork(
                    tx=tx,
                    engine=world.engine,
                    now=world.now,
                    entropy=world.entropy,
                    policy=world.policy,
                    effects=effects,
                )
            )

        result = self._units.run(run, then_crash=then_crash)
        if not then_crash:
            self.follow(effects)
        return result

    def follow(self, effects: Iterable[Effect]) -> None:
        """Do what a commit asks for. Nothing here: whoever plays the runtime looks for what is to be done."""

    def notice(self, other: PeerId, *, reachable: bool) -> None:
        """Learn that somebody came within reach, or is out of reach again. Nothing here shows it."""

    def read(self, fn: Callable[[ReadTransaction], T]) -> T:
        """Run a reading function of the core."""
        return self._units.run(fn)

    def add(self, other: "SimulatedAccount", introduction: str = "") -> ContactView:
        """Add another account as a contact, called by its own name."""
        return self.change(lambda unit: answering.add_contact(unit, other.code, name=None, introduction=introduction))

    def accept(self, other: "SimulatedAccount") -> ContactView:
        """Accept another account's request."""
        which = other.peer.octets.hex()
        return self.change(lambda unit: answering.accept_request(unit, which, name=other.name))

    def contact(self, other: "SimulatedAccount") -> ContactView | None:
        """Return another account as our contact, if it is one."""

        def look(tx: ReadTransaction) -> ContactView | None:
            row = contacts.by_peer(tx, other.peer)
            return contact_view(tx, row) if row else None

        return self.read(look)

    def write(self, other: "SimulatedAccount", text: str, reply_to: str | None = None) -> MessageView:
        """Write to another account."""
        return self.change(lambda unit: compose(unit, _key(other), text, reply_to=reply_to))

    def history(self, other: "SimulatedAccount") -> list[MessageView]:
        """Return the whole conversation with another account."""
        return self.read(lambda tx: history.history(tx, _key(other), limit=history.MAX_HISTORY))


def _key(other: SimulatedAccount) -> str:
    return other.peer.octets.hex()


class SimulatedWorld:
    """The wires between accounts, and the time. `engine` is shared: it keeps nothing between transactions."""

    def __init__(self, engine: CryptoEngine, *, entropy: Callable[[int], bytes], policy: Policy | None = None) -> None:
        self.engine = engine
        self.entropy = entropy
        self.policy = policy or Policy()
        self.now = BEGINNING
        """Unix milliseconds."""
        self._wires: dict[tuple[PeerId, PeerId], list[tuple[int, bytes]]] = defaultdict(list)
        self._sent: dict[tuple[PeerId, PeerId], int] = defaultdict(int)

    def pass_time(self, seconds: float) -> None:
        """Let time go by."""
        self.now += int(seconds * 1000)

    def connect(self, author: SimulatedAccount, reader: SimulatedAccount) -> None:
        """Put what waits on the wire, from the first that is not acknowledged: a fresh connection."""
        self.lose(author, reader)
        self.go_on(author, reader)

    def go_on(self, author: SimulatedAccount, reader: SimulatedAccount) -> None:
        """Put on the wire what has come to wait meanwhile."""
        way = author.peer, reader.peer
        found = author.read(
            lambda tx: outgoing.pending(tx, reader.peer, after=self._sent[way], now=self.now, limit=1000)
        )
        for each in found.outgoing:
            self._wires[way].append((each.ticket, each.envelope))
            self._sent[way] = each.ticket
            report(author, SendReport(ticket=each.ticket, outcome=Outcome.SENT))

    def lose(self, author: SimulatedAccount, reader: SimulatedAccount) -> None:
        """Break the connection: what is on the wire is gone, and leaves again on the next one."""
        self._wires[author.peer, reader.peer].clear()
        self._sent[author.peer, reader.peer] = 0

    def drop(self, author: SimulatedAccount, reader: SimulatedAccount, count: int = 1) -> None:
        """Lose the first so many envelopes that are on the wire, and keep the connection."""
        del self._wires[author.peer, reader.peer][:count]

    def forget(self, one: PeerId, other: PeerId) -> None:
        """Break the connections between two accounts."""
        for way in ((one, other), (other, one)):
            self._wires[way].clear()
            self._sent[way] = 0

    def cut_off(self, account: SimulatedAccount) -> None:
        """Break every connection of an account, which begins a new life."""
        for way in [way for way in self._wires if account.peer in way]:
            self._wires[way].clear()
            self._sent[way] = 0

    def deliver(self, author: SimulatedAccount, reader: SimulatedAccount) -> Verdict | None:
        """Take the first envelope off the wire and return the reader's verdict, or None where there is none."""
        wire = self._wires[author.peer, reader.peer]
        return self._hand_over(author, reader, *wire.pop(0)) if wire else None

    def _hand_over(self, author: SimulatedAccount, reader: SimulatedAccount, ticket: int, envelope: bytes) -> Verdict:
        disposition = reader.change(lambda unit: inbox.receive(unit, author.peer, [envelope])[0])
        for reply in disposition.replies:
            author.change(lambda unit, reply=reply: inbox.receive(unit, reader.peer, [reply]))
        outcome = SendReport(
            ticket=ticket,
            outcome=_OUTCOMES[disposition.verdict],
            reason=disposition.reason,
            retry_after=disposition.retry_after,
        )
        report(author, outcome)
        return disposition.verdict


def report(author: SimulatedAccount, *told: SendReport, latency: Latency = Latency.INTERACTIVE) -> None:
    """Tell an account what became of envelopes of its own, as a transport of that latency does."""
    author.change(lambda unit: reports.apply_reports(unit, [(each, latency) for each in told]))
