"""What is queued: payloads, encrypted once there is an era, and a delivery of each for every device."""

from __future__ import annotations

from balchat_host.api.transport import Latency, Outcome
from balchat_host.core import contacts
from balchat_host.core.delivery import outgoing, queue
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.messages.compose import compose
from balchat_host.core.rows import Purpose


def kinds(pair) -> list[Kind]:
    return [Envelope.decode(each.envelope).kind for each in pair.pending().outgoing]


def test_what_can_leave_wakes_the_worker(pair) -> None:
    pair.run(lambda unit: compose(unit, "Bob", "one", reply_to=None))
    assert pair.bob.peer in pair.woken


def test_what_has_no_era_to_be_encrypted_in_waits_unseen_by_the_worker(strangers) -> None:
    strangers.alice.add(strangers.bob)
    strangers.run(lambda unit: compose(unit, "Bob", "early", reply_to=None))
    assert strangers.bob.peer not in strangers.woken
    assert kinds(strangers) == [Kind.KEY_PACKAGE_REQUEST]
    assert strangers.alice.read(outgoing.view).waiting == 2


def test_what_was_written_before_anybody_said_yes_leaves_in_order_once_they_do(strangers) -> None:
    alice, bob, world = strangers.alice, strangers.bob, strangers.world
    alice.add(bob)
    strangers.write("one", "two")
    for _ in range(2):  # for a KeyPackage, and for contact
        world.connect(alice, bob)
        world.deliver(alice, bob)
    bob.accept(alice)
    world.connect(bob, alice)
    world.deliver(bob, alice)
    assert strangers.texts(strangers.tickets()) == ["one", "two"]


def test_a_message_is_one_payload_and_one_delivery_and_its_content_is_kept_once(pair) -> None:
    pair.write("one")
    ((purpose, content, device),) = pair.alice.read(
        lambda tx: tx.query("SELECT purpose, content, device FROM payload JOIN delivery ON payload = payload.id")
    )
    assert (purpose, content) == (Purpose.MESSAGE, None)
    assert device is not None


def test_a_ticket_is_never_given_out_twice(pair) -> None:
    pair.write("one")
    (first,) = pair.tickets()
    pair.report(first, Outcome.DELIVERED)
    pair.write("two")
    assert pair.tickets() > [first]


def test_a_second_request_for_a_key_package_takes_the_place_of_the_first(strangers) -> None:
    strangers.alice.add(strangers.bob)
    (first,) = strangers.tickets()
    strangers.with_bob(lambda unit, bob: queue.queue_key_package_request(unit, bob, not_before=0))
    (second,) = strangers.tickets()
    assert second > first
    assert kinds(strangers) == [Kind.KEY_PACKAGE_REQUEST]
    strangers.with_bob(lambda unit, bob: queue.drop(unit, bob, Purpose.KEY_PACKAGE_REQUEST))
    assert strangers.count("payload") == strangers.count("delivery") == 0


def test_a_request_for_a_key_package_that_was_to_wait_can_be_hurried(strangers) -> None:
    strangers.alice.add(strangers.bob)
    later = strangers.now + 60_000
    strangers.with_bob(lambda unit, bob: queue.queue_key_package_request(unit, bob, not_before=later))
    assert (strangers.tickets(), strangers.pending().look_again) == ([], later)
    strangers.with_bob(queue.hurry)
    assert strangers.bob.peer in strangers.woken
    assert kinds(strangers) == [Kind.KEY_PACKAGE_REQUEST]


def test_what_a_relay_needs_a_key_package_for_says_so(strangers) -> None:
    strangers.alice.add(strangers.bob)
    found = strangers.to_store()
    assert (found.outgoing, found.wants_key_package) == ([], True)


def test_a_removed_contact_takes_what_waits_along(pair) -> None:
    pair.write("one")
    pair.report(pair.tickets()[0], Outcome.STORED, latency=Latency.STORE_AND_FORWARD)
    pair.write("two")
    pair.run(lambda unit: contacts.remove(unit, "Bob"))
    view = pair.alice.read(outgoing.view)
    assert (view.waiting, view.relayed) == (0, 0)
    assert pair.count("payload") == pair.count("delivery") == pair.count("receipt") == 0
