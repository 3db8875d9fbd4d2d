"""Who asks for contact by what somebody left at a relay, and asks again when that has grown old: the core alone."""

from itertools import pairwise

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.transport import Latency, Outcome, Outgoing, SendReport, Verdict
from balchat_host.api.types import Route
from balchat_host.api.views import ContactState
from balchat_host.core import housekeeping, inbox, key_package_pool, routes
from balchat_host.core.delivery import outgoing, reports
from balchat_host.core.envelope import Envelope, Kind
from tests.support.simulator import Account, World

DAY = 24 * 3600


class Meeting:
    """Alice has asked Bob by a relay; nothing travels but what a test hands over."""

    def __init__(self, *, card_is_old: float = 0) -> None:
        self.world = World(1, MlsEngine())
        self.alice, self.bob = self.world.account("Alice"), self.world.account("Bob")
        self.alice.add(self.bob)
        self.offers(b"first")
        self.finds_a_card(days_later=card_is_old)
        (self.first,) = self.to_store(self.alice, self.bob).outgoing
        self.report(self.alice, self.first, Outcome.STORED)

    def to_store(self, author: Account, reader: Account) -> outgoing.Pending:
        now = self.world.now
        return author.read(lambda tx: outgoing.to_store(tx, reader.peer, queued_until=now, now=now, limit=64))

    def to_send(self, author: Account, reader: Account) -> list[Outgoing]:
        now = self.world.now
        return author.read(lambda tx: outgoing.pending(tx, reader.peer, after=0, now=now, limit=64)).outgoing

    def report(
        self,
        author: Account,
        outgoing: Outgoing,
        outcome: Outcome,
        retry_after: float | None = None,
        *,
        latency: Latency = Latency.STORE_AND_FORWARD,
    ) -> None:
        report = SendReport(ticket=outgoing.ticket, outcome=outcome, retry_after=retry_after)
        author.change(lambda unit: reports.apply_reports(unit, [(report, latency)]))

    def finds_a_card(self, *, days_later: float = 0) -> None:
        key_package = self.bob.change(lambda unit: key_package_pool.refill(unit, 1)).single_use[0]
        self.pass_days(days_later)
        envelope = Envelope(kind=Kind.KEY_PACKAGE, payload=key_package).encode()
        self.alice.change(lambda unit: inbox.receive(unit, self.bob.peer, [envelope]))

    def asks_again(self) -> None:
        """Alice has lost all that she had of Bob's."""
        self.alice.remove(self.bob)
        self.alice.add(self.bob)
        self.finds_a_card()

    def offers(self, address: bytes) -> None:
        route = Route(transport="x", address=address, device_id=self.alice.device_id)
        self.alice.change(lambda unit: routes.offer(unit, self.bob.peer, [route]))

    def carry(self, author: Account, reader: Account) -> list[Verdict]:
        """Hand over everything that can be stored."""
        verdicts: list[Verdict] = []
        for each in self.to_store(author, reader).outgoing:
            self.report(author, each, Outcome.STORED)
            verdicts.append(self.take(reader, each))
        return verdicts

    def take(self, reader: Account, outgoing: Outgoing) -> Verdict:
        return reader.change(lambda unit: inbox.receive(unit, None, [outgoing.envelope]))[0].verdict

    def pass_days(self, days: float) -> None:
        self.world.pass_time(days * DAY)
        for each in (self.alice, self.bob):
            each.change(housekeeping.tidy)

    def state(self) -> ContactState:
        contact = self.alice.contact(self.bob)
        assert contact is not None
        return contact.state

    def ways_to_alice(self) -> list[bytes]:
        now = self.world.now // 1000
        return [route.address for route in self.bob.read(lambda tx: routes.known(tx, self.alice.peer, now=now))]


@pytest.mark.parametrize(("card_is_old", "stale_after"), [(0, 30), (20, 10), (29, 7)])
def test_another_card_is_looked_for_when_the_one_before_is_out_of_date_but_not_within_a_week(
    card_is_old: float, stale_after: float
) -> None:
    meeting = Meeting(card_is_old=card_is_old)
    # A card is out of date with the beginning of a day (docs/spec/mls.md), up to one before its time.
    meeting.pass_days(stale_after - 1.1)
    assert not meeting.to_store(meeting.alice, meeting.bob).wants_key_package
    meeting.pass_days(1.2)
    assert meeting.to_store(meeting.alice, meeting.bob).wants_key_package


@pytest.fixture
def meeting() -> Meeting:
    return Meeting()


def test_the_answer_to_the_first_request_counts_though_we_look_for_another_card(meeting: Meeting) -> None:
    meeting.pass_days(20)
    assert meeting.take(meeting.bob, meeting.first) is Verdict.COMMITTED
    meeting.pass_days(11)
    assert meeting.to_store(meeting.alice, meeting.bob).wants_key_package
    meeting.offers(b"second")  # it goes with the next request
    meeting.bob.accept(meeting.alice)
    assert meeting.ways_to_alice() == [b"first"]
    meeting.carry(meeting.bob, meeting.alice)
    assert meeting.state() is ContactState.ACTIVE
    assert not meeting.to_store(meeting.alice, meeting.bob).wants_key_package
    # As there is no next request any more, they are told otherwise.
    meeting.offers(b"second")
    meeting.carry(meeting.alice, meeting.bob)
    assert meeting.ways_to_alice() == [b"second"]


def test_the_answer_to_the_first_request_counts_though_a_second_is_on_its_way(meeting: Meeting) -> None:
    meeting.pass_days(20)
    meeting.take(meeting.bob, meeting.first)
    meeting.pass_days(11)
    meeting.offers(b"second")
    meeting.finds_a_card()
    (second,) = meeting.to_store(meeting.alice, meeting.bob).outgoing
    meeting.report(meeting.alice, second, Outcome.STORED)
    meeting.bob.accept(meeting.alice)
    meeting.carry(meeting.bob, meeting.alice)
    assert meeting.state() is ContactState.ACTIVE
    meeting.offers(b"second")
    assert meeting.take(meeting.bob, second) is Verdict.COMMITTED
    for _ in range(3):
        meeting.carry(meeting.alice, meeting.bob)
        meeting.carry(meeting.bob, meeting.alice)
    assert meeting.ways_to_alice() == [b"second"]
    assert not meeting.bob.asked_by(meeting.alice), "they are contacts: nobody is asked a second time"
    meeting.alice.write(meeting.bob, "hello")
    meeting.carry(meeting.alice, meeting.bob)
    assert [message.text for message in meeting.bob.history(meeting.alice)] == ["hello"]


def test_whoever_adds_us_meanwhile_learns_our_routes_though_our_request_never_left() -> None:
    world = World(1, MlsEngine())
    alice, bob = sorted((world.account("Alice"), world.account("Bob")), key=lambda each: each.peer, reverse=True)
    alice.add(bob)
    route = Route(transport="x", address=b"here", device_id=alice.device_id)
    alice.change(lambda unit: routes.offer(unit, bob.peer, [route]))
    key_package = bob.change(lambda unit: key_package_pool.refill(unit, 1)).single_use[0]
    envelope = Envelope(kind=Kind.KEY_PACKAGE, payload=key_package).encode()
    alice.change(lambda unit: inbox.receive(unit, bob.peer, [envelope]))
    bob.add(alice)
    for _ in range(3):  # only Bob's streams stand
        world.connect(bob, alice)
        while world.deliver(bob, alice) is not None:
            pass
    alice.change(lambda unit: routes.offer(unit, bob.peer, [route]))
    world.heal(alice, bob)
    assert [each.address for each in bob.read(lambda tx: routes.known(tx, alice.peer, now=world.now // 1000))] == [
        b"here"
    ]


@pytest.mark.parametrize("already_stored", [True, False])
def test_a_box_that_takes_nothing_any_more_has_us_look_for_another_after_an_hour(already_stored: bool) -> None:
    meeting = Meeting()
    if already_stored:
        meeting.pass_days(1.1)
    else:
        meeting.alice.change(lambda unit: unit.tx.execute("UPDATE delivery SET stored_at = NULL"))
    (again,) = meeting.to_store(meeting.alice, meeting.bob).outgoing
    meeting.report(meeting.alice, again, Outcome.REFUSED, 60.0)
    assert meeting.to_store(meeting.alice, meeting.bob).outgoing == [again], "it asked us to come again"
    meeting.report(meeting.alice, again, Outcome.REFUSED)
    pending = meeting.to_store(meeting.alice, meeting.bob)
    assert (pending.outgoing, pending.wants_key_package) == ([], False)
    assert pending.look_again == meeting.world.now + 3_600_000
    meeting.world.pass_time(3600)
    assert meeting.to_store(meeting.alice, meeting.bob).wants_key_package
    meeting.finds_a_card()
    (moved,) = meeting.to_store(meeting.alice, meeting.bob).outgoing
    assert moved.ticket != again.ticket
    assert meeting.take(meeting.bob, moved) is Verdict.COMMITTED
    assert meeting.bob.asked_by(meeting.alice)
    # The first may have been taken out before its owner left; then it only takes the other's place.
    meeting.take(meeting.bob, meeting.first)
    meeting.bob.accept(meeting.alice)
    meeting.carry(meeting.bob, meeting.alice)
    assert meeting.state() is ContactState.ACTIVE


def test_a_box_that_gives_cards_for_ever_and_takes_nothing_keeps_us_less_and_less_busy_and_not_for_ever() -> None:
    meeting = Meeting()
    meeting.alice.change(lambda unit: unit.tx.execute("UPDATE delivery SET stored_at = NULL"))
    began, asked, refused = meeting.world.now, [meeting.world.now], 0
    for _ in range(400 * 24):
        if meeting.to_store(meeting.alice, meeting.bob).wants_key_package:
            meeting.finds_a_card()
            asked.append(meeting.world.now)
        for each in meeting.to_store(meeting.alice, meeting.bob).outgoing:
            meeting.report(meeting.alice, each, Outcome.REFUSED)
            refused += 1
        meeting.world.pass_time(3600)
        meeting.alice.change(housekeeping.tidy)
    waits = [(later - earlier) / 3_600_000 for earlier, later in pairwise(asked)]
    assert waits == [*(2.0**time for time in range(8)), *[7 * 24.0] * (len(waits) - 8)]
    assert len(asked) == refused
    assert 170 * DAY < (asked[-1] - began) / 1000 <= 187 * DAY


def test_who_shows_up_after_half_a_year_and_cannot_use_what_we_asked_with_is_asked_again(meeting: Meeting) -> None:
    meeting.pass_days(300)
    (request,) = meeting.to_send(meeting.alice, meeting.bob)
    assert Envelope.decode(request.envelope).kind is Kind.CONTACT_REQUEST
    meeting.report(meeting.alice, request, Outcome.REFUSED, latency=Latency.INTERACTIVE)
    meeting.world.pass_time(60)
    (again,) = meeting.to_send(meeting.alice, meeting.bob)
    assert Envelope.decode(again.envelope).kind is Kind.KEY_PACKAGE_REQUEST


def test_what_is_stale_is_left_nowhere_any_more(meeting: Meeting) -> None:
    meeting.pass_days(181)
    pending = meeting.to_store(meeting.alice, meeting.bob)
    assert (pending.outgoing, pending.wants_key_package, pending.look_again) == ([], False, None)


def test_cards_do_not_tell_the_clock_of_who_left_them(meeting: Meeting) -> None:
    meeting.pass_days(0.3)
    made = meeting.bob.change(lambda unit: key_package_pool.refill(unit, 1))
    assert made.not_after % DAY == 0
    assert 29 * DAY < made.not_after - meeting.world.now // 1000 <= 30 * DAY


@pytest.mark.parametrize("blocked", [False, True])
def test_a_request_that_was_kept_back_does_not_replace_a_newer_one_that_waits(
    meeting: Meeting, *, blocked: bool
) -> None:
    kept_back = meeting.first
    if blocked:
        assert meeting.take(meeting.bob, meeting.first) is Verdict.COMMITTED
        meeting.bob.accept(meeting.alice)
        meeting.bob.block(meeting.alice, blocked=True)
        meeting.asks_again()
        (kept_back,) = meeting.to_store(meeting.alice, meeting.bob).outgoing
    meeting.pass_days(0.1)
    meeting.asks_again()
    assert meeting.carry(meeting.alice, meeting.bob) == [Verdict.COMMITTED]
    assert meeting.take(meeting.bob, kept_back) is Verdict.COMMITTED  # as any other
    if blocked:
        meeting.bob.block(meeting.alice, blocked=False)
    else:
        meeting.bob.accept(meeting.alice)
    # It is answered in the newer one: of the other one Alice has lost the group.
    assert meeting.carry(meeting.bob, meeting.alice)
    assert meeting.state() is ContactState.ACTIVE
