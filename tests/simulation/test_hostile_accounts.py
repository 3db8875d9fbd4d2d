"""What a stranger, or a contact that is blocked, can find out, use up or bring about with groups of its own making."""

from itertools import count

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.errors import BadInput, MalformedContent, NameTaken, NoSuchContact, NoSuchRequest
from balchat_host.api.frontend import MAX_TEXT_SIZE
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Disposition, Latency, Outcome, SendReport, Verdict
from balchat_host.api.types import PeerId, Route
from balchat_host.core import (
    account,
    contacts,
    content,
    event_log,
    housekeeping,
    inbox,
    key_package_pool,
    peers,
    routes,
)
from balchat_host.core.chat_codes import ChatCode
from balchat_host.core.delivery import outgoing, queue, reports
from balchat_host.core.envelope import ContactRequest, Envelope, EraMessage, Kind
from balchat_host.core.eras import keeping
from balchat_host.core.first_contact import answering, requests
from balchat_host.core.messages.reading import send_receipts
from balchat_host.core.messages.receive import receive_content
from balchat_host.core.rows import Purpose
from balchat_host.core.unit_of_work import Effect, Policy, UnitOfWork
from tests.support.devices import device_of
from tests.support.simulator import Account, World

ENGINE = MlsEngine()
GROUP_IDS = count()
ASK = Envelope(kind=Kind.KEY_PACKAGE_REQUEST, payload=b"").encode()
WRITTEN = "FROM payload JOIN delivery ON delivery.payload = payload.id WHERE message IS NOT NULL"
"""What people wrote, and who has not confirmed it."""


class Guest:
    """An account whose owner uses the protocol as they like. Its groups have the ids that it wants."""

    def __init__(self, world: World, host: Account, name: str) -> None:
        self.account = world.account(name)
        self.account.by_hand = True
        self._host = host
        self._era_ids: dict[bytes, bytes] = {}
        """By the ids of the groups that it made."""

    def says(self, envelope: bytes) -> Disposition:
        """Have the host take an envelope."""
        return self._host.change(lambda unit: inbox.receive(unit, self.account.peer, [envelope])[0])

    def asks(self, group_id: bytes | None = None, *, code: str | None = None) -> Disposition:
        """Ask for a key package and then for contact; return the answer to the last."""
        answer = self.says(ASK)
        if not answer.replies:
            return answer
        key_package = Envelope.decode(answer.replies[0]).payload
        return self.says(self.request(key_package, group_id or next(GROUP_IDS).to_bytes(16), code=code))

    def speaks_in(self, group_id: bytes) -> Disposition:
        """Say something in a group that it asked with."""

        def make(unit: UnitOfWork) -> bytes:
            contact = contacts.find(unit.tx, self._host.name)
            said, _ = queue.control_content(unit, contact, content.ACCEPTED, b"")
            return self.message(unit, group_id, said)

        return self.says(self.account.change(make))

    def message(self, unit: UnitOfWork, group_id: bytes, said: bytes) -> bytes:
        """Make an envelope with a message in a group that it asked with."""
        message = unit.engine.encrypt(unit.keys, group_id, said)
        payload = EraMessage(era_id=self._era_ids[group_id], message=message).encode()
        return Envelope(kind=Kind.MLS_MESSAGE, payload=payload).encode()

    def request(self, key_package: bytes, group_id: bytes, *, code: str | None = None) -> bytes:
        """Make a contact request."""

        def make(unit: UnitOfWork) -> bytes:
            unit.engine.delete_group(unit.keys, group_id)
            invited = [(self._host.peer, key_package)]
            made = unit.engine.found(unit.keys, group_id, invited, knows=(), now=unit.seconds)
            self._era_ids[group_id] = made.era_id
            own = account.code(unit.tx).code
            return ContactRequest(
                welcome=made.welcomes[0], code=code or own, introduction="", routes=b"\x80", made_at=unit.now
            ).encode()

        return Envelope(kind=Kind.CONTACT_REQUEST, payload=self.account.change(make)).encode()


def blocked_and_stranger(policy: Policy | None = None) -> tuple[World, Account, Guest, Guest]:
    """Return Alice, a contact whom she has blocked, and somebody whom she never heard of."""
    world = World(1, ENGINE, policy=policy)
    alice = world.account("Alice")
    mallory, stranger = Guest(world, alice, "Mallory"), Guest(world, alice, "Stranger")
    alice.add(mallory.account)
    alice.block(mallory.account, blocked=True)
    return world, alice, mallory, stranger


def talking() -> tuple[World, Account, Account]:
    """Return Alice and Bob, who are contacts, and for whom nothing waits."""
    world = World(1, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)
    return world, alice, bob


def taken(reader: Account, *envelopes: bytes) -> set[Verdict]:
    answers = reader.change(lambda unit: inbox.receive(unit, None, envelopes))
    return {answer.verdict for answer in answers}


def waiting(author: Account, reader: Account, now: int) -> list[bytes]:
    found = author.read(lambda tx: outgoing.pending(tx, reader.peer, after=0, now=now, limit=10_000))
    return [each.envelope for each in found.outgoing]


def test_a_blocked_contact_learns_nothing_from_a_second_request_with_the_same_group() -> None:
    _, _, mallory, stranger = blocked_and_stranger()
    answers = [[guest.asks(group), guest.asks(group)] for guest, group in ((mallory, b"one"), (stranger, b"other"))]
    assert answers[0] == answers[1]


def test_a_blocked_contact_learns_nothing_from_a_request_with_the_group_of_the_conversation() -> None:
    answers: list[Disposition] = []
    for block in (True, False):
        world = World(1, ENGINE)
        alice = world.account("Alice")
        mallory = Guest(world, alice, "Mallory")
        alice.add(mallory.account)
        mallory.asks(b"our conversation")
        if block:
            alice.block(mallory.account, blocked=True)
        else:
            alice.remove(mallory.account)
        answers.append(mallory.asks(b"our conversation"))
    assert answers[0] == answers[1]
    assert answers[0].verdict is Verdict.COMMITTED


def test_a_blocked_contact_learns_nothing_when_no_more_requests_fit() -> None:
    world, alice, mallory, stranger = blocked_and_stranger(Policy(max_requests=1))
    assert Guest(world, alice, "Somebody").asks().verdict is Verdict.COMMITTED
    assert mallory.asks() == stranger.asks()


@pytest.mark.parametrize("blocked", [True, False])
def test_a_blocked_contact_that_asked_in_time_may_ask_again_like_any_stranger(*, blocked: bool) -> None:
    world, alice, mallory, stranger = blocked_and_stranger(Policy(max_requests=1))
    guest = mallory if blocked else stranger
    assert guest.asks().verdict is Verdict.COMMITTED
    assert Guest(world, alice, "Somebody").asks().verdict is Verdict.REFUSED
    assert guest.asks().verdict is Verdict.COMMITTED


def test_nobody_sees_the_request_of_a_blocked_contact_and_it_ends_with_the_block() -> None:
    _, alice, mallory, _ = blocked_and_stranger()
    before = alice.read(event_log.newest)
    mallory.asks()
    assert alice.read(requests.everything) == []
    assert alice.read(requests.count) == 0
    assert not alice.asked_by(mallory.account)
    alice.block(mallory.account, blocked=False)
    alice.remove(mallory.account)
    assert alice.read(requests.everything) == []
    assert mallory.asks().verdict is Verdict.COMMITTED
    assert alice.asked_by(mallory.account)
    events, _ = alice.read(lambda tx: event_log.read(tx, after=before, limit=100, now=0))
    assert [event.type for event in events if "request" in event.type] == ["request.received"]


def test_the_hidden_request_of_a_blocked_contact_ends_with_its_lifetime_in_silence() -> None:
    world, alice, mallory, _ = blocked_and_stranger()
    mallory.asks()
    before = alice.read(event_log.newest)
    world.pass_time(31 * 24 * 3600)
    alice.change(requests.expire)
    assert alice.read(event_log.newest) == before
    assert alice.change(lambda unit: unit.engine.groups(unit.keys)) == []


@pytest.mark.parametrize("kind", [Kind.KEY_PACKAGE_REQUEST, Kind.KEY_PACKAGE])
def test_what_anybody_may_send_earns_a_stranger_no_trust(kind: Kind) -> None:
    world, alice, mallory, stranger = blocked_and_stranger()
    bob = Guest(world, alice, "Bob")
    alice.add(bob.account)
    answers = [guest.says(Envelope(kind=kind, payload=b"").encode()) for guest in (mallory, stranger, bob)]
    assert {answer.verdict for answer in answers[:2]} == {Verdict.COMMITTED}
    assert [answer.stranger for answer in answers] == [True, True, False]


def test_requests_that_turn_out_to_be_wrong_are_counted_too() -> None:
    world = World(1, ENGINE, policy=Policy(strangers_per_hour=3))
    alice = world.account("Alice")
    mallory = Guest(world, alice, "Mallory")
    answers = [mallory.asks(code=alice.code) for _ in range(4)]
    assert [answer.reason for answer in answers] == ["protocol-violation"] * 3 + ["requests-full"]


def test_strangers_cannot_use_up_what_a_contact_asks_for() -> None:
    world = World(1, ENGINE, policy=Policy(strangers_per_hour=2))
    alice = world.account("Alice")
    bob = Guest(world, alice, "Bob")
    alice.add(bob.account)
    for name in ("one", "two"):
        assert Guest(world, alice, name).asks().verdict is Verdict.COMMITTED
    assert Guest(world, alice, "three").asks().reason == "requests-full"
    assert bob.asks().verdict is Verdict.COMMITTED


def test_a_key_package_that_was_not_needed_is_taken_back() -> None:
    world = World(1, ENGINE)
    alice = world.account("Alice")
    one, other = Guest(world, alice, "one"), Guest(world, alice, "other")
    own, borrowed = (Envelope.decode(guest.says(ASK).replies[0]).payload for guest in (one, other))
    assert one.says(one.request(borrowed, b"with the other's")).verdict is Verdict.COMMITTED
    assert one.says(one.request(own, b"with its own")).verdict is Verdict.REFUSED


def spellings(peer: PeerId) -> dict[str, str]:
    """Spell a key as people, and those who want to be taken for others, do."""
    bare = peer.onion.removesuffix(".onion")
    return {
        "onion": peer.onion,
        "capitals": peer.onion.upper(),
        "bare": bare,
        "chat code": f"balchat:{bare}?name=Somebody",
        "digits": peer.octets.hex(),
        "digits in capitals": peer.octets.hex().upper(),
        "spaces": f" {bare[:30]} {bare[30:]} ",
        "full width": "".join(chr(ord(each) + 0xFEE0) for each in bare),
        "look-alikes": bare.replace("o", "\u043e").replace("a", "\u0430").replace("e", "\u0435").replace("x", "\u0445"),
        "invisible": "\u200b".join(bare),
    }


@pytest.mark.parametrize("how", spellings(PeerId(bytes(32))))
def test_a_name_never_stands_for_an_address(how: str) -> None:
    world = World(1, ENGINE)
    alice, dave, mallory = (world.account(name) for name in ("Alice", "Dave", "Mallory"))
    spelling = spellings(dave.peer)[how]
    # She says so in a code, and in a request, whether Dave is a contact or not.
    code = str(ChatCode(peer=mallory.peer, name=spelling))
    alice.change(lambda unit: answering.add_contact(unit, code, name=None, introduction=""))
    oscar = Guest(world, alice, "Oscar")
    assert oscar.asks(code=str(ChatCode(peer=oscar.account.peer, name=spelling))).verdict is Verdict.COMMITTED
    with pytest.raises(NoSuchContact):
        alice.read(lambda tx: contacts.find(tx, spelling))
    with pytest.raises(NoSuchRequest):
        alice.read(lambda tx: requests.find(tx, spelling))
    (request,) = alice.read(requests.everything)
    accepted = alice.change(lambda unit: answering.accept_request(unit, oscar.account.peer.onion, name=None))
    assert accepted.name == request.name == oscar.account.peer.onion[:8]
    assert {contact.name for contact in alice.read(contacts.everyone)} == {mallory.peer.onion[:8], accepted.name}
    for call in (
        lambda unit: contacts.rename(unit, accepted.name, spelling),
        lambda unit: answering.add_contact(unit, dave.peer.onion, name=spelling, introduction=""),
        lambda unit: account.create(unit, spelling),
    ):
        with pytest.raises(BadInput):
            alice.change(call)
    alice.add(dave)
    if how in {"full width", "look-alikes"}:
        # What only looks like an address is none; it is not a name either.
        spelling = dave.peer.onion
    assert alice.read(lambda tx: contacts.find(tx, spelling)).peer == dave.peer


@pytest.mark.parametrize(
    "spelling",
    [
        "me", "ME", "\uff2d\uff25", "m\u0435", "Notes to self", "notes  to SELF", "Notes t\u043e self", "Notes to seIf",
        "\u039dotes to self", "Notes to self.", "N\u00f3tes to self", "Notes\u200b to self",
    ],
)  # fmt: skip
def test_nobody_is_called_as_the_conversation_with_ourselves_not_even_nearly(spelling: str) -> None:
    world = World(1, ENGINE)
    alice, mallory, dave = (world.account(name) for name in ("Alice", "Mallory", "Dave"))
    oscar = Guest(world, alice, "Oscar")
    code = str(ChatCode(peer=mallory.peer, name=spelling))
    added = alice.change(lambda unit: answering.add_contact(unit, code, name=None, introduction=""))
    assert added.name == mallory.peer.onion[:8]
    oscar.asks(code=str(ChatCode(peer=oscar.account.peer, name=spelling)))
    (request,) = alice.read(requests.everything)
    assert request.name == oscar.account.peer.onion[:8]
    for call in (
        lambda unit: contacts.rename(unit, added.name, spelling),
        lambda unit: answering.add_contact(unit, dave.peer.onion, name=spelling, introduction=""),
    ):
        with pytest.raises((NameTaken, BadInput)):
            alice.change(call)


@pytest.mark.parametrize("name", ["M\u1eb9", "M\u00e9", "Mel", "Notes", "Self"])
def test_who_has_a_name_of_their_own_may_be_called_by_it(name: str) -> None:
    world = World(1, ENGINE)
    alice, dave = world.account("Alice"), world.account("Dave")
    code = str(ChatCode(peer=dave.peer, name=name))
    assert alice.change(lambda unit: answering.add_contact(unit, code, name=None, introduction="")).name == name


def test_who_is_called_as_we_would_call_somebody_without_a_name_keeps_nobody_out() -> None:
    world = World(1, ENGINE)
    alice, dave, mallory = (world.account(name) for name in ("Alice", "Dave", "Mallory"))
    code = str(ChatCode(peer=mallory.peer, name=dave.peer.onion[:8]))
    alice.change(lambda unit: answering.add_contact(unit, code, name=None, introduction=""))
    added = alice.change(lambda unit: answering.add_contact(unit, dave.peer.onion, name=None, introduction=""))
    assert added.name == dave.peer.onion[:9]


@pytest.mark.parametrize(("one", "other"), [("stra\u00dfe", "STRASSE"), ("\u00c9mile", "\u00e9mile"), ("Bob", "BOB")])
def test_two_contacts_never_have_one_name(one: str, other: str) -> None:
    world = World(1, ENGINE)
    alice, bob, carol = (world.account(name) for name in ("Alice", "Bob", "Carol"))
    for peer, name in ((bob, one), (carol, "Carol")):
        alice.change(
            lambda unit, peer=peer, name=name: answering.add_contact(unit, peer.code, name=name, introduction="")
        )
    assert alice.read(lambda tx: contacts.find(tx, other)).peer == bob.peer
    with pytest.raises(NameTaken):
        alice.change(lambda unit: contacts.rename(unit, "Carol", other))
    assert alice.change(lambda unit: contacts.rename(unit, one, other)).name == other


def test_a_request_is_found_by_a_name_that_only_one_has() -> None:
    world = World(1, ENGINE)
    alice = world.account("Alice")
    one, other = Guest(world, alice, "Mallory"), Guest(world, alice, "Oscar")
    assert one.asks(code=str(ChatCode(peer=one.account.peer, name="Stra\u00dfe"))).verdict is Verdict.COMMITTED
    assert alice.read(lambda tx: requests.find(tx, "strasse")).peer == one.account.peer
    assert other.asks(code=str(ChatCode(peer=other.account.peer, name="STRASSE"))).verdict is Verdict.COMMITTED
    with pytest.raises(NoSuchRequest):
        alice.read(lambda tx: requests.find(tx, "strasse"))


@pytest.mark.parametrize("content_type", [content.TEXT, "text/markdown;variant=GFM"])
def test_a_contact_cannot_send_a_text_that_is_longer_than_any_may_be(content_type: str) -> None:
    world = World(1, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)

    def receive(unit: UnitOfWork, size: int) -> None:
        part = content.SinglePart(content_type=content_type, content=b"x" * size)
        mimi = content.MimiContent(salt=bytes(16), part=part, sent_at=0)
        receive_content(unit, contacts.find(unit.tx, "Bob"), mimi.encode(), device_id=bytes(16))

    alice.change(lambda unit: receive(unit, MAX_TEXT_SIZE))
    with pytest.raises(MalformedContent):
        alice.change(lambda unit: receive(unit, MAX_TEXT_SIZE + 1))


def test_a_contact_that_asks_again_and_again_makes_nothing_grow_and_can_still_be_talked_to() -> None:
    world = World(1, ENGINE)
    alice = world.account("Alice")
    bob = Guest(world, alice, "Bob")
    alice.add(bob.account)
    world.heal(alice, bob.account)
    bob.account.accept(alice)
    world.heal(alice, bob.account)
    for _ in range(200):
        world.pass_time(3600 / 30)  # no contact may ask more often than that
        assert bob.asks().verdict is Verdict.COMMITTED
    assert len(alice.change(lambda unit: unit.engine.groups(unit.keys))) <= 5
    assert alice.read(outgoing.view).waiting <= 5
    alice.write(bob.account, "still there?")
    bob.account.write(alice, "yes")
    world.heal(alice, bob.account)
    world.check(alice, bob.account)
    world.check(bob.account, alice)
    # Nobody reads the answers in groups that were thrown away; they end with these, but for the newest.
    world.pass_time(31 * 24 * 3600)
    world.heal(alice, bob.account)
    assert alice.read(outgoing.view).waiting <= 1


def test_routes_that_come_late_do_not_undo_newer_ones() -> None:
    """Whoever keeps routes back until newer ones are known could have what is meant for their author."""
    world, alice, bob = talking()
    addresses = (b"at a relay that Bob has left", b"at Bob's relay")
    said: list[bytes] = []
    for address in addresses:
        world.pass_time(60)
        route = Route(transport="relay", address=address, device_id=bob.device_id)
        bob.change(lambda unit, route=route: routes.offer(unit, alice.peer, [route]))
        said += waiting(bob, alice, world.now)
    older, newer = said
    world.pass_time(60)
    alice.change(lambda unit: inbox.receive(unit, None, [newer]))
    (disposition,) = alice.change(lambda unit: inbox.receive(unit, None, [older]))
    assert disposition.verdict is Verdict.COMMITTED
    (known,) = alice.read(lambda tx: routes.known(tx, bob.peer, now=world.now // 1000))
    assert known.address == addresses[1]


def test_routes_from_an_author_whose_clock_was_ahead_are_replaced_once_it_is_right() -> None:
    world = World(1, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    alice.change(lambda unit: peers.know_device(unit, contacts.find(unit.tx, "Bob").id, bytes(16)))

    def says(address: bytes, *, sent_at: int) -> None:
        body = routes.encode([Route(transport="relay", address=address, device_id=bytes(16))])
        part = content.SinglePart(content_type=content.ROUTES, content=body)
        mimi = content.MimiContent(salt=bytes(16), part=part, sent_at=sent_at)
        alice.change(
            lambda unit: receive_content(unit, contacts.find(unit.tx, "Bob"), mimi.encode(), device_id=bytes(16))
        )

    says(b"while it was wrong", sent_at=world.now + 365 * 24 * 3600 * 1000)
    world.pass_time(60)
    says(b"when it was right", sent_at=world.now)
    (known,) = alice.read(lambda tx: routes.known(tx, bob.peer, now=world.now // 1000))
    assert known.address == b"when it was right"


def leaves(author: Account, reader: Account, now: int) -> int:
    """Leave at a relay what can be left, and count the messages of people among it."""
    found = author.read(lambda tx: outgoing.to_store(tx, reader.peer, queued_until=now, now=now, limit=1000))
    written = {row[0] for row in author.read(lambda tx: tx.query(f"SELECT ticket {WRITTEN}"))}
    stored = [SendReport(ticket=each.ticket, outcome=Outcome.STORED) for each in found.outgoing]
    author.change(lambda unit: reports.apply_reports(unit, [(each, Latency.STORE_AND_FORWARD) for each in stored]))
    return len(written & {each.ticket for each in stored})


@pytest.mark.parametrize("by", ["routes", "eras"])
def test_whoever_moves_all_day_has_us_queue_what_waits_for_them_a_few_times_an_hour(by: str) -> None:
    """Each time they name other routes, or use another era, we leave, or encrypt too, all that is not confirmed."""
    world = World(1, ENGINE)
    alice = world.account("Alice")
    bob = Guest(world, alice, "Bob")
    alice.add(bob.account)
    world.heal(alice, bob.account)
    bob.account.accept(alice)
    world.heal(alice, bob.account)
    written = 30
    for number in range(written):
        alice.write(bob.account, f"{number}")
    addresses = count()

    def moves() -> None:
        if by == "eras":
            group_id = next(GROUP_IDS).to_bytes(16)
            bob.asks(group_id)
            assert bob.speaks_in(group_id).verdict is Verdict.COMMITTED
            return
        address, device_id = next(addresses).to_bytes(8), bob.account.device_id
        route = Route(transport="relay", address=address, device_id=device_id)
        bob.account.change(lambda unit: routes.offer(unit, alice.peer, [route]))
        for each in waiting(bob.account, alice, world.now):
            assert bob.says(each).verdict is Verdict.COMMITTED
        bob.account.change(lambda unit: unit.tx.execute("DELETE FROM payload"))

    def sealed() -> set[bytes]:
        return {row[0] for row in alice.read(lambda tx: tx.query(f"SELECT ciphertext {WRITTEN}"))}

    assert leaves(alice, bob.account, world.now) == written
    moves()
    assert leaves(alice, bob.account, world.now) == written, "what they had may be gone for good"
    times = encrypted = 0
    before = sealed()
    for number in range(24 * 12):
        world.pass_time(300)
        moves()
        if number % 12 == 0:
            alice.change(housekeeping.tidy)
        times += leaves(alice, bob.account, world.now) // written
        encrypted += sealed() != before
        before = sealed()
    assert times <= 4 * 24 + 4
    assert encrypted == (times if by == "eras" else 0)
    # What came too soon is made up for, if it was the last.
    moves()
    moves()
    leaves(alice, bob.account, world.now)
    for expected in (written, 0):
        world.pass_time(3600)
        alice.change(housekeeping.tidy)
        assert leaves(alice, bob.account, world.now) == expected
    newest = alice.read(lambda tx: keeping.sending(tx, contacts.find(tx, "Bob").conversation))
    assert newest is not None
    assert {EraMessage.decode(each).era_id for each in sealed()} == {newest.era_id}


def test_of_a_contact_who_asked_and_was_removed_the_events_keep_nothing_but_that() -> None:
    world = World(1, ENGINE)
    alice, bob, carol = (world.account(name) for name in ("Alice", "Bob", "Carol"))
    for each in (bob, carol):
        each.add(alice, introduction=f"{each.name}, from the library")
        world.heal(alice, each)
        alice.accept(each)
    alice.remove(bob)
    events, _ = alice.read(lambda tx: event_log.read(tx, after=0, limit=100, now=0))
    assert [event.type for event in events if bob.peer.octets.hex() in repr(event)] == ["contact.removed"]
    assert "Bob, from the library" not in repr(events)
    assert "Carol, from the library" in repr(events)


def test_a_status_withdraws_nothing_that_is_for_somebody_else() -> None:
    world = World(1, ENGINE)
    alice, bob, carol = (world.account(name) for name in ("Alice", "Bob", "Carol"))
    for each in (bob, carol):
        alice.add(each)
        world.heal(alice, each)
        each.accept(alice)
        world.heal(alice, each)

    def say(unit: UnitOfWork) -> None:
        contact = contacts.find(unit.tx, "Carol")
        keeping.forget_all(unit, contact.conversation)
        message_id = queue.queue_control(unit, contact, content.ROUTES, b"\x80")
        assert message_id is not None
        bob, said = contacts.find(unit.tx, "Bob"), [(message_id, content.MessageStatus.READ)]
        reports.apply_statuses(unit, bob, said, device_id=device_of(unit.tx, bob))

    alice.change(say)
    assert alice.read(lambda tx: tx.query("SELECT purpose FROM payload")) == [(Purpose.CONTROL,)]


def queued(tx: ReadTransaction) -> list[tuple[object, ...]]:
    return tx.query("SELECT ticket, ciphertext FROM delivery JOIN payload ON payload.id = delivery.payload")


def host_and_guest() -> tuple[Account, Guest, bytes, bytes]:
    """Return an account, a guest who has added it and asked it, the group it asked with, and the id of another."""
    world = World(1, ENGINE)
    alice = world.account("Alice")
    bob = Guest(world, alice, "Bob")
    alice.add(bob.account)
    bob.account.add(alice)
    ours, other = (next(GROUP_IDS).to_bytes(16) for _ in range(2))
    bob.asks(ours)
    return alice, bob, ours, other


def test_what_is_refused_in_a_group_that_nobody_spoke_in_has_us_do_nothing_for_that_group() -> None:
    """It leaves no trace of having come, so the same octets could come for ever."""
    alice, bob, ours, other = host_and_guest()
    assert bob.speaks_in(ours).verdict is Verdict.COMMITTED
    alice.write(bob.account, "waits")
    bob.asks(other)

    def make(unit: UnitOfWork) -> bytes:
        return bob.message(unit, other, b"no content")

    malformed = bob.account.change(make)
    before = alice.read(queued)

    def take(unit: UnitOfWork) -> tuple[Verdict, list[Effect]]:
        (disposition,) = inbox.receive(unit, bob.account.peer, [malformed])
        return disposition.verdict, list(unit.effects)

    assert alice.change(take) == (Verdict.REFUSED, [])
    assert alice.read(queued) == before


def test_what_could_be_encrypted_in_no_era_leaves_once_there_is_another() -> None:
    """Whoever asks with a conversation's group while they are blocked has us forget it."""
    alice, bob, ours, other = host_and_guest()
    alice.block(bob.account, blocked=True)
    bob.asks(ours)
    alice.block(bob.account, blocked=False)
    alice.write(bob.account, "in no era")
    bob.asks(other)
    assert bob.speaks_in(other).verdict is Verdict.COMMITTED
    ciphertexts = alice.read(lambda tx: tx.query(f"SELECT ciphertext {WRITTEN}"))
    groups = dict(alice.read(lambda tx: tx.query("SELECT era_id, mls_group_id FROM era")))
    eras_used = [EraMessage.decode(each).era_id for (each,) in ciphertexts]
    assert [groups[each] for each in eras_used] == [other]


@pytest.mark.parametrize("swallowed", [True, False])
def test_a_relay_that_repeats_what_it_kept_makes_us_confirm_little(*, swallowed: bool) -> None:
    """Each confirmation steps the ratchet, so one who swallows them must not be able to have many."""
    world, alice, bob = talking()
    for number in range(100):
        bob.write(alice, f"{number}")
    kept = bob.read(lambda tx: outgoing.pending(tx, alice.peer, after=0, now=world.now, limit=100)).outgoing

    def confirmations() -> int:
        waiting = alice.read(lambda tx: outgoing.pending(tx, bob.peer, after=0, now=world.now, limit=10_000)).outgoing
        if swallowed:
            stored = [
                (SendReport(ticket=each.ticket, outcome=Outcome.STORED), Latency.STORE_AND_FORWARD) for each in waiting
            ]
            alice.change(lambda unit: reports.apply_reports(unit, stored))
        return len(waiting)

    alice.change(lambda unit: inbox.receive(unit, None, [each.envelope for each in kept]))
    assert confirmations() == 1
    told = 0
    for _ in range(24):
        world.pass_time(3601)
        for each in kept:
            alice.change(lambda unit, each=each: inbox.receive(unit, None, [each.envelope]))
        told += confirmations()
    assert 0 < told <= 24 * 8


def test_a_relay_cannot_have_us_join_groups_all_day_with_the_last_resort_that_we_left_there() -> None:
    world = World(1, ENGINE)
    alice = world.account("Alice")
    mallory = Guest(world, alice, "Mallory")
    last_resort = alice.change(lambda unit: key_package_pool.refill(unit, 0)).last_resort
    request = mallory.request(last_resort, b"group", code=alice.code)  # wrong, which shows only in the group
    answers = [alice.change(lambda unit: inbox.receive(unit, None, [request]))[0] for _ in range(481)]
    assert [answer.reason for answer in answers] == ["protocol-violation"] * 480 + ["requests-full"]
    assert answers[-1].retry_after is not None
    # It was kept there; later, it and what others want is heard again.
    world.pass_time(answers[-1].retry_after)
    (answer,) = alice.change(lambda unit: inbox.receive(unit, None, [mallory.request(last_resort, b"other group")]))
    assert answer.verdict is Verdict.COMMITTED
    assert alice.asked_by(mallory.account)


def test_a_relay_that_swallows_more_messages_than_can_be_skipped_delays_them() -> None:
    world, alice, bob = talking()
    for number in range(1100):
        bob.write(alice, f"{number}")
    sent = waiting(bob, alice, world.now)
    assert len(sent) == 1100
    assert taken(alice, sent[-1]) == {Verdict.REFUSED}
    # Their author keeps them, and stores them again; then the last one fits, too.
    assert taken(alice, *sent) == {Verdict.COMMITTED}
    assert [message.text for message in alice.history(bob)][-1] == "1099"


def test_a_relay_that_swallows_as_many_receipts_delays_what_is_written_until_the_next_era() -> None:
    world, alice, bob = talking()
    alice.write(bob, "hello")
    (hello,) = waiting(alice, bob, world.now)
    assert taken(bob, hello) == {Verdict.COMMITTED}
    (message,) = bob.history(alice)

    def confirm(unit: UnitOfWork) -> None:
        contact = contacts.find(unit.tx, "Alice")
        send_receipts(unit, contact, [bytes.fromhex(message.id)], content.MessageStatus.DELIVERED)
        unit.tx.execute("DELETE FROM payload WHERE purpose = ?", (Purpose.RECEIPT,))  # stored, and swallowed there

    for _ in range(1100):
        bob.change(confirm)
    bob.write(alice, "can you hear me?")
    assert taken(alice, *waiting(bob, alice, world.now)) == {Verdict.REFUSED}
    world.heal(alice, bob)
    world.pass_time(3601)  # what is too far ahead is refused for so long
    world.heal(alice, bob)
    alice.write(bob, "now I can")
    world.heal(alice, bob)
    said = ["hello", "can you hear me?", "now I can"]
    assert [each.text for each in alice.history(bob)] == said
    assert [each.text for each in bob.history(alice)] == said
