"""Two people heal again and again on real MLS: founding, crossing, losing, doubling, reordering, dying in between.

Below the core: the engine, the choice of an era, and a network that does what it likes. Each play is one seed; the keys
alone are not its own. `make simulate` plays thousands.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Final

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.errors import BadInput, CryptoRejected
from balchat_host.api.types import DEVICE_ID_SIZE, PeerId
from balchat_host.core.eras.choice import Candidate, best, followed, sending
from balchat_host.testing.crypto_kit import NOW
from balchat_host.testing.dict_area import DictArea

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

PLAYS: Final = int(os.environ.get("BALCHAT_ERA_PLAYS", "40"))
STEPS: Final = 80
ENGINE: Final = MlsEngine()
_LIFETIME: Final = 90 * 24 * 3600
_GROUP_ID_SIZE: Final = 16
_ROUNDS: Final = 12
"""Times that both write, after which both must write in one era."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is on the way: a KeyPackage, a Welcome, or a message of an era."""

    kind: str
    octets: bytes
    era_id: bytes = b""
    text: bytes = b""


@dataclass(eq=False)
class Side:
    """One of the two. `wire` is what is on its way to them."""

    random: Random
    area: DictArea = field(default_factory=DictArea)
    eras: dict[bytes, Candidate] = field(default_factory=dict[bytes, Candidate])
    groups: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """The MLS group of each era, of those too that are gone."""
    given: list[bytes] = field(default_factory=list[bytes])
    """Our KeyPackages that the other may use, in the order in which they were given."""
    doomed: list[bytes] = field(default_factory=list[bytes])
    """Those of them that go as soon as their time is over."""
    held: list[bytes] = field(default_factory=list[bytes])
    """The other's, which we may use."""
    wire: list[Item] = field(default_factory=list[Item])
    read: list[bytes] = field(default_factory=list[bytes])
    peer: PeerId = field(init=False)

    def __post_init__(self) -> None:
        self.peer = ENGINE.create_identity(self.area, self.random.randbytes(DEVICE_ID_SIZE), now=NOW)

    @property
    def sends_in(self) -> bytes:
        """The era that this side sends in."""
        return sending(self.eras.values()).era_id

    def hold(self, group_id: bytes, era: Candidate) -> None:
        """Keep an era."""
        assert era.era_id not in self.groups
        self.eras[era.era_id], self.groups[era.era_id] = era, group_id

    def give(self) -> Item:
        """Make a KeyPackage for the other side."""
        self.given.append(ENGINE.key_package(self.area, lifetime=_LIFETIME, now=NOW))
        return Item(kind="key package", octets=self.given[-1])

    def found(self, other: PeerId) -> Item:
        """Found an era with the newest KeyPackage of the other's, naming all that we hold."""
        group_id, knows = self.random.randbytes(_GROUP_ID_SIZE), list(self.eras)[-32:]
        newest = [(other, self.held[-1])]
        self.held.clear()
        made = ENGINE.found(self.area, group_id, newest, knows=knows, now=NOW)
        names = frozenset(knows)
        self.hold(group_id, Candidate(era_id=made.era_id, founder=self.peer.octets, names=names, confirmed=False))
        return Item(kind="welcome", octets=made.welcomes[0])

    def say(self, text: bytes, era_id: bytes | None = None) -> Item:
        """Encrypt in an era, by default in the one that we send in."""
        chosen = era_id or self.sends_in
        return Item(
            kind="message", octets=ENGINE.encrypt(self.area, self.groups[chosen], text), era_id=chosen, text=text
        )

    def take(self, item: Item, other: PeerId) -> list[Item]:
        """Take in what has come; return what is said to it at once."""
        match item.kind:
            case "key package":
                if item.octets not in self.held:
                    self.held.append(item.octets)
                return []
            case "welcome":
                return self._open(item.octets, other)
            case _:
                return self._hear(item)

    def _open(self, welcome: bytes, other: PeerId) -> list[Item]:
        wanted = ENGINE.welcome_reference(welcome)
        used = next((each for each in self.given if ENGINE.reference(each) == wanted), None)
        if used is None:
            with pytest.raises(CryptoRejected):
                ENGINE.join(self.area, welcome, max_members=2)
            return []
        joined = ENGINE.join(self.area, welcome, max_members=2)
        assert joined.founder.peer == other
        at = self.given.index(used)
        self.doomed += [each for each in self.given[:at] if each not in self.doomed]
        self.given.pop(at)
        if used in self.doomed:
            self.doomed.remove(used)
        names = frozenset(joined.knows)
        self.hold(
            joined.group_id,
            Candidate(era_id=joined.era_id, founder=other.octets, names=names, confirmed=False),
        )
        return [self.say(b"opened", joined.era_id)] if best(self.eras.values()).era_id == joined.era_id else []

    def _hear(self, item: Item) -> list[Item]:
        if item.era_id not in self.eras:
            self._read_nowhere(item)
            return []
        try:
            heard = ENGINE.decrypt(self.area, self.groups[item.era_id], item.octets)
        except CryptoRejected:
            assert item.octets in self.read, "what was not read yet is read in its era"
            return []
        assert heard.data == item.text
        self.read.append(item.octets)
        era = self.eras[item.era_id]
        self.eras[item.era_id] = replace(era, confirmed=True)
        first = era.founder == self.peer.octets and not era.confirmed
        return [self.say(b"heard", era.era_id)] if first and best(self.eras.values()).era_id == era.era_id else []

    def _read_nowhere(self, item: Item) -> None:
        """Nothing that we hold opens it, as it is or with its header changed to be of another group."""
        of = self.groups.get(item.era_id)
        for era_id in self.eras:
            group_id = self.groups[era_id]
            for octets in (item.octets, item.octets.replace(of, group_id) if of else item.octets):
                with pytest.raises(CryptoRejected):
                    ENGINE.decrypt(self.area, group_id, octets)

    def retire(self) -> None:
        """Delete what has been followed, once all that was on its way has come; and the KeyPackages before the used."""
        if self.wire:
            return
        for era in followed(self.eras.values()):
            ENGINE.delete_group(self.area, self.groups[era.era_id])
            del self.eras[era.era_id]
        for each in self.doomed:
            ENGINE.forget_key_package(self.area, each)
            self.given.remove(each)
        self.doomed.clear()

    def check_rows(self) -> None:
        """Nothing is kept but the account, the eras that are held, and the KeyPackages that may still be used."""
        rows = self.area.rows
        kept = {key[1:] for key in rows if key[:1] == b"k"}
        assert kept == {ENGINE.reference(each) for each in self.given}
        assert len([key for key in rows if key[:1] == b"x"]) == len(kept)
        assert set(ENGINE.groups(self.area)) == {self.groups[era_id] for era_id in self.eras}
        assert len(rows) == 1 + 2 * len(kept) + 3 * len(self.eras)

    def snapshot(self) -> Generator[None, bool]:
        """Note the state; once it is sent whether to die, go back to it or go on."""
        before = (
            dict(self.area.rows),
            dict(self.eras),
            dict(self.groups),
            list(self.given),
            list(self.doomed),
            list(self.held),
            list(self.read),
        )
        if (yield):
            rows, self.eras, self.groups, self.given, self.doomed, self.held, self.read = before
            self.area.rows = rows
        yield


class Play:
    """Two sides with one era, which came about by a request."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.sides = Side(self.random), Side(self.random)
        self.sent: list[Item] = []
        one, other = self.sides
        one.held.append(other.give().octets)
        self.leave(other, [one.found(other.peer)])
        self.deliver(other, 0)
        self.deliver(one, 0)

    def other(self, side: Side) -> Side:
        """The one whom a side talks with."""
        return self.sides[side is self.sides[0]]

    def leave(self, to: Side, items: list[Item]) -> None:
        """Send something; it was committed before."""
        to.wire += items
        self.sent += [each for each in items if each.kind == "message"]

    def deliver(self, to: Side, at: int, *, twice: bool = False, die: bool = False) -> None:
        """Have something arrive; with `die`, before the commit, so that it comes again."""
        item = to.wire[at] if twice or die else to.wire.pop(at)
        self.commit(to, lambda: to.take(item, self.other(to).peer), die=die)

    def commit(self, side: Side, step: Callable[[], list[Item]], *, die: bool) -> None:
        """Run a step as a transaction; what it says leaves after the commit."""
        undo = side.snapshot()
        next(undo)
        said = step()
        undo.send(die)
        if not die:
            self.leave(self.other(side), said)

    def act(self, step: int) -> None:
        """Let chance do one thing."""
        side = self.random.choice(self.sides)
        other, wire, die = self.other(side), side.wire, self.random.random() < 0.1
        at = self.random.randrange(len(wire)) if wire else None
        match self.random.randrange(16):
            case 0 | 1 | 10:
                self.commit(side, lambda: [side.give()], die=die)
            case 2 | 3 | 4 if side.held:
                self.commit(side, lambda: [side.found(other.peer)], die=die)
            case 5 | 6:
                self.commit(side, lambda: [side.say(b"%d" % step)], die=die)
            case 7:
                side.retire()
            case 8 if at is not None and wire[at].kind != "message":
                wire.pop(at)
            case 9 if at is not None:
                self.deliver(side, at, twice=True)
            case _ if at is not None:
                self.deliver(side, at, die=die)
            case _:
                pass

    def settle(self) -> None:
        """Have all that is on its way arrive, in any order."""
        for side in self.sides * _ROUNDS:
            while side.wire:
                self.deliver(side, self.random.randrange(len(side.wire)))


@pytest.mark.parametrize("seed", range(PLAYS))
def test_two_who_found_eras_at_any_time_choose_alike_and_read_all_that_was_said_in_them(seed: int) -> None:
    play = Play(seed)
    for step in range(STEPS):
        play.act(step)
    play.settle()
    for step in range(_ROUNDS):
        for side in play.sides:
            play.leave(play.other(side), [side.say(b"%d" % (STEPS + step))])
        play.settle()
    one, other = play.sides
    assert one.sends_in == other.sends_in
    for side in play.sides:
        side.retire()
        side.check_rows()
    check_readers(play)


def check_readers(play: Play) -> None:
    """All that was said was read by the other side, once; by its author, and by anybody else, nothing of it is."""
    stranger = Side(play.random)
    for side in play.sides:
        side.held.append(stranger.give().octets)
        stranger.take(side.found(stranger.peer), side.peer)
    read = [octets for side in play.sides for octets in side.read]
    assert len(read) == len(set(read))
    unread = [item for item in play.sent if item.octets not in set(read)]
    for item in unread:
        assert not all(item.era_id in side.eras for side in play.sides), "what both can read was read"
    for item in play.sent:
        stranger.groups[item.era_id] = next(s.groups[item.era_id] for s in play.sides if item.era_id in s.groups)
        stranger.take(item, play.sides[0].peer)
    assert not stranger.read
    for side in play.sides:
        gone = [era_id for era_id in side.groups if era_id not in side.eras]
        for item in [item for item in play.sent if item.era_id in gone]:
            with pytest.raises(BadInput):
                ENGINE.decrypt(side.area, side.groups[item.era_id], item.octets)
