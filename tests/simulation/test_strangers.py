"""What those who may not talk to us can do, and what they are told: refusals with a code, bounds, and nothing else."""

from __future__ import annotations

import pytest
from balchat_crypto_mls.engine import MlsEngine
from mls_rs_py import KeyPackage

from balchat_host.api.transport import Disposition, Verdict
from balchat_host.core import contacts, housekeeping, inbox, routes
from balchat_host.core.chat_codes import ChatCode
from balchat_host.core.delivery import outgoing
from balchat_host.core.envelope import ContactRequest, Envelope, EraMessage, Kind
from balchat_host.core.eras import keeping
from balchat_host.core.first_contact import answering, requests
from balchat_host.core.unit_of_work import OfferRoutes, Policy
from balchat_host.testing.app_kit import nobody
from tests.support.commits import commit
from tests.support.simulator import Account, World

ENGINE = MlsEngine()
HOUR = 3600


@pytest.fixture
def world() -> World:
    return World(1, ENGINE)


@pytest.fixture
def bob(world) -> Account:
    return world.account("Bob")


def receive(reader: Account, source: Account | None, kind: Kind, payload: bytes) -> Disposition:
    envelope = Envelope(kind=kind, payload=payload).encode()
    peer = source.peer if source else None
    return reader.change(lambda unit: inbox.receive(unit, peer, [envelope])[0])


def said(answer: Disposition) -> tuple[Verdict, str | None, float | None]:
    """Return what the sender is told."""
    return answer.verdict, answer.reason, answer.retry_after


def key_package(reader: Account, asker: Account) -> bytes:
    """Ask for a key package; return it."""
    answer = receive(reader, asker, Kind.KEY_PACKAGE_REQUEST, b"")
    assert answer.verdict is Verdict.COMMITTED
    (reply,) = answer.replies
    return Envelope.decode(reply).payload


def request(asker: Account, reader: Account, *, code: str | None = None, package: bytes | None = None) -> bytes:
    """Make the payload of a contact request by hand."""
    package = package or key_package(reader, asker)

    def make(unit) -> bytes:
        group = unit.entropy(16)
        invitation = ENGINE.found(unit.keys, group, [(reader.peer, package)], knows=(), now=unit.seconds)
        made = ContactRequest(
            welcome=invitation.welcomes[0],
            code=code or asker.code,
            introduction=f"I am {asker.name}",
            routes=routes.encode([]),
            made_at=unit.now,
        )
        return made.encode()

    return asker.change(make)


def groups_of(tx) -> list[bytes]:
    return list(ENGINE.groups(tx.area("crypto")))


def become_contacts(world: World, one: Account, other: Account) -> None:
    one.add(other)
    world.heal(one, other)
    other.accept(one)
    world.heal(one, other)


# -- key packages


def test_a_key_package_is_given_again_until_half_its_life_is_over(world, bob) -> None:
    alice = world.account("Alice")
    first = key_package(bob, alice)
    half = world.policy.request_lifetime / 2
    world.pass_time(half - 1)
    assert key_package(bob, alice) == first
    world.pass_time(2)
    second = key_package(bob, alice)
    assert second != first
    assert receive(bob, alice, Kind.CONTACT_REQUEST, request(alice, bob, package=first)).verdict is Verdict.REFUSED
    assert receive(bob, alice, Kind.CONTACT_REQUEST, request(alice, bob, package=second)).verdict is Verdict.COMMITTED


def test_strangers_together_get_so_many_key_packages_an_hour_and_are_told_when_to_come_back(world) -> None:
    world.policy = Policy(strangers_per_hour=2)
    bob = world.account("Bob")
    for number in range(2):
        key_package(bob, world.account(f"Stranger {number}"))
    answer = receive(bob, world.account("Late"), Kind.KEY_PACKAGE_REQUEST, b"")
    assert (answer.verdict, answer.reason, answer.replies) == (Verdict.REFUSED, "requests-full", ())
    assert answer.retry_after == HOUR / 2 + 1


def test_who_is_not_proven_gets_no_key_package(bob) -> None:
    for kind in (Kind.KEY_PACKAGE_REQUEST, Kind.KEY_PACKAGE):
        answer = receive(bob, None, kind, b"")
        assert said(answer) == (Verdict.REFUSED, "protocol-violation", None)


def test_a_key_package_that_nobody_asked_for_changes_nothing(world, bob) -> None:
    alice = world.account("Alice")
    package = key_package(alice, bob)
    assert receive(bob, alice, Kind.KEY_PACKAGE, package).verdict is Verdict.COMMITTED
    assert bob.contact(alice) is None
    bob.add(alice)
    bob.block(alice, blocked=True)
    assert receive(bob, alice, Kind.KEY_PACKAGE, package).verdict is Verdict.COMMITTED
    assert bob.read(groups_of) == []


# -- contact requests


def test_a_request_shows_who_asks_and_what_they_say(world, bob) -> None:
    alice = world.account("Alice")
    alice.add(bob, "we met at the lake")
    world.heal(alice, bob)
    (waiting,) = bob.read(requests.everything)
    assert (waiting.name, waiting.peer, waiting.introduction) == ("Alice", alice.peer, "we met at the lake")


def test_a_request_in_somebody_elses_name_is_refused(world, bob) -> None:
    alice, mallory = world.account("Alice"), world.account("Mallory")
    payload = request(alice, bob)
    answer = receive(bob, mallory, Kind.CONTACT_REQUEST, payload)
    assert said(answer) == (Verdict.REFUSED, "protocol-violation", None)
    assert bob.read(groups_of) == []
    assert receive(bob, alice, Kind.CONTACT_REQUEST, payload).verdict is Verdict.COMMITTED


@pytest.mark.parametrize(
    ("code", "reason"),
    [(str(ChatCode(peer=nobody(), name="Alice")), "protocol-violation"), ("balchat:nonsense", "malformed-envelope")],
)
def test_a_request_with_a_chat_code_that_is_not_its_senders_is_refused(world, bob, code, reason) -> None:
    alice = world.account("Alice")
    answer = receive(bob, alice, Kind.CONTACT_REQUEST, request(alice, bob, code=code))
    assert said(answer) == (Verdict.REFUSED, reason, None)
    assert bob.read(requests.count) == 0
    assert bob.read(groups_of) == []


def test_a_newer_request_takes_the_place_of_the_earlier_one_and_its_group(world, bob) -> None:
    alice = world.account("Alice")
    for _ in range(3):
        assert receive(bob, alice, Kind.CONTACT_REQUEST, request(alice, bob)).verdict is Verdict.COMMITTED
    assert bob.read(requests.count) == 1
    assert len(bob.read(groups_of)) == 1


def test_only_so_many_requests_wait_and_the_next_is_told_to_come_back(world) -> None:
    world.policy = Policy(max_requests=2)
    bob = world.account("Bob")
    for number in range(2):
        stranger = world.account(f"Stranger {number}")
        assert receive(bob, stranger, Kind.CONTACT_REQUEST, request(stranger, bob)).verdict is Verdict.COMMITTED
    late = world.account("Late")
    answer = receive(bob, late, Kind.CONTACT_REQUEST, request(late, bob))
    assert said(answer) == (Verdict.REFUSED, "requests-full", HOUR)
    assert receive(bob, stranger, Kind.CONTACT_REQUEST, request(stranger, bob)).verdict is Verdict.COMMITTED
    assert len(bob.read(groups_of)) == 2


def test_a_request_that_nobody_answers_expires_with_its_group(world, bob) -> None:
    alice = world.account("Alice")
    receive(bob, alice, Kind.CONTACT_REQUEST, request(alice, bob))
    world.pass_time(world.policy.request_lifetime - 1)
    bob.change(requests.expire)
    assert bob.asked_by(alice)
    world.pass_time(2)
    bob.change(requests.expire)
    assert not bob.asked_by(alice)
    assert bob.read(groups_of) == []


def test_accepting_takes_a_name_of_ours_and_hands_over_our_routes(world, bob) -> None:
    alice = world.account("Alice")
    receive(bob, alice, Kind.CONTACT_REQUEST, request(alice, bob))
    effects: list[object] = []

    def accept(unit) -> str:
        view = answering.accept_request(unit, "Alice", name="Alice of the lake")
        effects.extend(unit.effects)
        return view.name

    assert bob.change(accept) == "Alice of the lake"
    assert OfferRoutes(peer=alice.peer) in effects


# -- messages


def test_a_message_from_another_source_than_its_author_is_met_with_silence(world, bob) -> None:
    alice, mallory = world.account("Alice"), world.account("Mallory")
    become_contacts(world, alice, bob)
    alice.write(bob, "for Bob alone")
    envelope = alice.read(lambda tx: outgoing.pending(tx, bob.peer, after=0, now=world.now, limit=9)).outgoing[-1]

    def take(peer):
        return bob.change(lambda unit: inbox.receive(unit, peer, [envelope.envelope])[0])

    assert take(mallory.peer).verdict is Verdict.IGNORED
    assert bob.history(alice) == []
    assert take(None).verdict is Verdict.COMMITTED, "a relay proves nobody, and MLS does"
    assert [message.text for message in bob.history(alice)] == ["for Bob alone"]


def test_a_contact_cannot_bring_somebody_else_into_a_conversation_of_two(world, bob) -> None:
    alice, mallory = world.account("Alice"), world.account("Mallory")
    become_contacts(world, alice, bob)
    package = key_package(mallory, alice)

    def invite(unit) -> bytes:
        (contact,) = contacts.everyone(unit.tx)
        era = keeping.sending(unit.tx, contact.conversation)
        assert era is not None
        made = commit(unit.keys, era.mls_group_id, now=unit.seconds, add=[KeyPackage.from_bytes(package)])
        return EraMessage(era_id=era.era_id, message=made.message).encode()

    answer = receive(bob, alice, Kind.MLS_MESSAGE, alice.change(invite))
    assert said(answer) == (Verdict.REFUSED, "crypto-rejected", None)
    (group,) = bob.read(groups_of)
    members = bob.read(lambda tx: ENGINE.members(tx.area("crypto"), group))
    assert {member.peer for member in members} == {alice.peer, bob.peer}


@pytest.mark.parametrize("seed", range(6))
def test_of_two_groups_that_crossed_both_send_in_the_same(seed: int) -> None:
    world = World(seed, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    bob.add(alice)
    for one, other in ((alice, bob), (bob, alice)):
        receive(one, other, Kind.KEY_PACKAGE, key_package(other, one))
    made = {side.peer: side.read(sending_group) for side in (alice, bob)}
    world.heal(alice, bob)
    alice.write(bob, "one")
    bob.write(alice, "two")
    world.heal(alice, bob)
    used = {side.read(sending_group) for side in (alice, bob)}
    assert used == {made[min(made)]}, "the one that the lower peer id made"
    world.check(alice, bob)
    world.check(bob, alice)
    for _ in range(74):
        world.pass_time(HOUR)
        for side in (alice, bob):
            side.change(housekeeping.tidy)
    assert alice.read(groups_of) == bob.read(groups_of) == list(used), "the one that lost is forgotten"


def sending_group(tx) -> bytes:
    (contact,) = contacts.everyone(tx)
    era = keeping.sending(tx, contact.conversation)
    assert era is not None
    return era.mls_group_id
