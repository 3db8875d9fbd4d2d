"""A world of accounts in one thread: seeded chance, virtual time, a network that fails in every way a network can.

Only the core is real, with a real crypto engine and a real database; the world plays the runtime and the transports.
What can happen between two accounts, at any moment: envelopes wait, are lost with their connection, come twice, come
late; the receiver dies before its commit, or after it and before its acknowledgement. The seed decides everything but
the keys, so a failure comes again.

`Reference` is the independent model: what was written to whom, in which order. After `heal`, `check` compares.
"""

from collections import defaultdict
from random import Random

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.transport import Verdict
from balchat_host.api.views import ContactState, MessageView
from balchat_host.core import after_restore, contacts, housekeeping, inbox
from balchat_host.core.first_contact import answering, requests
from balchat_host.core.unit_of_work import Policy
from balchat_host.testing.simulated_accounts import SimulatedAccount, SimulatedWorld
from balchat_host.testing.sqlite_transaction import SqliteUnits
from tests.support.consistency import check_consistency

_QUIET_AFTER = 200


class Account(SimulatedAccount):
    """One account of the world. One that is played by hand keeps groups of which its core knows nothing."""

    by_hand = False

    def __init__(self, world: "World", name: str, units: SqliteUnits | None = None) -> None:
        super().__init__(world, name, units)
        self._reference = world.reference
        self.create()

    def write(self, other: SimulatedAccount, text: str, reply_to: str | None = None) -> MessageView:
        self._reference.wrote(self, other, text)
        return super().write(other, text, reply_to)

    def reject(self, other: "SimulatedAccount") -> None:
        """Turn another account's request down."""
        self.change(lambda unit: requests.reject(unit, other.peer.octets.hex()))

    def block_request(self, other: "SimulatedAccount") -> None:
        """Turn another account's request down, and block it."""
        self.change(lambda unit: answering.block_request(unit, other.peer.octets.hex()))

    def remove(self, other: "SimulatedAccount") -> None:
        """Remove another account."""
        self.change(lambda unit: contacts.remove(unit, other.peer.octets.hex()))

    def block(self, other: "SimulatedAccount", *, blocked: bool) -> None:
        """Block another account, or unblock it."""
        change = contacts.block if blocked else answering.unblock
        self.change(lambda unit: change(unit, other.peer.octets.hex()))

    def asked_by(self, other: "SimulatedAccount") -> bool:
        """Whether a request of another account waits for us."""
        return self.read(lambda tx: requests.waiting(tx, other.peer)) is not None

    def back_up(self) -> SqliteUnits:
        """Make a backup, for `restore`."""
        copy = self._units.copy()
        copy.run(lambda tx: after_restore.mark(tx, now=self._world.now))
        return copy

    def restore(self, backup: SqliteUnits, *, crashes: int = 0) -> None:
        """Go on from a backup; what was on the way is gone. The first unit dies before its commit, so many times."""
        self._units = backup.copy()
        self._world.cut_off(self)
        for _ in range(crashes):
            self.change(after_restore.resume, then_crash=True)
        self.change(after_restore.resume)


class Reference:
    """What should come out: for each author and reader, the texts in the order in which they were written."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], list[str]] = defaultdict(list)

    def wrote(self, author: SimulatedAccount, reader: SimulatedAccount, text: str) -> None:
        """Note a text."""
        self._texts[author.name, reader.name].append(text)

    def texts(self, author: SimulatedAccount, reader: SimulatedAccount) -> list[str]:
        """Return the texts that `reader` should have of `author`."""
        return self._texts[author.name, reader.name]


class World(SimulatedWorld):
    """Accounts and what lies between them. `engine` is shared: it has no state."""

    def __init__(self, seed: int, engine: CryptoEngine, *, policy: Policy | None = None) -> None:
        self.random = Random(seed)  # chance that can be repeated is the point
        super().__init__(engine, entropy=self.random.randbytes, policy=policy)
        self.reference = Reference()

    def account(self, name: str) -> Account:
        """Make an account."""
        return Account(self, name)

    def deliver(
        self, author: SimulatedAccount, reader: SimulatedAccount, *, crash: str | None = None, twice: bool = False
    ) -> Verdict | None:
        """Do what the world does, or something worse.

        `crash` is None, or `before` or `after` the reader's commit; either way no acknowledgement comes and the
        connection is gone. With `twice` the envelope stays on the wire.
        """
        wire = self._wires[author.peer, reader.peer]
        if not wire:
            return None
        ticket, envelope = wire[0] if twice else wire.pop(0)
        if crash is None:
            return self._hand_over(author, reader, ticket, envelope)
        disposition = reader.change(
            lambda unit: inbox.receive(unit, author.peer, [envelope])[0],
            then_crash=crash == "before",
        )
        self.lose(author, reader)
        self.lose(reader, author)
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

        Both vaults are consistent, too. Raise AssertionError.
        """
        for one, other in ((author, reader), (reader, author)):
            if not one.by_hand:
                one.read(lambda tx: check_consistency(tx, self.engine))
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
        for each in (author, reader):
            assert not each.read(lambda tx: tx.query("SELECT kind FROM alarm")), "nobody has anybody's keys"
