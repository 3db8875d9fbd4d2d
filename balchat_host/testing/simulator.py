"""A world of accounts in one thread: seeded chance, virtual time, a network that fails in every way a network can.

Only the core is real, with a real crypto engine and a real database; the world plays the runtime and the transports.
What can happen between two accounts, at any moment: envelopes wait, are lost with their connection, come twice, come
late; the receiver dies before its commit, or after it and before its acknowledgement. The seed decides everything but
the keys, so a failure comes again.

`Reference` is the independent model: what was written to whom, in which order. After `heal`, `check` compares.
"""

from collections import defaultdict
from collections.abc import Callable
from random import Random
from typing import TypeVar

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Latency, Outcome, SendReport, Verdict
from balchat_host.api.views import ContactState, ContactView, Message
from balchat_host.core import (
    account,
    contacts,
    handshake,
    housekeeping,
    inbox,
    messages,
    outbox,
    progress,
    requests,
    restoring,
    schema,
)
from balchat_host.core.unit_of_work import Policy, UnitOfWork
from balchat_host.core.views import contact_view
from balchat_host.testing.sqlite_transaction import SqliteUnits

T = TypeVar("T")

_BEGINNING = 1_800_000_000_000
_QUIET_AFTER = 200
_OUTCOMES = {
    Verdict.COMMITTED: Outcome.DELIVERED,
    Verdict.REFUSED: Outcome.REFUSED,
    Verdict.IGNORED: Outcome.LOST,
}


class Account:
    """One account of the world."""

    def __init__(self, world: "World", name: str) -> None:
        self.name = name
        self._world = world
        self._units = SqliteUnits()
        self.change(lambda unit: schema.migrate(unit.tx))
        self.peer = self.change(lambda unit: account.create(unit, name)).peer
        self.code = self.read(account.code).code

    def change(self, fn: Callable[[UnitOfWork], T], *, then_crash: bool = False) -> T:
        """Run a changing function of the core; with `then_crash`, die before its commit."""
        world = self._world
        return self._units.run(
            lambda tx: fn(
                UnitOfWork(
                    tx=tx, engine=world.engine, now=world.now, entropy=world.random.randbytes, policy=world.policy
                )
            ),
            then_crash=then_crash,
        )

    def read(self, fn: Callable[[ReadTransaction], T]) -> T:
        """Run a reading function of the core."""
        return self._units.run(fn)

    def add(self, other: "Account", introduction: str = "") -> ContactView:
        """Add another account as a contact, called by its own name."""
        return self.change(lambda unit: handshake.add_contact(unit, other.code, name=None, introduction=introduction))

    def accept(self, other: "Account") -> ContactView:
        """Accept another account's request."""
        which = other.peer.octets.hex()
        return self.change(lambda unit: handshake.accept_request(unit, which, name=other.name))

    def reject(self, other: "Account") -> None:
        """Turn another account's request down."""
        self.change(lambda unit: requests.reject(unit, other.peer.octets.hex()))

    def remove(self, other: "Account") -> None:
        """Remove another account."""
        self.change(lambda unit: contacts.remove(unit, other.name))

    def block(self, other: "Account", *, blocked: bool) -> None:
        """Block another account, or unblock it."""
        change = contacts.block if blocked else handshake.unblock
        self.change(lambda unit: change(unit, other.name))

    def asked_by(self, other: "Account") -> bool:
        """Whether a request of another account waits for us."""
        return self.read(lambda tx: requests.waiting(tx, other.peer)) is not None

    def contact(self, other: "Account") -> ContactView | None:
        """Give another account as our contact, if it is one."""

        def look(tx: ReadTransaction) -> ContactView | None:
            row = contacts.by_peer(tx, other.peer)
            return contact_view(tx, row) if row else None

        return self.read(look)

    def write(self, other: "Account", text: str) -> Message:
        """Write to another account."""
        self._world.reference.wrote(self, other, text)
        return self.change(lambda unit: messages.compose(unit, other.name, text, reply_to=None))

    def back_up(self) -> SqliteUnits:
        """Make a backup, for `restore`."""
        copy = self._units.copy()
        copy.run(lambda tx: restoring.mark(tx, now=self._world.now))
        return copy

    def restore(self, backup: SqliteUnits, *, crashes: int = 0) -> None:
        """Go on from a backup; what was on the way is gone. The first unit dies before its commit, so many times."""
        self._units = backup.copy()
        self._world.cut_off(self)
        for _ in range(crashes):
            self.change(restoring.resume, then_crash=True)
        self.change(restoring.resume)

    def history(self, other: "Account") -> list[Message]:
        """Give the whole conversation with another account."""
        return self.read(lambda tx: messages.history(tx, other.name, limit=messages.MAX_HISTORY, before=None))


class Reference:
    """What should come out: for each author and reader, the texts in the order in which they were written."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], list[str]] = defaultdict(list)

    def wrote(self, author: Account, reader: Account, text: str) -> None:
        """Note a text."""
        self._texts[author.name, reader.name].append(text)

    def texts(self, author: Account, reader: Account) -> list[str]:
        """Give the texts that `reader` should have of `author`."""
        return self._texts[author.name, reader.name]


class World:
    """Accounts and what lies between them. `engine` is shared: it has no state."""

    def __init__(self, seed: int, engine: CryptoEngine, *, policy: Policy | None = None) -> None:
        self.random = Random(seed)  # noqa: S311  # chance that can be repeated is the point
        self.engine = engine
        self.policy = policy or Policy()
        self.now = _BEGINNING
        self.reference = Reference()
        self._wires: dict[tuple[str, str], list[tuple[int, bytes]]] = defaultdict(list)
        self._sent: dict[tuple[str, str], int] = defaultdict(int)

    def account(self, name: str) -> Account:
        """Make an account."""
        return Account(self, name)

    def pass_time(self, seconds: float) -> None:
        """Let time go by."""
        self.now += int(seconds * 1000)

    def connect(self, author: Account, reader: Account) -> None:
        """Put what waits on the wire, from the first that is not acknowledged: a fresh connection."""
        self.lose(author, reader)
        self.go_on(author, reader)

    def go_on(self, author: Account, reader: Account) -> None:
        """Put on the wire what has come to wait meanwhile."""
        way = (author.name, reader.name)
        found = author.read(lambda tx: outbox.pending(tx, reader.peer, after=self._sent[way], now=self.now, limit=1000))
        for each in found.outgoing:
            self._wires[way].append((each.ticket, each.envelope))
            self._sent[way] = each.ticket
            author.change(
                lambda unit, ticket=each.ticket: progress.apply_reports(
                    unit, [(SendReport(ticket=ticket, outcome=Outcome.SENT), Latency.INTERACTIVE)]
                )
            )

    def lose(self, author: Account, reader: Account) -> None:
        """Break the connection: what is on the wire is gone, and leaves again on the next one."""
        self._wires[author.name, reader.name].clear()
        self._sent[author.name, reader.name] = 0

    def cut_off(self, account: Account) -> None:
        """Break every connection of an account, which begins a new life."""
        for way in [way for way in self._wires if account.name in way]:
            self._wires[way].clear()
            self._sent[way] = 0

    def deliver(
        self, author: Account, reader: Account, *, crash: str | None = None, twice: bool = False
    ) -> Verdict | None:
        """Take the first envelope off the wire and give the reader's verdict, or None where there is none.

        `crash` is None, or `before` or `after` the reader's commit; either way no acknowledgement comes and the
        connection is gone.
        """
        wire = self._wires[author.name, reader.name]
        if not wire:
            return None
        ticket, envelope = wire[0] if twice else wire.pop(0)
        disposition = reader.change(
            lambda unit: inbox.receive(unit, author.peer, [envelope])[0],
            then_crash=crash == "before",
        )
        if crash:
            self.lose(author, reader)
            self.lose(reader, author)
            return disposition.verdict
        for reply in disposition.replies:
            author.change(lambda unit, reply=reply: inbox.receive(unit, reader.peer, [reply]))
        outcome = SendReport(
            ticket=ticket,
            outcome=_OUTCOMES[disposition.verdict],
            reason=disposition.reason,
            retry_after=disposition.retry_after,
        )
        author.change(lambda unit: progress.apply_reports(unit, [(outcome, Latency.INTERACTIVE)]))
        return disposition.verdict

    def misbehave(self, author: Account, reader: Account) -> None:
        """Let chance do one thing between two accounts."""
        act = self.random.choices(
            ("connect", "go on", "deliver", "twice", "lose", "crash before", "crash after", "wait"),
            weights=(4, 4, 12, 2, 1, 1, 1, 1),
        )[0]
        match act:
            case "connect":
                self.connect(author, reader)
            case "go on":
                self.go_on(author, reader)
            case "deliver":
                self.deliver(author, reader)
            case "twice":
                self.deliver(author, reader, twice=True)
            case "lose":
                self.lose(author, reader)
            case "crash before" | "crash after":
                self.deliver(author, reader, crash=act.removeprefix("crash "))
            case _:
                self.pass_time(self.random.expovariate(1 / 30))

    def heal(self, *accounts: Account) -> None:
        """Let everything work until nothing moves any more; raise AssertionError where it never comes to rest."""
        for _ in range(_QUIET_AFTER):
            moved = False
            self.pass_time(90)
            for author in accounts:
                for reader in accounts:
                    if author is not reader:
                        self.connect(author, reader)
                        while (verdict := self.deliver(author, reader)) is not None:
                            moved |= verdict is not Verdict.IGNORED
            for each in accounts:
                each.change(housekeeping.tidy)
            if not moved:
                return
        raise AssertionError("the world does not come to rest")

    def check(self, author: Account, reader: Account) -> None:
        """Compare with the reference: everything arrived, once, in order, and both sides show the same.

        Raises AssertionError.
        """
        for one, other in ((author, reader), (reader, author)):
            contact = one.contact(other)
            assert contact is not None, f"{other.name} is no contact of {one.name}"
            assert contact.state is ContactState.ACTIVE, f"{one.name} is {contact.state} with {other.name}"
        expected = self.reference.texts(author, reader)
        written = [m for m in author.history(reader) if m.author is None]
        arrived = [m for m in reader.history(author) if m.author is not None]
        assert [m.text for m in written] == expected
        assert [m.text for m in arrived] == expected, (
            f"{[m.text for m in arrived]} of {author.name} instead of {expected}"
        )
        assert [m.id for m in written] == [m.id for m in arrived]
        assert {m.state for m in written} <= {"delivered"}, "the author's states are true"
