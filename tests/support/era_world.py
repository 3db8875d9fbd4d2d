"""Two contacts whose conversation goes from era to era, while everything happens between them that can.

Beyond what `simulator.World` does: a relay keeps what is left for somebody, and withholds, shuffles, repeats it or goes
back to what it had before; either side dies at any commit, has an era founded, is away for weeks. Each play begins with
a copy of the same two vaults, so that many take little time.

`check` holds the result to `tests.simulation.era_oracle` and to what was written.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, cast

from balchat_host.core import contacts, housekeeping
from balchat_host.core.eras import keeping, schedule
from balchat_host.core.unit_of_work import crypto_area
from tests.simulation import era_oracle
from tests.support.consistency import check_consistency
from tests.support.plain_engine import PlainEngine
from tests.support.relayed_world import RelayedWorld
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from balchat_host.api.crypto import CryptoEngine
    from balchat_host.api.storage import ReadTransaction
    from balchat_host.testing.sqlite_transaction import SqliteUnits

HOUR: Final = 3600
DAY: Final = 24 * HOUR
_CRASHES: Final = 0.1

HONEST: Final = {
    "write": 8,
    "tidy": 4,
    "renew": 3,
    "connect": 5,
    "go on": 4,
    "deliver": 14,
    "twice": 2,
    "lose": 1,
    "crash before": 1,
    "crash after": 1,
    "store": 4,
    "collect": 5,
    "a minute": 3,
    "hours": 3,
    "days": 1,
}
"""What happens where relays are as they should be, and how often."""
LYING: Final = {**HONEST, "withhold": 1, "let go": 1, "shuffle": 1, "repeat": 1, "remember": 1, "go back": 1}
"""What happens where they are not. Then messages are shown in the order in which they come."""


class Template:
    """Two accounts that are contacts, at a moment; `play` begins there. `vaults` are theirs."""

    def __init__(self, make_engine: Callable[[World], CryptoEngine]) -> None:
        self._make_engine = make_engine
        world = World(0, PlainEngine(bytes))  # replaced before anything is done with it
        world.engine = make_engine(world)
        alice, bob = world.account("Alice"), world.account("Bob")
        alice.add(bob)
        world.heal(alice, bob)
        bob.accept(alice)
        world.heal(alice, bob)
        self._now = world.now
        self._vaults = [(each, _units(each)) for each in (alice, bob)]

    def play(self, seed: int, *, lying: bool = False) -> EraWorld:
        """Begin a play, with relays that are `lying` or not."""
        world = EraWorld(seed, PlainEngine(bytes), lying=lying)
        world.engine = self._make_engine(world)
        world.now = self._now
        world.alice, world.bob = (_again(world, each, units.copy()) for each, units in self._vaults)
        return world


def plain(world: World) -> CryptoEngine:
    """Make an engine without cryptography, with the chance of a world."""
    return PlainEngine(world.random.randbytes)


class EraWorld(RelayedWorld):
    """One play."""

    alice: Account
    bob: Account

    def __init__(self, seed: int, engine: CryptoEngine, *, lying: bool = False) -> None:
        super().__init__(seed, engine)
        self.lying = lying
        self._acts = LYING if lying else HONEST
        self.written = 0
        self.foundings = 0

    # -- what happens

    def act(self) -> str:
        """Let chance do one thing; return what."""
        one, other = (self.alice, self.bob) if self.random.random() < 0.5 else (self.bob, self.alice)  # half
        (act,) = self.random.choices(list(self._acts), weights=list(self._acts.values()))
        self._ways(one, other)[act]()
        return act

    def _ways(self, one: Account, other: Account) -> Mapping[str, Callable[[], object]]:
        relay, random = self.relays[other.peer], self.random
        return {
            "write": lambda: self._write(one, other),
            "tidy": lambda: one.change(housekeeping.tidy, then_crash=self._crashes()),
            "renew": lambda: self.renew(one, other, then_crash=self._crashes()),
            "connect": lambda: self.connect(one, other),
            "go on": lambda: self.go_on(one, other),
            "deliver": lambda: self.deliver(one, other),
            "twice": lambda: self.deliver(one, other, twice=True),
            "lose": lambda: self.lose(one, other),
            "crash before": lambda: self.deliver(one, other, crash="before"),
            "crash after": lambda: self.deliver(one, other, crash="after"),
            "store": lambda: self.store(one, other),
            "collect": lambda: self.collect(other, then_crash=self._crashes()),
            "a minute": lambda: self.pass_time(60),
            "hours": lambda: self.pass_time(random.uniform(1, 80) * HOUR),
            "days": lambda: self.pass_time(random.uniform(3, 12) * DAY),
            **relay.lies(random),
        }

    def _write(self, one: Account, other: Account) -> None:
        self.written += 1
        one.write(other, f"{one.name} {self.written}")

    def renew(self, one: Account, other: Account, *, then_crash: bool = False) -> None:
        """Have one found another era with the other at once, as a person may."""
        self.foundings += 1
        one.change(
            lambda unit: schedule.renew(unit, contacts.find(unit.tx, other.peer.octets.hex())), then_crash=then_crash
        )

    def rest(self) -> None:
        """Let everything work, relays too, until nothing moves any more."""
        for each in (self.alice, self.bob):
            self.relays[each.peer].let_go()
            while self.collect(each):
                pass
        self.heal(self.alice, self.bob)

    # -- what must hold

    def held(self, who: Account) -> list[era_oracle.Era]:
        """Return the eras that somebody holds.

        As the engine has them, where it can be looked into: only what counts as named is the vault's to say.
        """
        engine = self.engine

        def look(tx: ReadTransaction) -> list[era_oracle.Era]:
            counted: defaultdict[object, set[bytes]] = defaultdict(set)
            for namer, named in tx.query("SELECT era.era_id, named_era.era_id FROM named_era JOIN era ON era.id = era"):
                counted[namer].add(cast("bytes", named))
            if not isinstance(engine, PlainEngine):
                found = tx.query("SELECT era_id, account_key, confirmed FROM era JOIN peer ON peer.id = founder")
                return [_era(cast("bytes", i), cast("bytes", f), counted[i], bool(c)) for i, f, c in found]
            groups = engine.look(crypto_area(tx))
            for each in groups:
                assert each.knows <= counted[each.era_id], "what a founder says to have known is named"
            return [_era(each.era_id, each.founder.octets, counted[each.era_id], each.heard) for each in groups]

        return who.read(look)

    def sends_in(self, who: Account, other: Account) -> bytes | None:
        """Return the id of the era that somebody sends in."""

        def look(tx: ReadTransaction) -> bytes | None:
            era = keeping.sending(tx, contacts.find(tx, other.peer.octets.hex()).conversation)
            return era and era.era_id

        return who.read(look)

    def check_choice(self) -> None:
        """Raise AssertionError where one of them sends in another era than the oracle says."""
        for one, other in ((self.alice, self.bob), (self.bob, self.alice)):
            assert self.sends_in(one, other) == era_oracle.sends_in(self.held(one))

    def check_end(self) -> None:
        """Raise AssertionError unless both have the same history, and send in the same era: at rest."""
        for author, reader in ((self.alice, self.bob), (self.bob, self.alice)):
            if self.lying:
                self._check_lied_to(author, reader)
            else:
                self.check(author, reader)
        ours, theirs = self.sends_in(self.alice, self.bob), self.sends_in(self.bob, self.alice)
        assert ours is not None
        assert ours == theirs, "both send in the same era"

    def _check_lied_to(self, author: Account, reader: Account) -> None:
        """See that everything has come once, in whatever order."""
        author.read(lambda tx: check_consistency(tx, self.engine))
        written = [message for message in author.history(reader) if message.author is None]
        arrived = [message.id for message in reader.history(author) if message.author is not None]
        assert [message.text for message in written] == self.reference.texts(author, reader)
        assert sorted(arrived) == sorted(message.id for message in written), "nothing is lost or doubled"
        assert {message.state for message in written} <= {"delivered"}, "the author's states are true"
        assert not author.read(lambda tx: tx.query("SELECT kind FROM alarm")), "nobody has anybody's keys"

    def _crashes(self) -> bool:
        return self.random.random() < _CRASHES


def _era(era_id: bytes, founder: bytes, names: set[bytes], confirmed: bool) -> era_oracle.Era:
    return era_oracle.Era(id=era_id, founder=founder, names=frozenset(names), confirmed=confirmed)


def _units(account: Account) -> SqliteUnits:
    return account.__dict__["_units"]


def _again(world: World, account: Account, units: SqliteUnits) -> Account:
    """Return an account of a template in another world."""
    again = Account.__new__(Account)
    again.__dict__.update(account.__dict__)
    again.__dict__.update(_world=world, _units=units, _reference=world.reference)
    return again
