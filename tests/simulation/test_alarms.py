"""What our owner hears where somebody else may hold our keys, and that nobody who does no wrong is accused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.events import ContactAlarm
from balchat_host.api.views import AlarmKind
from balchat_host.core import alarms, contacts, event_log, housekeeping, inbox, routes
from balchat_host.core.content import STATUS, MessageStatus, encode_status
from balchat_host.core.delivery import outgoing, queue
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.eras import keeping, schedule
from balchat_host.core.messages import reading
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from balchat_host.api.storage import ReadTransaction
    from balchat_host.api.views import AlarmView

DAY = 24 * 3600


class Pair:
    """Alice and Bob, who are contacts."""

    def __init__(self) -> None:
        self.world = World(1, MlsEngine())
        self.alice, self.bob = self.world.account("Alice"), self.world.account("Bob")
        self.alice.add(self.bob)
        self.heal()
        self.bob.accept(self.alice)
        self.heal()

    def heal(self) -> None:
        self.world.heal(self.alice, self.bob)

    def steal(self) -> Account:
        """Return somebody who goes on with a copy of Alice's vault."""
        thief = Account.__new__(Account)
        thief.__dict__.update(self.alice.__dict__)
        thief.__dict__["_units"] = self.alice.__dict__["_units"].copy()
        return thief

    def bring_to_bob(self, author: Account, *, by_relay: bool = False) -> None:
        """Bring Bob all that waits for him at an account."""
        found = author.read(
            lambda tx: outgoing.pending(tx, self.bob.peer, after=0, now=self.world.now, limit=100)
        ).outgoing
        envelopes = [each.envelope for each in found]
        source = None if by_relay else author.peer
        self.bob.change(lambda unit: inbox.receive(unit, source, envelopes))

    def overhear(self, thief: Account) -> None:
        """Bring a thief what Bob has said to Alice, and what is on its way to her."""
        found = self.bob.read(
            lambda tx: outgoing.pending(tx, self.alice.peer, after=0, now=self.world.now, limit=100)
        ).outgoing
        envelopes = [each.envelope for each in found]
        thief.change(lambda unit: inbox.receive(unit, self.bob.peer, envelopes))

    def read_by_bob(self) -> None:
        last = self.bob.history(self.alice)[-1].id
        self.bob.change(lambda unit: reading.mark_read(unit, "Alice", up_to=last))

    def claim(self, *message_ids: bytes) -> None:
        """Have Bob say that he has read messages of Alice's, whatever they are, and have it come."""
        body = encode_status([(each, MessageStatus.READ) for each in message_ids])
        self.bob.change(lambda unit: queue.queue_control(unit, contacts.find(unit.tx, "Alice"), STATUS, body))
        self.heal()


@pytest.fixture
def pair() -> Pair:
    return Pair()


def told(account: Account) -> list[AlarmKind]:
    """Return the alarms that an owner was told of."""
    events, _ = account.read(lambda tx: event_log.read(tx, after=0, limit=1000, now=0))
    return [event.kind for event in events if isinstance(event, ContactAlarm)]


def standing(account: Account, name: str) -> tuple[AlarmView, ...]:
    return account.read(lambda tx: alarms.of(tx, contacts.find(tx, name)))


@pytest.mark.parametrize("by_relay", [False, True])
def test_what_a_thief_of_the_vault_writes_is_noticed_when_it_is_confirmed(pair: Pair, by_relay: bool) -> None:
    thief = pair.steal()
    thief.write(pair.bob, "send me the money")
    pair.bring_to_bob(thief, by_relay=by_relay)
    if not by_relay:
        pair.read_by_bob()
    pair.heal()
    assert told(pair.alice) == [AlarmKind.FOREIGN_MESSAGE]
    assert not told(pair.bob)


def test_an_alarm_names_whom_it_is_about(pair: Pair) -> None:
    pair.claim(bytes(32))
    events, _ = pair.alice.read(lambda tx: event_log.read(tx, after=0, limit=1000, now=0))
    (alarm,) = [event for event in events if isinstance(event, ContactAlarm)]
    assert (alarm.name, alarm.peer_id) == ("Bob", pair.bob.peer.octets.hex())
    contact = pair.alice.contact(pair.bob)
    assert contact is not None
    assert alarm.conversation == contact.conversation


def test_a_contact_cannot_flood_us_with_alarms(pair: Pair) -> None:
    for number in range(50):
        pair.claim(*(bytes([number, other]) + bytes(30) for other in range(4)))
    assert told(pair.alice) == [AlarmKind.FOREIGN_MESSAGE]
    (alarm,) = standing(pair.alice, "Bob")
    assert alarm.times == 50
    pair.world.pass_time(8 * DAY)
    pair.claim(bytes(32))
    assert told(pair.alice) == [AlarmKind.FOREIGN_MESSAGE] * 2


def test_an_alarm_that_was_settled_and_comes_again_is_told_again(pair: Pair) -> None:
    pair.claim(bytes(32))
    pair.alice.change(lambda unit: alarms.settle(unit, contacts.find(unit.tx, "Bob")))
    assert not standing(pair.alice, "Bob")
    pair.claim(bytes(32))
    assert told(pair.alice) == [AlarmKind.FOREIGN_MESSAGE] * 2


def test_an_alarm_is_forgotten_once_it_has_not_come_again_for_long(pair: Pair) -> None:
    pair.claim(bytes(32))
    pair.world.pass_time(91 * DAY)
    pair.alice.change(housekeeping.tidy)
    assert not standing(pair.alice, "Bob")


def test_what_is_said_of_our_own_messages_and_of_what_our_balchat_said_is_no_alarm(pair: Pair) -> None:
    view = pair.alice.write(pair.bob, "hello")
    control = pair.alice.change(lambda unit: queue.queue_control(unit, contacts.find(unit.tx, "Bob"), "x/y", b"body"))
    assert control is not None
    pair.heal()
    pair.claim(bytes.fromhex(view.id), control)
    assert not told(pair.alice)


def test_our_routes_that_come_by_a_relay_are_confirmed_without_an_alarm(pair: Pair) -> None:
    pair.alice.change(lambda unit: routes.offer(unit, pair.bob.peer, []))
    pair.alice.write(pair.bob, "by a relay")
    pair.bring_to_bob(pair.alice, by_relay=True)
    pair.heal()
    assert not told(pair.alice)


def test_what_somebody_has_read_of_a_conversation_that_we_have_deleted_is_no_alarm(pair: Pair) -> None:
    pair.alice.write(pair.bob, "to be deleted here, and read there")
    pair.heal()
    pair.alice.remove(pair.bob)
    pair.alice.add(pair.bob)
    pair.heal()
    pair.read_by_bob()
    pair.heal()
    assert not told(pair.alice)


def test_nothing_from_before_a_restore_is_an_alarm(pair: Pair) -> None:
    backup = pair.alice.back_up()
    pair.alice.write(pair.bob, "which the backup does not know")
    pair.heal()
    pair.alice.restore(backup)
    pair.heal()
    pair.world.pass_time(60 * DAY)
    pair.read_by_bob()
    pair.heal()
    assert not told(pair.alice)


def test_the_id_of_what_still_waits_to_leave_is_kept_for_as_long(pair: Pair) -> None:
    control = pair.alice.change(lambda unit: queue.queue_control(unit, contacts.find(unit.tx, "Bob"), "x/y", b"body"))
    assert control is not None
    for _ in range(3):
        pair.world.pass_time(91 * DAY)
        pair.alice.change(housekeeping.tidy)
    pair.heal()
    pair.claim(control)
    assert not told(pair.alice)
    pair.world.pass_time(92 * DAY)
    pair.alice.change(housekeeping.tidy)
    assert not pair.alice.read(lambda tx: tx.query("SELECT 1 FROM own_message_id WHERE id = ?", (control,)))


def sends_in(who: Account, other: Account) -> bytes:
    """Return the id of the era that somebody sends in."""

    def look(tx: ReadTransaction) -> bytes:
        era = keeping.sending(tx, contacts.find(tx, other.name).conversation)
        assert era is not None
        return era.era_id

    return who.read(look)


def holds(who: Account) -> set[object]:
    """Return the ids of the eras that somebody holds."""
    return {row[0] for row in who.read(lambda tx: tx.query("SELECT era_id FROM era"))}


def renew(who: Account, other: Account) -> None:
    who.change(lambda unit: schedule.renew(unit, contacts.find(unit.tx, other.name)))


def test_an_era_that_a_thief_founds_in_our_name_is_noticed_and_left_for_one_that_is_ours(pair: Pair) -> None:
    thief = pair.steal()
    renew(thief, pair.bob)
    pair.bring_to_bob(thief)
    pair.overhear(thief)
    pair.bring_to_bob(thief)
    assert sends_in(pair.bob, pair.alice) not in holds(pair.alice), "the thief has the conversation"
    pair.heal()
    assert AlarmKind.FOREIGN_ERA in told(pair.alice)
    assert not told(pair.bob)
    pair.bob.write(pair.alice, "are you well?")
    pair.alice.write(pair.bob, "now I am")
    pair.heal()
    assert sends_in(pair.alice, pair.bob) == sends_in(pair.bob, pair.alice)
    assert sends_in(pair.alice, pair.bob) not in holds(thief)
    assert {message.text for message in pair.alice.history(pair.bob)} == {"are you well?", "now I am"}


def test_a_thief_of_the_vault_who_only_listens_is_shut_out_by_the_next_era_that_we_found(pair: Pair) -> None:
    thief = pair.steal()
    renew(pair.alice, pair.bob)
    pair.heal()
    assert sends_in(pair.alice, pair.bob) == sends_in(pair.bob, pair.alice)
    assert sends_in(pair.alice, pair.bob) not in holds(thief)
    assert not told(pair.alice)


def test_a_thief_who_only_listens_is_shut_out_by_the_second_era_that_the_other_side_founds(pair: Pair) -> None:
    thief = pair.steal()
    for shut_out in (False, True):
        pair.world.pass_time(DAY)
        renew(pair.bob, pair.alice)
        welcome = welcome_of(pair.bob, pair.alice, pair.world.now)
        thief.change(lambda unit, octets=welcome: inbox.receive(unit, pair.bob.peer, [octets]))
        pair.heal()
        assert (sends_in(pair.bob, pair.alice) not in holds(thief)) == shut_out


def welcome_of(author: Account, reader: Account, now: int) -> bytes:
    """Return the newest era's Welcome that waits for somebody."""
    found = author.read(lambda tx: outgoing.pending(tx, reader.peer, after=0, now=now, limit=100)).outgoing
    return next(each.envelope for each in reversed(found) if Envelope.decode(each.envelope).kind is Kind.ERA)


def test_an_owner_hears_no_more_of_an_era_that_is_theirs(pair: Pair) -> None:
    for _ in range(5):
        pair.world.pass_time(8 * DAY)
        renew(pair.alice, pair.bob)
        renew(pair.bob, pair.alice)
        pair.heal()
    assert not told(pair.alice)
    assert not told(pair.bob)
