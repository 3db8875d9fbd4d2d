"""Whatever is sent, reported, queued again, blocked, restored and cut off, in whatever order: nothing is left over.

Transports may report late, twice, of what is gone, or what is not true. After each step both vaults are consistent
(`testing.consistency`); once everything works again, nothing waits any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.core import contacts, housekeeping
from balchat_host.core.content import MessageStatus
from balchat_host.core.delivery import reports, requeue
from balchat_host.core.delivery.requeue import RequeueReason
from balchat_host.core.first_contact import answering
from balchat_host.core.messages.compose import compose
from balchat_host.core.rows import ContactRow, Purpose
from tests.support.consistency import check_at_rest, check_consistency
from tests.support.devices import device_of
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.core.unit_of_work import UnitOfWork
    from balchat_host.testing.sqlite_transaction import SqliteUnits

HOUR = 3600
DAY = 24 * HOUR
ENGINE = MlsEngine()

who = st.integers(0, 1)
FOR_GOOD = (Outcome.DELIVERED, Outcome.REFUSED)


class Deliveries(RuleBasedStateMachine):
    """Alice and Bob, and everything that may happen to what they have for each other."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(1, ENGINE)
        self.people = [self.world.account(name) for name in ("Alice", "Bob")]
        self.tickets: list[dict[int, Purpose]] = [{}, {}]
        """All tickets that each has ever given out, since it last went on from a backup."""
        self.backups: list[SqliteUnits | None] = [None, None]
        self.count = 0

    @initialize(steps=st.sampled_from([3, 3, 3, 2, 1, 0]))
    def begin(self, steps: int) -> None:
        alice, bob = self.people
        if steps > 0:
            alice.add(bob)
        if steps > 1:
            self.world.heal(alice, bob)
        if steps > 2:
            bob.accept(alice)
            self.world.heal(alice, bob)

    def pair(self, one: int) -> tuple[Account, Account]:
        return self.people[one], self.people[1 - one]

    def with_contact(self, one: int, fn: Callable[[UnitOfWork, ContactRow], object], *, crash: bool = False) -> None:
        """Do something with the other as a contact, if it is one; or be killed before it is committed."""
        account, other = self.pair(one)

        def run(unit: UnitOfWork) -> None:
            contact = contacts.by_peer(unit.tx, other.peer)
            if contact is not None:
                fn(unit, contact)

        account.change(run, then_crash=crash)

    # -- what people do

    @rule(one=who, crash=st.booleans())
    def write(self, one: int, *, crash: bool) -> None:
        self.count += 1
        text = f"{self.count}"

        def send(unit: UnitOfWork, contact: ContactRow) -> None:
            if not contact.blocked:
                compose(unit, contact.name, text, reply_to=None)

        self.with_contact(one, send, crash=crash)

    @rule(one=who)
    def meet(self, one: int) -> None:
        account, other = self.pair(one)
        if account.contact(other) is None:
            account.accept(other) if account.asked_by(other) else account.add(other)

    @rule(one=who, crash=st.booleans())
    def remove(self, one: int, *, crash: bool) -> None:
        self.with_contact(one, lambda unit, contact: contacts.remove(unit, contact.name), crash=crash)

    @rule(one=who, carried=st.integers(0, 3))
    def lose_everything_and_ask_again(self, one: int, carried: int) -> None:
        account, other = self.pair(one)
        if account.contact(other) is not None:
            account.remove(other)
        account.add(other)
        for _ in range(carried):
            for author, reader in ((account, other), (other, account)):
                self.world.connect(author, reader)
                self.world.deliver(author, reader)

    @rule(one=who, crash=st.booleans())
    def block_or_unblock(self, one: int, *, crash: bool) -> None:
        def change(unit: UnitOfWork, contact: ContactRow) -> None:
            (answering.unblock if contact.blocked else contacts.block)(unit, contact.name)

        self.with_contact(one, change, crash=crash)

    @rule(one=who)
    def back_up(self, one: int) -> None:
        self.backups[one] = self.people[one].back_up()

    @rule(one=who, dies=st.integers(0, 1))
    def restore(self, one: int, dies: int) -> None:
        backup = self.backups[one]
        if backup is not None:
            self.people[one].restore(backup, crashes=dies)
            self.tickets[one].clear()  # what reports came of has ended, too

    # -- what the network does

    @rule(one=who, count=st.integers(1, 4), crash=st.sampled_from([None, None, "before", "after"]), twice=st.booleans())
    def carry(self, one: int, count: int, crash: str | None, *, twice: bool) -> None:
        author, reader = self.pair(one)
        self.world.connect(author, reader)
        for _ in range(count):
            self.world.deliver(author, reader, twice=twice)
        self.world.deliver(author, reader, crash=crash)

    @rule(one=who, which=st.integers(0), outcome=st.sampled_from(Outcome), seconds=st.none() | st.integers(0, 100_000))
    def report(self, one: int, which: int, outcome: Outcome, seconds: int | None) -> None:
        self.tell(one, which, outcome, seconds, Latency.INTERACTIVE)

    @rule(
        one=who,
        which=st.integers(0),
        outcome=st.sampled_from([Outcome.STORED, Outcome.REFUSED, Outcome.LOST]),
        seconds=st.none() | st.integers(0, 100_000),
    )
    def report_of_those_who_store(self, one: int, which: int, outcome: Outcome, seconds: int | None) -> None:
        self.tell(one, which, outcome, seconds, Latency.STORE_AND_FORWARD)

    def tell(self, one: int, which: int, outcome: Outcome, seconds: int | None, latency: Latency) -> None:
        """Report of any ticket there ever was: late, twice, or before it has left at all."""
        known = self.tickets[one]
        if not known:
            return
        ticket = list(known)[-1 - which % len(known)]
        if (
            known[ticket] in (Purpose.ANSWER, Purpose.CONTACT_REQUEST)
            and outcome in FOR_GOOD
            and (outcome is Outcome.DELIVERED or seconds is None)
        ):
            return  # a lie about these leaves two who each think that it is the other's turn
        report = SendReport(ticket=ticket, outcome=outcome, reason="told so", retry_after=seconds)
        self.people[one].change(lambda unit: reports.apply_reports(unit, [(report, latency), (report, latency)]))

    @rule(one=who, which=st.integers(0), status=st.sampled_from(MessageStatus), crash=st.booleans())
    def say(self, one: int, which: int, status: MessageStatus, *, crash: bool) -> None:
        """Have the other say something of a message, of whomever it is, or of none."""

        def apply(unit: UnitOfWork, contact: ContactRow) -> None:
            ids = [*(row[0] for row in unit.tx.query("SELECT id FROM message ORDER BY seq DESC")), bytes(32)]
            chosen = ids[which % len(ids)]
            assert isinstance(chosen, bytes)
            reports.apply_statuses(unit, contact, [(chosen, status)], device_id=device_of(unit.tx, contact))

        self.with_contact(one, apply, crash=crash)

    @rule(one=who, reason=st.sampled_from(RequeueReason), times=st.integers(1, 6), crash=st.booleans())
    def requeue(self, one: int, reason: RequeueReason, times: int, *, crash: bool) -> None:
        for _ in range(times):
            self.with_contact(one, lambda unit, contact: requeue.requeue(unit, contact, reason), crash=crash)

    @rule(seconds=st.sampled_from([1, HOUR, DAY, 8 * DAY, 31 * DAY]), one=who, crash=st.booleans())
    def pass_time(self, seconds: int, one: int, *, crash: bool) -> None:
        self.world.pass_time(seconds)
        self.people[one].change(housekeeping.tidy, then_crash=crash)

    # -- what holds

    @invariant()
    def is_consistent(self) -> None:
        for number, account in enumerate(self.people):
            account.read(lambda tx: check_consistency(tx, ENGINE))
            self.see_tickets(number, account)

    def see_tickets(self, number: int, account: Account) -> None:
        found = account.read(
            lambda tx: tx.query("SELECT ticket, purpose FROM delivery JOIN payload ON payload.id = payload")
        )
        known = self.tickets[number]
        newest = max(known, default=0)
        for ticket, purpose in sorted(found):
            assert isinstance(ticket, int)
            assert isinstance(purpose, int)
            if ticket in known:
                assert known[ticket] is Purpose(purpose), "it is another delivery's now"
            else:
                assert ticket > newest, "it was given out, taken back and given out once more"
        known |= {ticket: Purpose(purpose) for ticket, purpose in sorted(found)}

    def teardown(self) -> None:
        """Let both want to talk, and everything work: then nothing waits any more."""
        for one in (0, 1):
            account, other = self.pair(one)
            contact = account.contact(other)
            if contact is None:
                self.meet(one)
            elif contact.blocked:
                account.block(other, blocked=False)
        for _ in range(6):
            for account in self.people:
                account.change(housekeeping.tidy)
            self.world.heal(*self.people)
            self.world.pass_time(2 * DAY)
        for account in self.people:
            account.read(lambda tx: check_consistency(tx, ENGINE))
            account.read(check_at_rest)


Deliveries.TestCase.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
TestDeliveries = pytest.mark.slow(Deliveries.TestCase)
