"""The table of first contact: complete, without dead ends, and true of what is queued."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactState
from balchat_host.core import account, contacts, schema
from balchat_host.core.delivery import queue
from balchat_host.core.first_contact import asking, machine
from balchat_host.core.first_contact.machine import TABLE, TALKING, WANTING, Action, Guard, Input, Phase
from balchat_host.core.rows import Purpose
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.testing.sqlite_transaction import SqliteUnits

if TYPE_CHECKING:
    from balchat_host.api.crypto import CryptoEngine

ALICE, BOB = PeerId(b"\x01" * 32), PeerId(b"\x02" * 32)
START = 1_800_000_000_000
HOUR = 3600 * 1000


def test_every_phase_has_its_inputs_and_every_input_leads_to_a_phase() -> None:
    assert set(TABLE) == set(Phase)
    for phase, steps in TABLE.items():
        for what, step in steps.items():
            assert isinstance(what, Input)
            assert step.to in set(Phase) - {Phase.NEW}, f"{phase}, {what}"
            assert set(step.actions) <= set(Action)
            assert step.when is None or step.when in set(Guard)
    assert {what for steps in TABLE.values() for what in steps} == set(Input), "each input does something somewhere"


def test_every_phase_but_the_first_can_be_reached() -> None:
    reached: set[Phase] = set()
    ahead = {Phase.NEW}
    while ahead:
        reached |= ahead
        ahead = {step.to for phase in ahead for step in TABLE[phase].values()} - reached
    assert reached == set(Phase)


def test_from_every_phase_two_can_come_to_talk() -> None:
    talk = set(TALKING)
    while more := {phase for phase, steps in TABLE.items() if {step.to for step in steps.values()} & talk} - talk:
        talk |= more
    assert talk == set(Phase)


def test_people_see_each_stored_phase_as_one_state() -> None:
    shown = {phase: machine.shown(phase) for phase in Phase if phase is not Phase.NEW}
    assert {phase for phase, state in shown.items() if state is ContactState.ACTIVE} == TALKING
    assert set(shown.values()) == set(ContactState)


def test_a_phase_wants_a_key_package_as_its_steps_leave_it() -> None:
    """A step into a wanting phase asks for one, or comes from one; a step out of it asks for none any more."""
    wants = {each for each in Action if each.name.startswith("WANT_")}
    for phase, steps in TABLE.items():
        for what, step in steps.items():
            asks, stops = bool(wants & set(step.actions)), Action.STOP_WANTING in step.actions
            if step.to in WANTING:
                # What was refused is gone, so it must be asked for again.
                assert asks or (phase in WANTING and what is not Input.KEY_PACKAGE_REFUSED), f"{phase}, {what}"
                assert not stops, f"{phase}, {what}"
            else:
                assert stops or phase not in WANTING, f"{phase}, {what}"
                assert not asks, f"{phase}, {what}"


class Contact:
    """One contact in a vault in memory, and what happens with them."""

    def __init__(self) -> None:
        self.now = START
        self._units = SqliteUnits()
        self.run(lambda unit: schema.migrate(unit.tx))
        self.run(lambda unit: account.settle(unit, ALICE, bytes(16), "Alice"))
        self.run(lambda unit: contacts.create(unit, BOB, name="Bob"))

    def run(self, fn):
        def fill(tx):
            return fn(UnitOfWork(tx=tx, engine=cast("CryptoEngine", None), now=self.now, entropy=bytes))

        return self._units.run(fill)

    def close(self) -> None:
        self._units.close()

    def take(self, what: Input) -> None:
        """Take an input in, with what its caller does around it."""

        def happen(unit: UnitOfWork) -> None:
            contact = contacts.find(unit.tx, "Bob")
            if what is Input.KEY_PACKAGE_REFUSED:  # the report ends the delivery
                queue.drop(unit, contact, Purpose.KEY_PACKAGE_REQUEST)
            asking.take(unit, contact, what, reason="no-key-package", turn=unit.now)

        self.run(happen)

    def phase(self) -> Phase:
        return self.run(lambda unit: contacts.find(unit.tx, "Bob")).phase

    def wanted(self) -> int:
        """Return how many requests for a KeyPackage wait."""
        count = "SELECT count(*) FROM payload JOIN delivery ON payload = payload.id WHERE purpose = ?"
        return self.run(lambda unit: unit.tx.query(count, (Purpose.KEY_PACKAGE_REQUEST,)))[0][0]


def ways() -> dict[Phase, tuple[Input, ...]]:
    """Return by which inputs each phase is reached soonest."""
    found: dict[Phase, tuple[Input, ...]] = {Phase.NEW: ()}
    ahead = [Phase.NEW]
    for phase in ahead:
        for what, step in TABLE[phase].items():
            if step.to not in found:
                found[step.to] = (*found[phase], what)
                ahead.append(step.to)
    return found


@given(st.sampled_from(Phase), st.lists(st.tuples(st.sampled_from(Input), st.integers(0, 400 * 24)), max_size=40))
def test_whatever_comes_a_key_package_is_asked_for_exactly_where_one_is_wanted(
    start: Phase, inputs: list[tuple[Input, int]]
) -> None:
    contact = Contact()
    try:
        for what in ways()[start]:
            contact.take(what)
        assert contact.phase() is start
        for what, hours in inputs:
            before = contact.phase()
            contact.take(what)
            assert contact.phase() in {before, *(step.to for step in TABLE[before].values())}
            assert contact.wanted() == (contact.phase() in WANTING), f"{before}, {what}: {contact.phase()}"
            contact.now += hours * HOUR
    finally:
        contact.close()
