"""Eras from strangers, contacts, relays and thieves: what they cost is bounded, and what they leave goes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from balchat_common import cbor
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.crypto import MAX_KNOWN_ERAS
from balchat_host.api.transport import Verdict
from balchat_host.api.views import AlarmKind
from balchat_host.core import account, content, inbox
from balchat_host.core.contacts import find
from balchat_host.core.delivery import queue
from balchat_host.core.envelope import Envelope, EraMessage, Kind
from balchat_host.core.eras import contact_key_packages, founding, opening, renewals, schedule
from balchat_host.core.rows import Purpose
from tests.simulation.test_alarms import told
from tests.simulation.test_eras import contacts, healed, held, pass_hours, renew, sending, take, talk, welcome_of

if TYPE_CHECKING:
    from balchat_host.core.unit_of_work import UnitOfWork
    from tests.support.simulator import Account, World

ENGINE = MlsEngine()
HOURS = int(os.environ.get("BALCHAT_HOSTILE_HOURS", "9"))
"""How long somebody founds 13 eras an hour; `make simulate` has them found 10,000."""
GROWING = {"received", "own_message_id"}
"""Tables that hold something of what came in the last 90 days, as much as may come."""


def sizes(one: Account) -> dict[str, int]:
    """Return how many rows each table has, and how many the engine has."""
    tables = one.read(
        lambda tx: tx.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT%'")
    )
    counts = {
        str(name): one.read(lambda tx, name=name: tx.query(f"SELECT count(*) FROM {name}"))[0][0]  # ours
        for (name,) in tables
    }
    return counts | {"engine": one.read(lambda tx: len(list(tx.area("crypto").scan())))}


@pytest.mark.parametrize("by", ["a relay", "a contact", "a stranger"])
def test_welcomes_that_answer_nothing_of_ours_leave_nothing(by: str) -> None:
    world, alice, bob = contacts()
    source = {"a relay": None, "a contact": bob.peer, "a stranger": world.account("Mallory").peer}[by]
    before = sizes(alice)
    for number in range(50):
        payload = cbor.encode([1, number.to_bytes(32), bytes(2000)])
        envelope = Envelope(kind=Kind.ERA, payload=payload).encode()

        def take(unit: UnitOfWork, envelope: bytes = envelope) -> Verdict:
            return inbox.receive(unit, source, [envelope])[0].verdict

        assert alice.change(take) is (Verdict.COMMITTED if source is None else Verdict.IGNORED)
    assert sizes(alice) == before


def stolen(one: Account) -> Account:
    """Return somebody who goes on with a copy of an account's vault."""
    thief = type(one).__new__(type(one))
    thief.__dict__.update(one.__dict__)
    thief.__dict__["_units"] = one.__dict__["_units"].copy()
    return thief


class Listener:
    """A thief of Alice's vault who sees all that comes to her, and sends nothing."""

    def __init__(self, world: World, alice: Account, bob: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heard: list[bytes] = []
        self.thief, self._bob = stolen(alice), bob
        hand_over = world._hand_over  # all that arrives goes through it

        def listen(author: Account, reader: Account, ticket: int, envelope: bytes) -> Verdict:
            if reader is alice:
                self.heard.append(envelope)
            return hand_over(author, reader, ticket, envelope)

        monkeypatch.setattr(world, "_hand_over", listen)

    def reads(self, text: str) -> bool:
        """Whether the thief has read a text, with all that came until now."""
        for envelope in self.heard:
            self.thief.change(lambda unit, envelope=envelope: inbox.receive(unit, self._bob.peer, [envelope]))
        return text in [each.text for each in self.thief.history(self._bob)]


def test_a_thief_who_only_listens_reads_until_an_era_that_the_victim_founds(monkeypatch: pytest.MonkeyPatch) -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    listener = Listener(world, alice, bob, monkeypatch)
    talk(world, alice, bob, "before")
    assert listener.reads("before to you too")
    renew(alice, bob)
    healed(world, alice, bob)
    talk(world, alice, bob, "after")
    assert not listener.reads("after to you too")


def test_a_thief_who_only_listens_reads_until_the_other_uses_a_key_package_from_after_the_theft(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    listener = Listener(world, alice, bob, monkeypatch)
    renew(bob, alice)
    healed(world, alice, bob)
    talk(world, alice, bob, "before")
    assert listener.reads("before to you too"), "Bob has used what Alice gave him before the theft"
    renew(bob, alice)
    healed(world, alice, bob)
    talk(world, alice, bob, "after")
    assert not listener.reads("after to you too")


def test_an_era_in_our_name_is_noticed_and_the_next_one_of_ours_takes_the_contact_back() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    thief = stolen(alice)
    renew(thief, bob)
    assert take(bob, alice, welcome_of(thief, bob)) is Verdict.COMMITTED
    world.heal(alice, bob)
    assert told(alice) == [AlarmKind.FOREIGN_ERA]
    healed(world, alice, bob)
    bob.write(alice, "is it you?")
    alice.write(bob, "it is me")
    world.heal(alice, bob)
    for one, other in ((alice, bob), (bob, alice)):
        assert {each.text for each in one.history(other)} >= {"is it you?", "it is me"}
    assert held(thief) & {sending(bob, alice).era_id} == set()


class Founder:
    """Bob with another program: founds eras with Alice's KeyPackages as fast as he can, and reads nothing she says."""

    def __init__(self, world: World, alice: Account, bob: Account) -> None:
        self._world, self._alice, self._bob = world, alice, bob
        self._known = list(held(alice))

    def found(self, *, speaks: bool = True) -> Verdict:
        """Found an era that names all that were before, and speak in it."""
        ((given,),) = self._alice.read(
            lambda tx: tx.query("SELECT key_package FROM own_key_package WHERE purpose = 'contact' ORDER BY id LIMIT 1")
        )
        era_id, welcome, said = self._bob.change(lambda unit: self._make(unit, bytes(given)))
        self._known = [*self._known, era_id][-MAX_KNOWN_ERAS:]
        verdict = take(self._alice, self._bob, Envelope(kind=Kind.ERA, payload=welcome).encode())
        if speaks and verdict is Verdict.COMMITTED:
            payload = EraMessage(era_id=era_id, message=said).encode()
            take(self._alice, self._bob, Envelope(kind=Kind.MLS_MESSAGE, payload=payload).encode())
        return verdict

    def _make(self, unit: UnitOfWork, given: bytes) -> tuple[bytes, bytes, bytes]:
        group_id, members = unit.entropy(16), [(self._alice.peer, given)]
        made = unit.engine.found(unit.keys, group_id, members, knows=self._known, now=unit.seconds)
        contact = find(unit.tx, self._alice.peer.octets.hex())
        control, _ = queue.control_content(unit, contact, content.KEY_PACKAGES, content.encode_key_packages(()))
        said = unit.engine.encrypt(unit.keys, group_id, control)
        unit.engine.delete_group(unit.keys, group_id)
        return made.era_id, made.welcomes[0], said


def test_who_founds_eras_all_day_makes_nothing_grow_and_can_still_be_talked_with() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    founder = Founder(world, alice, bob)
    seen: list[dict[str, int]] = []
    for hour in range(HOURS):
        verdicts = [founder.found() for _ in range(13)]
        assert verdicts == [Verdict.COMMITTED] * 12 + [Verdict.REFUSED]
        pass_hours(world, 1, alice)
        if hour >= 6:
            seen.append(sizes(alice))
    # Housekeeping has a row of its own here and there.
    grown = {name for name in seen[0] if seen[-1][name] > seen[0][name] + 1}
    assert grown <= GROWING, f"{grown}: {[(name, seen[0][name], seen[-1][name]) for name in grown]}"
    assert seen[-1]["era"] <= 5
    assert seen[-1]["gone_era"] == 64
    assert seen[-1]["engine"] < 100


def test_key_packages_from_a_device_that_they_use_no_more_are_no_answer_to_what_we_ask() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)

    def waiting(unit: UnitOfWork) -> int:
        contact = find(unit.tx, bob.peer.octets.hex())
        contact_key_packages.forget(unit, contact)
        schedule.renew(unit, contact)
        for number in range(20):
            opening.on_key_packages(unit, contact, [number.to_bytes(2)], device_id=bytes(16), said_at=unit.now)
        return len(unit.tx.query("SELECT 1 FROM payload"))

    assert alice.change(waiting) == 1, "what asks for KeyPackages waits once"


def test_an_era_that_is_said_to_be_ours_before_it_comes_keeps_nobody_from_founding_the_next_one() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    ((given,),) = alice.read(
        lambda tx: tx.query("SELECT key_package FROM own_key_package WHERE purpose = 'contact' ORDER BY id LIMIT 1")
    )
    era_id, welcome, _ = bob.change(lambda unit: Founder(world, alice, bob)._make(unit, bytes(given)))

    def hear(unit: UnitOfWork) -> None:
        contact = find(unit.tx, bob.peer.octets.hex())
        opened = content.Opened(era_id=era_id, founder_device_id=account.load(unit.tx).device_id)
        opening.on_opened(unit, contact, opened, device_id=bytes(16), said_at=unit.now)

    alice.change(hear)
    assert take(alice, bob, Envelope(kind=Kind.ERA, payload=welcome).encode()) is Verdict.COMMITTED
    assert alice.change(lambda unit: founding.found(unit, find(unit.tx, bob.peer.octets.hex()))) is not None


def test_who_founds_eras_and_never_speaks_in_them_nor_takes_the_answers_has_few_of_them_wait() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    founder = Founder(world, alice, bob)
    for _ in range(4):
        for _ in range(12):
            founder._known = list(held(alice))
            assert founder.found(speaks=False) is Verdict.COMMITTED
        pass_hours(world, 1, alice)
    waiting = alice.read(lambda tx: tx.query("SELECT count(*) FROM payload WHERE purpose = ?", (Purpose.ANSWER,)))
    assert waiting[0][0] <= 16


def test_who_wants_key_packages_every_hour_and_takes_none_has_few_of_them_wait_and_gets_some_later() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    whom = bob.peer.octets.hex()
    for _ in range(48):
        alice.change(lambda unit: renewals.on_wanted(unit, find(unit.tx, whom)))
        pass_hours(world, 1, alice)
    waiting = alice.read(lambda tx: tx.query("SELECT count(*) FROM payload WHERE purpose = ?", (Purpose.CONTROL,)))
    assert waiting[0][0] <= renewals.MOST_WAITING
    before = alice.read(lambda tx: tx.query("SELECT max(id) FROM own_key_package"))
    world.heal(alice, bob)
    pass_hours(world, 1, alice)
    assert alice.read(lambda tx: tx.query("SELECT max(id) FROM own_key_package")) > before
