"""Sizes that are refused before anybody parses, the same for everybody, and rates that delay and never refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from balchat_common.cbor import encode
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.transport import Disposition, Verdict
from balchat_host.api.types import Route
from balchat_host.core import account, contacts, content, inbox, key_package_pool, routes
from balchat_host.core.chat_codes import ChatCode
from balchat_host.core.delivery import outgoing
from balchat_host.core.envelope import ContactRequest, Envelope, EraMessage, Kind
from balchat_host.core.envelope_budgets import BUDGETS
from balchat_host.core.eras import keeping
from balchat_host.core.first_contact import answering, requests
from balchat_host.core.messages.receive import receive_content
from balchat_host.testing.app_kit import nobody
from balchat_host.testing.sqlite_transaction import SqliteUnits
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from balchat_host.core.unit_of_work import UnitOfWork

ASK = Envelope(kind=Kind.KEY_PACKAGE_REQUEST, payload=b"").encode()
WHO = ["bob", "carol", "dave", "relay"]


class Meeting:
    """Alice, whose contact Bob is; Carol, whom she blocked; and Dave, whom she never heard of."""

    def __init__(self) -> None:
        self.world = World(1, MlsEngine())
        self.alice = self.world.account("Alice")
        self.others = {name: self.world.account(name.title()) for name in WHO[:3]}
        for name in ("bob", "carol"):
            self.alice.add(self.others[name])
        self.alice.block(self.others["carol"], blocked=True)

    def gets(self, who: str, envelope: bytes) -> Disposition:
        source = self.others[who].peer if who in self.others else None
        return self.alice.change(lambda unit: inbox.receive(unit, source, [envelope])[0])

    def asks(self, who: str) -> Disposition:
        """Have somebody ask with a group that they have never used."""
        answer = self.gets(who, ASK)
        if not answer.replies:
            return answer
        return self.gets(who, self.request(self.others[who], Envelope.decode(answer.replies[0]).payload))

    def request(self, author: Account, key_package: bytes, **fields: Any) -> bytes:
        def make(unit: UnitOfWork) -> bytes:
            group_id = unit.entropy(16)
            invited = [(self.alice.peer, key_package)]
            welcome = unit.engine.found(unit.keys, group_id, invited, knows=(), now=unit.seconds).welcomes[0]
            made = {
                "code": account.code(unit.tx).code,
                "introduction": "",
                "routes": b"\x80",
                "welcome": welcome,
                "made_at": unit.now,
            } | fields
            return ContactRequest(**made).encode()

        return Envelope(kind=Kind.CONTACT_REQUEST, payload=author.change(make)).encode()


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the test fail where an engine is asked anything."""
    for name in ("decrypt", "join", "found", "key_package", "members"):
        monkeypatch.setattr(MlsEngine, name, lambda *_, **__: pytest.fail("it was parsed"))


@pytest.mark.parametrize("kind", [Kind.KEY_PACKAGE_REQUEST, Kind.KEY_PACKAGE, Kind.CONTACT_REQUEST])
def test_what_is_too_large_is_refused_unparsed_whoever_sends_it(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    meeting = Meeting()
    forbid(monkeypatch)
    large = Envelope(kind=kind, payload=bytes(BUDGETS[kind].largest + 1)).encode()
    answers = {who: meeting.gets(who, large) for who in WHO}
    assert {(each.verdict, each.reason, each.retry_after) for each in answers.values()} == {
        (Verdict.REFUSED, "malformed-envelope", None)
    }
    assert answers["carol"] == answers["dave"]


@pytest.mark.parametrize("who", ["carol", "dave", "relay"])
@pytest.mark.parametrize("size", [10, 1000, BUDGETS[Kind.MLS_MESSAGE].largest - 23])
def test_of_a_message_of_an_unknown_era_nothing_but_its_id_is_read(
    monkeypatch: pytest.MonkeyPatch, who: str, size: int
) -> None:
    meeting = Meeting()
    forbid(monkeypatch)
    message = EraMessage(era_id=bytes(16), message=bytes(size))
    answer = meeting.gets(who, Envelope(kind=Kind.MLS_MESSAGE, payload=message.encode()).encode())
    assert answer.verdict is Verdict.IGNORED


@pytest.mark.parametrize(
    "item",
    [
        pytest.param([[], "", "", b""], id="an array for a Welcome"),
        pytest.param([b"", "", "", [None] * 30_000], id="many routes"),
        pytest.param({tuple(range(20)): None}, id="a map"),
        pytest.param([b"", "", "", b"", None], id="one too many"),
    ],
)
def test_a_request_that_is_nothing_of_the_kind_is_refused(item: object) -> None:
    envelope = Envelope(kind=Kind.CONTACT_REQUEST, payload=encode(item)).encode()
    assert Meeting().gets("dave", envelope).reason == "malformed-envelope"


def test_the_largest_request_that_we_would_make_is_taken() -> None:
    """What we make obeys the sizes that others ask of us."""
    meeting = Meeting()
    alice, dave = meeting.alice, meeting.others["dave"]
    way = Route(
        transport="t" * 40,
        address=bytes(512),
        sealing_key=bytes(2048),
        not_after=2**52,
        device_id=dave.device_id,
        client_key=bytes(32),
    )
    ways = [way] * 20
    name = "\U0001f600" * 64

    def boast(unit: UnitOfWork) -> None:
        relays = [nobody(number).onion for number in range(3)]
        unit.tx.execute("UPDATE account SET name = ?", (name,))
        account.advertise(unit, relays)
        code = str(ChatCode(peer=alice.peer))
        answering.add_contact(unit, code, name="Alice", introduction="\U0001f600" * 256)
        routes.offer(unit, alice.peer, ways)

    dave.change(boast)
    key_package = Envelope.decode(meeting.gets("dave", ASK).replies[0]).payload
    envelope = Envelope(kind=Kind.KEY_PACKAGE, payload=key_package).encode()
    dave.change(lambda unit: inbox.receive(unit, alice.peer, [envelope]))
    (request,) = dave.read(
        lambda tx: outgoing.pending(tx, alice.peer, after=0, now=meeting.world.now, limit=9)
    ).outgoing
    assert len(request.envelope) > 18_000
    assert meeting.gets("dave", request.envelope).verdict is Verdict.COMMITTED
    (waiting,) = alice.read(requests.everything)
    assert (waiting.name, waiting.introduction) == (name, "\U0001f600" * 256)
    assert len(routes.decode(waiting.routes)) == 6, "as many as fit"


def test_a_contact_that_asks_all_the_time_waits_and_is_never_turned_down() -> None:
    meeting = Meeting()
    answers = [meeting.asks("bob") for _ in range(31)]
    assert [answer.verdict for answer in answers[:30]] == [Verdict.COMMITTED] * 30
    assert (answers[30].reason, answers[30].retry_after) == ("requests-full", 121)
    # It keeps nobody else out.
    assert meeting.asks("dave").verdict is Verdict.COMMITTED
    meeting.world.pass_time(121)
    assert meeting.asks("bob").verdict is Verdict.COMMITTED


def test_a_contact_s_requests_that_a_relay_brings_are_counted_as_theirs() -> None:
    meeting = Meeting()
    last_resort = meeting.alice.change(lambda unit: key_package_pool.refill(unit, 0)).last_resort
    bob, dave = meeting.others["bob"], meeting.others["dave"]
    answers = [meeting.gets("relay", meeting.request(bob, last_resort)) for _ in range(31)]
    assert [answer.verdict for answer in answers] == [Verdict.COMMITTED] * 30 + [Verdict.REFUSED]
    assert answers[30].retry_after is not None
    assert meeting.gets("relay", meeting.request(dave, last_resort)).verdict is Verdict.COMMITTED


def test_what_is_counted_for_somebody_goes_with_them() -> None:
    meeting = Meeting()
    for _ in range(31):
        meeting.asks("bob")
    meeting.alice.remove(meeting.others["bob"])
    assert [row[0] for row in meeting.alice.read(lambda tx: tx.query("SELECT name FROM bucket"))] == []


def test_of_the_eras_that_a_contact_founds_in_a_hurry_few_are_kept() -> None:
    meeting = Meeting()
    for _ in range(30):
        meeting.asks("bob")
    bob = meeting.alice.read(lambda tx: contacts.find(tx, "Bob"))
    kept = "SELECT count(*) FROM era WHERE conversation = ?"
    assert meeting.alice.read(lambda tx: tx.query(kept, (bob.conversation.id,))) == [(5,)]
    assert len(meeting.alice.change(lambda unit: unit.engine.groups(unit.keys))) == 5
    assert meeting.alice.read(lambda tx: keeping.sending(tx, bob.conversation)) is not None


class CountedUnits(SqliteUnits):
    """Counts the steps that SQLite takes: how long something lasts, on a machine that always lasts the same."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self._database.set_progress_handler(self._count, 1)

    def _count(self) -> int:
        self.steps += 1
        return 0


class Crowd:
    """Alice, and messages that wait for Bob and for Carol."""

    def __init__(self, *, for_bob: int, for_carol: int) -> None:
        self.world = World(1, MlsEngine())
        self.units = CountedUnits()
        self.alice = Account(self.world, "Alice", self.units)
        self.bob, self.carol = self.world.account("Bob"), self.world.account("Carol")
        for each in (self.bob, self.carol):
            self.alice.add(each)
            self.world.heal(self.alice, each)
            each.accept(self.alice)
            self.world.heal(self.alice, each)
        self.ids = [bytes.fromhex(self.alice.write(self.bob, f"{number}").id) for number in range(for_bob)]
        for number in range(for_carol):
            self.alice.write(self.carol, f"{number}")

    def steps_of(self, content_type: str, body: bytes) -> int:
        """Return how many steps it takes to act on what Bob says."""
        part = content.SinglePart(content_type=content_type, content=body)
        mimi = content.MimiContent(salt=bytes(16), part=part, sent_at=self.world.now)
        self.units.steps = 0
        self.alice.change(
            lambda unit: receive_content(unit, contacts.find(unit.tx, "Bob"), mimi.encode(), device_id=bytes(16))
        )
        return self.units.steps

    def steps_of_statuses(self) -> int:
        read = [(each, content.MessageStatus.READ) for each in self.ids[:20]]
        return self.steps_of(content.STATUS, content.encode_status(read))

    def steps_of_another_era(self) -> int:
        """Return how many steps it takes to hear from Bob in another era for the first time."""
        self.bob.remove(self.alice)
        self.bob.add(self.alice)
        for author, reader in ((self.bob, self.alice), (self.alice, self.bob), (self.bob, self.alice)):
            self.world.connect(author, reader)
            while self.world.deliver(author, reader) is not None:
                pass
        self.world.connect(self.alice, self.bob)
        while self.world.deliver(self.alice, self.bob) is not None:
            pass
        self.world.connect(self.bob, self.alice)
        self.units.steps = 0
        self.world.deliver(self.bob, self.alice)
        assert self.alice.read(lambda tx: tx.query("SELECT count(*) FROM era WHERE confirmed = 1")) == [(3,)]
        return self.units.steps


def test_a_status_costs_no_more_where_many_other_messages_wait() -> None:
    few, many = Crowd(for_bob=20, for_carol=0), Crowd(for_bob=400, for_carol=0)
    assert many.steps_of_statuses() < 1.1 * few.steps_of_statuses()


def test_what_waits_for_others_makes_nobody_s_move_dearer() -> None:
    few, many = Crowd(for_bob=20, for_carol=0), Crowd(for_bob=20, for_carol=400)
    assert many.steps_of_another_era() < 1.1 * few.steps_of_another_era()
