"""Many people for months of virtual time, hour by hour: up now and then, some of them away for weeks, by three relays.

One of the relays withholds, repeats, shuffles and goes back. In the end all has come once, and nothing has grown.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from balchat_host.core import housekeeping
from tests.support.consistency import check_consistency
from tests.support.plain_engine import PlainEngine
from tests.support.relayed_world import RelayedWorld

if TYPE_CHECKING:
    from balchat_host.api.storage import ReadTransaction
    from tests.support.simulator import Account

MONTHS = int(os.environ.get("BALCHAT_ERA_MONTHS", "0"))
DAYS, PEOPLE, CONVERSATIONS = (30 * MONTHS, 50, 200) if MONTHS else (15, 6, 8)
HOUR = 3600
DAY = 24 * HOUR


class Months(RelayedWorld):
    """`people` come up now and then. A third of them fetch from a relay that lies."""

    def __init__(self, seed: int, people: int, conversations: int) -> None:
        super().__init__(seed, PlainEngine(bytes))
        self.engine = PlainEngine(self.random.randbytes)
        self.people = [self.account(f"Person {number}") for number in range(people)]
        self.lied_to = {each.peer for each in self.people[::3]}
        self.written = 0
        pairs = [(one, other) for place, one in enumerate(self.people) for other in self.people[:place]]
        self.pairs = sorted(self.random.sample(pairs, conversations), key=lambda pair: pair[0].name)
        for one, other in self.pairs:
            one.add(other)
            self.heal(one, other)
            other.accept(one)
            self.heal(one, other)
        self._away_until = {each.peer: self.now for each in self.people}

    def live(self, hours: int) -> None:
        """Let hours go by."""
        for _ in range(hours):
            self.pass_time(HOUR)
            up = [each for each in self.people if self._is_up(each)]
            for each in up:
                each.change(housekeeping.tidy)
                self._lie(each)
                self.collect(each)
            for pair in self.pairs:
                for one, other in (pair, pair[::-1]):
                    if one in up:
                        self._be_together(one, other, other in up)

    def _be_together(self, one: Account, other: Account, other_is_up: bool) -> None:
        if self.random.random() < 0.05:  # an hour's chance that somebody writes
            self.written += 1
            one.write(other, f"{one.name} {self.written}")
        if other_is_up and self.random.random() < 0.7:  # Tor does not always work
            self.connect(one, other)
            while self.deliver(one, other) is not None:
                pass
        self.store(one, other)

    def _is_up(self, who: Account) -> bool:
        if self._away_until[who.peer] > self.now:
            return False
        if self.random.random() < 0.0008:  # about every two months
            self._away_until[who.peer] = self.now + 21 * DAY * 1000
        return self.random.random() < 0.4  # of the hours

    def _lie(self, reader: Account) -> None:
        if reader.peer in self.lied_to and self.random.random() < 0.2:  # now and then
            lies = self.relays[reader.peer].lies(self.random)
            lies[self.random.choice(list(lies))]()

    def rest(self) -> None:
        """Have everybody up, and everything work, until all has come."""
        for _ in range(2):
            for each in self.people:
                self.relays[each.peer].let_go()
                while self.collect(each):
                    pass
            for one, other in self.pairs:
                self.heal(one, other)


def sending(who: Account, other: Account) -> object:
    """Return the id of the era that somebody sends in."""
    ((era_id,),) = who.read(
        lambda tx: tx.query(
            "SELECT era_id FROM era JOIN conversation ON sending_era = era.id JOIN contact ON"
            " contact.conversation = conversation.id JOIN peer ON peer.id = contact.peer WHERE account_key = ?",
            (other.peer.octets,),
        )
    )
    return era_id


def most_eras(tx: ReadTransaction) -> int:
    """Return how many eras the conversation has that has most."""
    found = tx.query("SELECT count(*) FROM era GROUP BY conversation ORDER BY 1 DESC LIMIT 1")
    return int(str(found[0][0])) if found else 0


def test_months_of_many_people_lose_and_double_nothing() -> None:
    world = Months(1, PEOPLE, CONVERSATIONS)
    world.live(24 * DAYS)
    world.rest()
    assert world.written > CONVERSATIONS * DAYS // 3
    for pair in world.pairs:
        for one, other in (pair, pair[::-1]):
            arrived = [message.text for message in other.history(one) if message.author is not None]
            assert sorted(map(str, arrived)) == sorted(world.reference.texts(one, other)), (
                "nothing lost, nothing doubled"
            )
            states = {message.state for message in one.history(other) if message.author is None}
            assert states <= {"delivered"}
        assert sending(*pair) == sending(*pair[::-1])
    for each in world.people:
        each.read(lambda tx: check_consistency(tx, world.engine))
        assert not each.read(lambda tx: tx.query("SELECT kind FROM alarm")), "nobody has anybody's keys"
        assert each.read(most_eras) <= 5
    renewed = [each.read(lambda tx: tx.query("SELECT ours_at, theirs_at FROM renewal")) for each in world.people]
    assert all(ours or theirs for rows in renewed for ours, theirs in rows), "everybody went to another era"
